// Many turns at once on budgets for a quarter of them: random sizes, stops, the vendor's faults, kills of processes, and a clock that steps
// across a day, a Monday and a month's end, and back. What the budgets say is held against the ledger and the vendor's own meter.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { startEmulator } from "../emulator/emulator.ts";
import type { FaultName } from "../emulator/fault-list.ts";
import { watchBudgets } from "./budget-watch.ts";
import { call, newSession, openStream, readReceipt, say } from "./client.ts";
import { type ServerProcess, startProcess } from "./kill-run.ts";
import { published, type RawUsage, recompute } from "./recompute.ts";

export interface RaceOptions {
  databaseUrl: string;
  processes: number;
  /** Turns at once in each of the rounds, one for each step of the clock. */
  turns: number;
  kills: number;
  seed: number;
  onProgress?: (line: string) => void;
}
/** What became of a caller: each has one end. `broken`: the line broke with its process. */
export const ends = ["answered", "stopped", "failed", "refused", "busy", "broken"] as const;
type End = (typeof ends)[number];

export interface RaceResult {
  /** Callers: as many as were sent in all rounds. */
  callers: number;
  /** Their sum is `callers`; each is held against the turns in the database. */
  ends: Record<End, number>;
  granted: number;
  shortened: number;
  interrupted: number;
  kills: number;
  calls: number;
  /** Turns whose calls the vendor had answered whole: their cost is the vendor's meter, to the picodollar. */
  metered: number;
  /** The other turns: cut, or without a usage. What the vendor's meter said until then, and what we have settled for them. */
  cut: {
    turns: number;
    vendorPico: string;
    settledPico: string /** Those of less than the meter, and by how much in all. */;
    short: number;
    shortPico: string;
  };
  looks: number;
  /** In thousandths of its limit. */
  fullest: number;
  beyondPico: string;
  settledPico: string;
  /** What those that failed were told. */
  failures: Record<string, number>;
  problems: string[];
}

const here = dirname(fileURLToPath(import.meta.url));
const bun = join(dirname(createRequire(import.meta.url).resolve("bun/package.json")), "bin", "bun.exe");
/** The clock of each round. 2026-08-31 was a Monday, and the last of its month. */
const clocks = [
  "2026-08-29T12:00:00Z",
  "2026-08-30T23:59:59Z",
  "2026-08-31T00:00:30Z",
  "2026-08-31T23:59:59Z",
  "2026-08-30T23:59:50Z",
];
const faults: FaultName[] = [
  "overloaded-503",
  "quota-minute",
  "reset-early",
  "reset-midstream",
  "no-usage",
  "internal-500",
];
const model = "gemini-2.5-flash";
const priceRow = published.find((row) => row.model === model)!;

interface Told {
  end: End;
  /** The first words of the question, which no other has. */
  asked: string;
}

