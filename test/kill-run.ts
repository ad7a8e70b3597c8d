// Kills a real server process at random moments under load, starts it again, and compares what it says with what was acknowledged.

import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { startEmulator } from "../emulator/emulator.ts";
import { defaultProject } from "../src/caller/project.ts";
import { verifyBooks } from "../src/command/verify.ts";
import { openStore } from "../src/database/open.ts";
import {
  call,
  collect,
  type HistoryBody,
  newSession,
  openEvents,
  openStream,
  readReceipt,
  readTurn,
  say,
  textOf,
} from "./client.ts";

export interface KillOptions {
  databaseUrl: string;
  kills: number;
  seed: number;
  writers: number;
  onProgress?: (line: string) => void;
}
export interface KillResult {
  kills: number;
  /** Turns whose 201 had arrived, and turns whose first event had. */
  acknowledged: number;
  started: number;
  interrupted: number;
  /** Of the interrupted ones: how many kept the beginning of their answer. */
  withText: number;
  /** Turns that had words in the database, as somebody else saw it, right before a kill. */
  savedBefore: number;
  /** How long before a kill a reader had seen the oldest words that it took away. */
  oldestLostMs: number;
  /** Requests that the vendor saw, and bookings. */
  calls: number;
  entries: number;
  slowestReadyMs: number;
  /** From the kill until every session takes the next message. */
  slowestFreeMs: number;
  problems: string[];
}

export interface ServerProcess {
  url: string;
  /** From the start of the process to the first 200 of /readyz. */
  readyMs: number;
  kill(signal: NodeJS.Signals): Promise<number | null>;
  child: ChildProcess;
  /** What it has written to stderr so far. */
  said(): string;
}

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const bun = join(dirname(createRequire(import.meta.url).resolve("bun/package.json")), "bin", "bun.exe");

/** Starts the real command in a process of its own and waits until it is ready. */
export async function startProcess(
  env: Record<string, string>,
  command: [string, ...string[]] = [bun, join(root, "src", "cli.ts")],
): Promise<ServerProcess> {
  const began = performance.now();
  const child = spawn(command[0], command.slice(1), {
    cwd: root,
    env: { PATH: process.env.PATH, BUN_CONFIG_MAX_HTTP_REQUESTS: "65535", LOG_LEVEL: "silent", PORT: "0", ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise<number | null>((resolve) => child.on("exit", (code) => resolve(code)));
  let said = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr!.on("data", (bytes: Buffer) => {
      said += bytes.toString();
      const found = /listens on (http:\S+)/.exec(said);
      if (found) resolve(found[1]!);
    });
    void ended.then((code) => reject(new Error(`the server ended with ${code} before it was ready: ${said}`)));
  });
  while ((await fetch(`${url}/readyz`)).status !== 200) await new Promise((resolve) => setTimeout(resolve, 5));
  const kill = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return ended;
  };
  return { url, readyMs: performance.now() - began, kill, child, said: () => said };
}

interface StartedTurn {
  sessionId: string;
  /** What its reader has seen, and when how much of it. */
  seen: string;
  seenAt: { at: number; length: number }[];
  /** What was in the database right before the kill that ended it. */
  saved: string;
}
interface Ledger {
  acknowledged: Map<string, { sessionId: string; userText: string; reply: string; cost: string | null }>;
  started: Map<string, StartedTurn>;
}

