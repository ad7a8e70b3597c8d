// Kills a real server process at random moments while titles are made, and compares what the vendor saw with the books.

import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { startEmulator } from "../emulator/emulator.ts";
import { openStore } from "../src/database/open.ts";
import { call, eventually, newSession, readHistory, say } from "./client.ts";
import { type ServerProcess, startProcess } from "./kill-run.ts";

export interface TitleKillResult {
  /** Requests that the vendor saw, and bookings. */
  calls: number;
  entries: number;
  /** Calls that a dead process had begun, at the kills. */
  leftBegun: number;
  problems: string[];
}

export async function runTitleKills(databaseUrl: string, kills: number, seed: number): Promise<TitleKillResult> {
  const emulator = await startEmulator({ record: false });
  const env = { DATABASE_URL: databaseUrl, GEMINI_API_KEY: "test-key", GEMINI_BASE_URL: emulator.url, TITLES: "auto" };
  const result: TitleKillResult = { calls: 0, entries: 0, leftBegun: 0, problems: [] };
  let random = seed;
  const next = () => {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    return random / 2 ** 32;
  };
  let server = await startProcess(env);
  const sessions: string[] = [];
  try {
    for (let kill = 0; kill < kills; kill++) {
      emulator.always({ text: `Name ${kill}`, firstByteMs: Math.floor(next() * 40) });
      for (const _ of Array(4)) sessions.push((await newSession(server.url)).id);
      const work = sessions.slice(-8).map((id) => keepNaming(server, id));
      // More calls than sessions: some of them are for titles, however slow the machine is.
      const enough = emulator.callCount + work.length + 1 + Math.floor(next() * 12);
      await eventually(
        async () => emulator.callCount,
        (count) => count >= enough,
        60_000,
      );
      await new Promise((resolve) => setTimeout(resolve, next() * 30));
      await server.kill("SIGKILL");
      await Promise.all(work);
      result.leftBegun += await endLeases(databaseUrl);
      server = await startProcess(env);
    }
    await eventually(
      () => endLeases(databaseUrl),
      (left) => left === 0,
      30_000,
    );
    for (const id of sessions) {
      const settled = await eventually(
        () => readHistory(server.url, id),
        ({ session }) => session.running_turn_id === null,
        30_000,
      );
      const sum = settled.data.reduce((total, { cost }) => total + toPico(cost?.total), 0n);
      if (sum !== toPico(settled.cost.total)) result.problems.push(`${id}: ${sum}, not ${settled.cost.total}`);
    }
    await server.kill("SIGTERM");
    const store = await openStore(databaseUrl, { processId: 1 });
    const books = await store.sumBooks();
    await store.close();
    result.entries = books.entries;
    result.calls = emulator.callCount;
    if (books.entriesTotal !== books.sessionsTotal || books.turnsTotal !== books.entriesTotal)
      result.problems.push("the books differ");
    if (result.entries < result.calls) result.problems.push("a call that the vendor saw is not booked");
    // A call is written down, and then the kill comes before it is sent: at most one for each that was begun.
    if (result.entries > result.calls + result.leftBegun + sessions.length)
      result.problems.push("calls are booked that were never begun");
  } finally {
    server.child.kill("SIGKILL");
    await emulator.close();
  }
  return result;
}

/** Speaks and asks for titles until the server is gone. */
async function keepNaming({ url }: ServerProcess, id: string): Promise<void> {
  try {
    await say(url, id, { content: "hello" });
    for (;;) await call(`${url}/sessions/${id}/title`, "POST");
  } catch {
    return;
  }
}

/** Nobody waits half a minute in a test: what was begun is over at once. Returns how many titles were begun. */
async function endLeases(databaseUrl: string): Promise<number> {
  const sql = "UPDATE title_call SET lease_until = 0";
  if (databaseUrl.startsWith("sqlite:")) {
    const database = new DatabaseSync(databaseUrl.slice("sqlite:".length), { timeout: 5_000 });
    const { changes } = database.prepare(sql).run();
    database.close();
    return Number(changes);
  }
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  // In the order in which the server takes them: else each may wait for the other.
  const inOrder = "WHERE session IN (SELECT session FROM title_call ORDER BY session FOR UPDATE)";
  const { rowCount } = await client.query(`${sql} ${inOrder}`);
  await client.end();
  return rowCount ?? 0;
}

function toPico(usd: string | null | undefined): bigint {
  const [whole = "0", fraction = ""] = (usd ?? "0").split(".");
  return BigInt(whole) * 10n ** 12n + BigInt(fraction.padEnd(12, "0"));
}