export async function runBudgetRace(options: RaceOptions): Promise<RaceResult> {
  const random = seededRandom(options.seed);
  const folder = mkdtempSync(join(tmpdir(), "rozmova-race-"));
  const clockFile = join(folder, "clock");
  const setClock = (iso: string) => writeFileSync(clockFile, String(Date.parse(iso) - Date.now()));
  setClock(clocks[0]!);
  const emulator = await startEmulator({ record: 100_000, now: () => Date.parse("2026-08-29") });
  emulator.always({ chunks: 12, chunkChars: 20, delayMs: 15 });
  const env = {
    ...{
      DATABASE_URL: options.databaseUrl,
      GEMINI_API_KEY: "test-key",
      GEMINI_BASE_URL: emulator.url,
      CLOCK_FILE: clockFile,
    },
    ...{ GEMINI_MODEL: model, PROVIDER_RETRY_BASE_MS: "1", PROVIDER_RETRY_BUDGET_MS: "100", STOP_DRAIN_MS: "2000" },
  };
  const start = () => startProcess(env, [bun, join(here, "budget-child.ts")] as [string, ...string[]]);
  const servers: ServerProcess[] = [];
  for (let n = 0; n < options.processes; n++) servers.push(await start());
  const result: RaceResult = {
    ...{ callers: 0, granted: 0, shortened: 0, interrupted: 0, kills: 0, calls: 0, metered: 0, looks: 0 },
    ends: { answered: 0, stopped: 0, failed: 0, refused: 0, busy: 0, broken: 0 },
    cut: { turns: 0, vendorPico: "0", settledPico: "0", short: 0, shortPico: "0" },
    ...{ fullest: 0, beyondPico: "0", settledPico: "0", failures: {}, problems: [] },
  };
  const anyUrl = () => servers[Math.floor(random() * servers.length)]!.url;
  try {
    const sessions = await makeSessions(servers[0]!.url, options.turns);
    await setBudgets(servers[0]!.url, options.turns, result);
    const watch = await watchBudgets(options.databaseUrl);
    const told: Told[] = [];
    for (const [round, clock] of clocks.entries()) {
      setClock(clock);
      await pause(60); // each process reads its clock every 20 ms
      emulator.play(
        ...Array.from({ length: Math.ceil(options.turns / 6) }, () => ({ fault: pick(faults, random), delayMs: 10 })),
      );
      const load = sessions.map((id, n) => speak(anyUrl, id, n, round, random, result));
      const killing = killSome(servers, start, round, options, random, result);
      told.push(...(await Promise.all(load)));
      await killing;
      for (const end of ends) result.ends[end] = told.filter((one) => one.end === end).length;
      options.onProgress?.(`round ${round + 1}/${clocks.length} at ${clock}: ${JSON.stringify(result.ends)}`);
    }
    await waitUntilSettled(servers[0]!.url, sessions, result);
    await checkBooks(servers[0]!.url, watch, emulator.generateCalls(), told, result);
    const seen = await watch.stop();
    Object.assign(result, {
      looks: seen.looks,
      fullest: seen.fullest,
      callers: told.length,
      calls: emulator.callCount,
    });
    result.problems.push(...seen.problems);
  } finally {
    for (const server of servers) server.child.kill("SIGKILL");
    await emulator.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return result;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const pick = <T>(of: readonly T[], random: () => number): T => of[Math.floor(random() * of.length)]!;

function makeSessions(url: string, count: number): Promise<string[]> {
  return Promise.all(
    Array.from({ length: count }, (_, n) => newSession(url, { user: `user ${n % 4}` }).then(({ id }) => id)),
  );
}

/** For a quarter of the turns each: a turn of 400 tokens holds some 0.001 USD for one call. */
async function setBudgets(url: string, turns: number, result: RaceResult): Promise<void> {
  const usd = (share: number) => (share * turns * 0.001).toFixed(6);
  const put = async (scope: string, limits: object[]) => {
    const { status } = await call(`${url}/budgets/${encodeURIComponent(scope)}`, "PUT", { limits });
    if (status !== 200) result.problems.push(`PUT ${scope}: ${status}`);
  };
  const [day, week, month] = ["day", "week", "month"].map((window) => ({ window, usd: usd(0.25) }));
  await put("global", [{ window: "total", usd: usd(1) }, day!]);
  await put("project", [week!, { ...day!, models: [model] }]);
  for (let n = 0; n < 4; n++)
    await put(`user:user ${n}`, [
      { ...month!, usd: usd(0.12) },
      { ...day!, usd: usd(0.08) },
    ]);
}

async function speak(
  anyUrl: () => string,
  sessionId: string,
  n: number,
  round: number,
  random: () => number,
  result: RaceResult,
): Promise<Told> {
  const asked = `question ${round}-${n}`;
  const body = {
    content: `${asked} ${"word ".repeat(Math.floor(random() * 60))}`,
    params: { max_output_tokens: 50 + Math.floor(random() * 800) },
  };
  const url = anyUrl();
  const how = random();
  const tell = (end: End): Told => ({ end, asked });
  const refuse = (status: number, code: string): Told => {
    if (status === 402) return tell("refused");
    if (status === 409) return tell("busy");
    result.failures[code] = (result.failures[code] ?? 0) + 1;
    return tell("failed");
  };
  try {
    if (how < 0.4) {
      const { status, body: answer } = await say(url, sessionId, body);
      if (status !== 201) return refuse(status, `${status} ${answer.code}`);
      return tell(answer.turn.status === "complete" ? "answered" : "broken");
    }
    return tell(await stream(url, anyUrl, sessionId, body, how > 0.8));
  } catch (cause) {
    const status = cause instanceof Error && /no stream but (\d+)/.exec(cause.message)?.[1];
    return status ? refuse(Number(status), status) : tell("broken");
  }
}

async function stream(
  url: string,
  anyUrl: () => string,
  sessionId: string,
  body: object,
  stops: boolean,
): Promise<End> {
  const events = await openStream(url, sessionId, body);
  let turnId: string | null = null;
  let end: string | undefined;
  for await (const event of events) {
    turnId ??= (event.data.turn_id as string) ?? null;
    if (event.type === "turn-end") end = (event.data.turn as { status: string }).status;
    if (!stops || event.type !== "text-delta" || turnId === null) continue;
    await call(`${anyUrl()}/turns/${turnId}/stop`, "POST", { hard: turnId.charCodeAt(30) % 2 === 0 }).catch(() => {});
    return "stopped";
  }
  return end === "complete" ? "answered" : end === "failed" ? "failed" : "broken";
}

/** In the midst of every other round a process goes without a word, and another comes in its place. */
async function killSome(
  servers: ServerProcess[],
  start: () => Promise<ServerProcess>,
  round: number,
  { kills }: RaceOptions,
  random: () => number,
  result: RaceResult,
): Promise<void> {
  if (result.kills >= kills || round % 2 === 1) return;
  await pause(80 + random() * 200);
  const at = Math.floor(random() * servers.length);
  await servers[at]!.kill("SIGKILL");
  servers[at] = await start();
  result.kills++;
}

async function waitUntilSettled(url: string, sessions: readonly string[], result: RaceResult): Promise<void> {
  for (const giveUp = performance.now() + 60_000; performance.now() < giveUp; await pause(50)) {
    const states = await Promise.all(
      sessions.map((id) => call<{ running_turn_id: string | null }>(`${url}/sessions/${id}`, "GET")),
    );
    if (states.every(({ body }) => body.running_turn_id === null)) return;
  }
  result.problems.push("some turn never came to its end");
}

interface TurnRow {
  id: string;
  question: string;
  status: string;
  started_at: string;
  user_name: string;
  cost: string | null;
  notices: string | null;
  settled: string;
}

/** Nothing is held any more, and each budget has settled what its turns cost, by the receipts and by the vendor's meter. */
async function checkBooks(
  url: string,
  watch: Awaited<ReturnType<typeof watchBudgets>>,
  calls: readonly { bodyText: string; usage: Record<string, unknown> | null }[],
  told: readonly Told[],
  result: RaceResult,
): Promise<void> {
  const readTurns = () =>
    watch.query<TurnRow>(
      "SELECT id, question, status, CAST(started_at AS TEXT) AS started_at, user_name, CAST(cost_pico AS TEXT) AS cost, notices, CAST(settled AS TEXT) AS settled FROM turn",
    );
  for (const giveUp = performance.now() + 30_000; performance.now() < giveUp; await pause(50))
    if ((await readTurns()).every(({ settled }) => settled === "1")) break;
  const turns = await readTurns();
  result.granted = turns.length;
  result.shortened = turns.filter(({ notices }) => notices?.includes("output_shortened")).length;
  result.interrupted = turns.filter(({ status }) => status === "interrupted").length;
  checkEnds(turns, told, result);
  const meter = meterByQuestion(calls);
  const cut = { turns: 0, vendor: 0n, settled: 0n, short: 0, missing: 0n };
  for (const turn of turns) {
    const receipt = await readReceipt(url, turn.id);
    const [cost, metered] = [BigInt(turn.cost ?? "0"), meter.get(askedOf(turn)) ?? 0n];
    if (receipt.attempts.every(({ accuracy }) => accuracy === "exact")) {
      result.metered++;
      if (cost !== metered) result.problems.push(`${turn.id} cost ${cost}, the vendor's meter says ${metered}`);
      continue;
    }
    cut.turns++;
    cut.vendor += metered;
    cut.settled += cost;
    if (metered > 0n && cost === 0n)
      result.problems.push(`${turn.id} cost nothing, the vendor's meter says ${metered}`);
    if (cost >= metered) continue;
    cut.short++;
    cut.missing += metered - cost;
    // What a hard stop, a kill or a reset has cut off had been sent, and was never read.
    if (turn.status === "complete") result.problems.push(`${turn.id} cost ${cost}, less than the meter's ${metered}`);
  }
  const { vendor, settled, missing, ...rest } = cut;
  result.cut = { ...rest, vendorPico: `${vendor}`, settledPico: `${settled}`, shortPico: `${missing}` };
  await checkWindows(watch, turns, result);
}

const askedOf = ({ question }: Pick<TurnRow, "question">) => question.split(" ", 2).join(" ");

/** Whoever was refused has no turn; whoever was answered has one that is complete; and there is no turn of nobody's. */
function checkEnds(turns: readonly TurnRow[], told: readonly Told[], result: RaceResult): void {
  const statusOf = new Map(turns.map((turn) => [askedOf(turn), turn.status]));
  const may: Record<End, (string | undefined)[]> = {
    answered: ["complete"],
    stopped: ["stopped", "complete", "failed", "interrupted"],
    failed: ["failed", undefined],
    refused: [undefined],
    busy: [undefined],
    broken: ["interrupted", "complete", "failed", "stopped", undefined],
  };
  for (const { end, asked } of told)
    if (!may[end].includes(statusOf.get(asked)))
      result.problems.push(`${asked} was ${end}, its turn is ${statusOf.get(asked)}`);
  const known = new Set(told.map(({ asked }) => asked));
  for (const turn of turns) if (!known.has(askedOf(turn))) result.problems.push(`${turn.id} is nobody's`);
}

/** By the first words of a question, which no other has. */
function meterByQuestion(calls: readonly { bodyText: string; usage: Record<string, unknown> | null }[]) {
  const meter = new Map<string, bigint>();
  for (const { bodyText, usage } of calls) {
    if (usage === null) continue;
    const asked = [...bodyText.matchAll(/question \d+-\d+/g)].at(-1)![0];
    meter.set(asked, (meter.get(asked) ?? 0n) + recompute(priceRow, usage as RawUsage));
  }
  return meter;
}

async function checkWindows(
  watch: Awaited<ReturnType<typeof watchBudgets>>,
  turns: readonly TurnRow[],
  result: RaceResult,
): Promise<void> {
  const budgets = await watch.query<{ number: string; scope: string; period: string }>(
    "SELECT CAST(number AS TEXT) AS number, scope, period FROM budget",
  );
  for (const row of await watch.read()) {
    const { scope, period } = budgets.find(({ number }) => number === row.budget)!;
    const [from, until] = windowOf(period, Number(row.starts_at));
    const mine = turns.filter(
      ({ user_name, started_at }) =>
        (!scope.startsWith("user:") || scope === `user:${user_name}`) &&
        from <= Number(started_at) &&
        Number(started_at) < until,
    );
    const spent = mine.reduce((sum, { cost }) => sum + BigInt(cost ?? "0"), 0n);
    const at = `${scope} ${period} ${row.starts_at}`;
    if (row.held !== "0") result.problems.push(`${at}: ${row.held} is still held`);
    if (BigInt(row.settled) !== spent) result.problems.push(`${at}: ${row.settled} settled, the turns cost ${spent}`);
    if (scope === "global" && period === "total")
      Object.assign(result, { settledPico: row.settled, beyondPico: row.beyond });
  }
}

/** Computed in another way than the server does it. */
function windowOf(period: string, start: number): [number, number] {
  if (period === "total") return [0, Number.MAX_SAFE_INTEGER];
  const end = new Date(start);
  if (period === "month") end.setUTCMonth(end.getUTCMonth() + 1);
  else end.setUTCDate(end.getUTCDate() + (period === "day" ? 1 : 7));
  return [start, end.getTime()];
}

function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