/** Runs `kills` rounds of: load, kill -9, restart, check. Deterministic in its schedule, not in what the kill hits. */
export async function runKills(options: KillOptions): Promise<KillResult> {
  const emulator = await startEmulator({ record: false });
  emulator.always({ chunks: 30, chunkChars: 6, delayMs: 4 });
  const env = { DATABASE_URL: options.databaseUrl, GEMINI_API_KEY: "test-key", GEMINI_BASE_URL: emulator.url };
  const ledger: Ledger = { acknowledged: new Map(), started: new Map() };
  const result: KillResult = {
    ...{ kills: 0, acknowledged: 0, started: 0, interrupted: 0, withText: 0, savedBefore: 0, oldestLostMs: 0 },
    ...{ calls: 0, entries: 0, slowestReadyMs: 0, slowestFreeMs: 0 },
    problems: [],
  };
  const random = seededRandom(options.seed);
  let server = await startProcess(env);
  try {
    const sessions = await Promise.all(
      Array.from({ length: options.writers }, () => newSession(server.url).then(({ id }) => id)),
    );
    for (; result.kills < options.kills; result.kills++) {
      // Half of the first turns speak for so long that a part of what they say is in the log when the kill comes.
      const long = { chunks: 150, chunkChars: 6, delayMs: 4 };
      emulator.play(...Array.from({ length: Math.ceil(options.writers / 2) }, () => long));
      const refused = (why: string) => result.problems.push(`kill ${result.kills + 1}: a message was refused: ${why}`);
      const load = sessions.map((id, index) => keepWriting(server.url, id, index % 2 === 0, ledger, refused));
      await new Promise((resolve) => setTimeout(resolve, 100 + random() * 500));
      await noteSaved(options.databaseUrl, ledger, result);
      const killedAt = performance.now();
      await server.kill("SIGKILL");
      await Promise.all(load);
      server = await startProcess(env);
      result.slowestReadyMs = Math.max(result.slowestReadyMs, server.readyMs);
      await Promise.all(sessions.map((id) => waitUntilFree(server.url, id)));
      result.slowestFreeMs = Math.max(result.slowestFreeMs, performance.now() - killedAt);
      await checkAll(server.url, sessions, ledger, result, killedAt);
      options.onProgress?.(
        `${result.kills + 1}/${options.kills} kills, ${ledger.acknowledged.size} turns acknowledged, ${result.problems.length} problems`,
      );
    }
    await server.kill("SIGTERM");
    await checkBooks(options.databaseUrl, emulator.callCount, result);
  } finally {
    server.child.kill("SIGKILL");
    await emulator.close();
  }
  result.acknowledged = ledger.acknowledged.size;
  result.started = ledger.started.size;
  return result;
}

/** Reads beside the server what is stored of the answers under way: from here on it is a promise. */
async function noteSaved(databaseUrl: string, ledger: Ledger, result: KillResult): Promise<void> {
  const store = await openStore(databaseUrl, { processId: 2, readOnly: true });
  try {
    for (const [turnId, started] of ledger.started) {
      if (ledger.acknowledged.has(turnId) || started.saved !== "") continue;
      const log = await store.readTurnLog(defaultProject, turnId, 0);
      if (log) started.saved = log.events.map((event) => (typeof event === "string" ? event : "")).join("");
      if (started.saved !== "") result.savedBefore++;
    }
  } finally {
    await store.close();
  }
}

/** On Postgres the lease of a dead process must run out; whoever is not free after long is told by the checks that follow. */
async function waitUntilFree(url: string, sessionId: string): Promise<void> {
  for (const giveUp = performance.now() + 15_000; performance.now() < giveUp; ) {
    const { body } = await call<{ running_turn_id: string | null }>(`${url}/sessions/${sessionId}`, "GET");
    if (body.running_turn_id === null) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Sends messages one after another, half of the writers as streams, until the server is gone. None may be refused. */
async function keepWriting(
  url: string,
  sessionId: string,
  stream: boolean,
  ledger: Ledger,
  refused: (why: string) => void,
): Promise<void> {
  for (let n = 0; ; n++) {
    const userText = `${sessionId} ${n} ${crypto.randomUUID()}`;
    try {
      if (stream) await writeStream(url, sessionId, userText, ledger);
      else {
        const { status, body } = await say(url, sessionId, { content: userText });
        if (status === 201)
          ledger.acknowledged.set(body.turn.id, {
            sessionId,
            userText,
            reply: body.reply.content,
            cost: body.reply.cost!.total,
          });
        else refused(`${status} ${body.code}`);
      }
    } catch (cause) {
      if (cause instanceof Error && cause.message.startsWith("no stream")) refused(cause.message);
      return;
    }
  }
}

async function writeStream(url: string, sessionId: string, userText: string, ledger: Ledger): Promise<void> {
  let turnId = "";
  for await (const event of await openStream(url, sessionId, { content: userText })) {
    if (event.type === "turn-start") {
      turnId = event.data.turn_id as string;
      ledger.started.set(turnId, { sessionId, seen: "", seenAt: [], saved: "" });
    } else if (event.type === "text-delta") {
      const turn = ledger.started.get(turnId)!;
      turn.seen += event.data.text;
      turn.seenAt.push({ at: performance.now(), length: turn.seen.length });
    } else if (event.type === "turn-end") {
      ledger.acknowledged.set(turnId, {
        sessionId,
        userText,
        reply: event.data.reply!.content,
        cost: event.data.reply!.cost!.total,
      });
    }
  }
}

async function checkAll(
  url: string,
  sessions: string[],
  ledger: Ledger,
  result: KillResult,
  killedAt: number,
): Promise<void> {
  result.interrupted = 0;
  result.withText = 0;
  for (const sessionId of sessions) {
    const history = (await call<HistoryBody>(`${url}/sessions/${sessionId}/history`, "GET")).body;
    const byTurn = new Map(
      history.data.filter(({ role }) => role === "assistant").map((reply) => [reply.turn_id, reply]),
    );
    const asked = new Map(
      history.data.filter(({ role }) => role === "user").map((message) => [message.turn_id, message]),
    );
    const complain = (what: string) => result.problems.push(`${sessionId}: ${what}`);
    if (history.session.running_turn_id !== null) complain("a turn is still running");
    for (const [turnId, acknowledged] of ledger.acknowledged) {
      if (acknowledged.sessionId !== sessionId) continue;
      if (asked.get(turnId)?.content !== acknowledged.userText) complain(`${turnId}: its message is gone`);
      if (byTurn.get(turnId)?.content !== acknowledged.reply) complain(`${turnId}: its reply changed`);
      if (byTurn.get(turnId)?.cost?.total !== acknowledged.cost) complain(`${turnId}: its cost changed`);
    }
    for (const [turnId, started] of ledger.started) {
      if (started.sessionId !== sessionId) continue;
      const stored = byTurn.get(turnId)?.content;
      if (stored === undefined) complain(`${turnId}: a turn that had begun is gone`);
      // What was seen and what was stored are two beginnings of one answer: the kill came between seeing and storing.
      else if (!stored.startsWith(started.seen) && !started.seen.startsWith(stored))
        complain(`${turnId}: its text is not what its reader saw`);
      else if (!stored.startsWith(started.saved)) complain(`${turnId}: words that were in the database are gone`);
      else {
        const lost = started.seenAt.find(({ length }) => length > stored.length);
        if (lost && lost.at <= killedAt) result.oldestLostMs = Math.max(result.oldestLostMs, killedAt - lost.at);
        started.seenAt = []; // counted once
      }
    }
    for (const reply of byTurn.values()) {
      if (reply.status === "running") complain(`${reply.turn_id} is not terminal`);
      if (reply.status === "interrupted") {
        result.interrupted++;
        if (reply.content !== "") result.withText++;
        await checkInterrupted(url, reply.turn_id, reply.content, complain);
      }
    }
    const sum = [...byTurn.values()].reduce((total, reply) => total + toPico(reply.cost?.total), 0n);
    if (sum !== toPico(history.cost.total)) complain(`the messages cost ${sum}, the session ${history.cost.total}`);
  }
}

async function checkInterrupted(
  url: string,
  turnId: string,
  content: string,
  complain: (what: string) => void,
): Promise<void> {
  const [turn, receipt, events] = await Promise.all([
    readTurn(url, turnId),
    readReceipt(url, turnId),
    collect(await openEvents(url, turnId)),
  ]);
  if (events.at(-1)?.type !== "turn-end") complain(`${turnId}: its events do not end`);
  if (textOf(events) !== content) complain(`${turnId}: its events and its text differ`);
  if (!receipt.settled || receipt.total !== turn.cost?.total) complain(`${turnId}: its receipt and its cost differ`);
  if (receipt.accuracy === "exact") complain(`${turnId}: was cut and claims to be exact`);
}

async function checkBooks(databaseUrl: string, calls: number, result: KillResult): Promise<void> {
  const store = await openStore(databaseUrl, { processId: 1 });
  const books = await store.sumBooks();
  await store.close();
  result.calls = calls;
  result.entries = books.entries;
  if (books.entries < calls) result.problems.push(`the vendor had ${calls} requests, ${books.entries} are booked`);
  if (books.entriesTotal !== books.sessionsTotal || books.turnsTotal !== books.entriesTotal) {
    result.problems.push(
      `the books differ: entries ${books.entriesTotal}, turns ${books.turnsTotal}, sessions ${books.sessionsTotal}`,
    );
  }
  const { found } = await verifyBooks(databaseUrl);
  for (const { where, what, says, should } of found.shown.slice(0, 5))
    result.problems.push(`${where}: ${what} is ${says}, and should be ${should}`);
  if (books.runningTurns !== 0) result.problems.push(`${books.runningTurns} turns are still running`);
}

function toPico(usd: string | null | undefined): bigint {
  const [whole = "0", fraction = ""] = (usd ?? "0").split(".");
  return BigInt(whole) * 10n ** 12n + BigInt(fraction.padEnd(12, "0"));
}

function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
