// Storage fails while a turn runs: its caller is told, nothing is half-written, and when storage is back the end is stored.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { defaultProject } from "../src/caller/project.ts";
import { openStore } from "../src/database/open.ts";
import type { Store } from "../src/store.ts";
import {
  call,
  collect,
  eventually,
  newSession,
  openEvents,
  openStream,
  readHistory,
  readReceipt,
  readTurn,
  type SeenEvent,
  say,
  textOf,
} from "./client.ts";
import { engines } from "./engines.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

interface Outage {
  begin(): Promise<void>;
  end(): Promise<void>;
}

const maxFileBytes = 2_000_000;

/** Somebody else fills the disk: every page that the file may have is taken, until the filler goes. */
function fillFile(databaseUrl: string): Outage {
  const file = databaseUrl.slice("sqlite:".length);
  const run = async (sql: string) => {
    const other = new DatabaseSync(file, { timeout: 2_000 });
    other.exec(sql);
    other.close();
  };
  return {
    begin: () => run(`CREATE TABLE filler AS SELECT zeroblob(${maxFileBytes}) AS bytes`),
    end: () => run("DROP TABLE filler"),
  };
}

/** The server takes no writes for a while, as one does that has become a stand-by. */
function forbidWrites(databaseUrl: string): Outage {
  const run = async (sql: string) => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query("SET default_transaction_read_only = off");
    await client.query(sql);
    await client.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    await client.end();
  };
  const set = `ALTER DATABASE ${new URL(databaseUrl).pathname.slice(1)} SET default_transaction_read_only`;
  return { begin: () => run(`${set} = on`), end: () => run(`${set} = off`) };
}

describe.each(engines)("on %s", (name, createDatabase) => {
  let server: HttpServer;
  let aside: Store;
  let outage: Outage;
  beforeAll(async () => {
    const databaseUrl = await createDatabase();
    outage = name === "SQLite" ? fillFile(databaseUrl) : forbidWrites(databaseUrl);
    server = await startHttp({
      databaseUrl,
      maxFileBytes,
      times: { storeRetryMs: [20, 40, 60, 80] },
      providerMs: 5_000,
    });
    aside = await openStore(databaseUrl, { processId: 9, readOnly: true });
  });
  afterAll(async () => {
    await aside.close();
    await server.stop();
  });
  beforeEach(() => {
    server.emulator.reset();
    server.logged.length = 0;
  });

  const text = "слово ".repeat(10_000); // more than fits into pages that are there already
  const slow = { text, chunks: 3, delayMs: 250 };

  /** What must hold while the end of a turn cannot be stored. */
  async function expectNothingHalf(sessionId: string, turnId: string): Promise<void> {
    const log = await eventually(
      () => aside.readTurnLog(defaultProject, turnId, 0).catch(() => undefined),
      (found) => found !== undefined,
    );
    expect([log!.turn.status, log!.lastNumber]).toEqual(["running", null]);
    expect(await aside.listEntries(defaultProject, turnId)).toEqual([]);
    const messages = await aside.listMessages(defaultProject, sessionId, { limit: 10, order: "desc" });
    expect(messages.data[0]).toMatchObject({ turnId, status: "running", content: "", cost: null });
    const [busy, stopped] = [
      await say(server.url, sessionId, { content: "me too" }),
      await call<{ code: string; turn_id: string }>(`${server.url}/turns/${turnId}/stop`, "POST"),
    ];
    expect([409, 503]).toContain(busy.status);
    expect([stopped.status, stopped.body.code, stopped.body.turn_id]).toEqual([503, "storage_unavailable", turnId]);
  }

  /** What must hold soon after storage is back. */
  async function expectWhole(sessionId: string, turnId: string, calls: number): Promise<void> {
    const turn = await eventually(
      () => readTurn(server.url, turnId),
      ({ status }) => status !== "running" && status !== undefined,
    );
    expect([turn.status, turn.cost?.accuracy]).toEqual(["complete", "exact"]);
    const events = await collect(await openEvents(server.url, turnId));
    expect(events.map(({ number }) => number)).toEqual(events.map((_, index) => index + 1));
    expect([textOf(events), events.at(-1)?.type]).toEqual([text, "turn-end"]);
    expect((await readReceipt(server.url, turnId)).attempts.length).toBe(1);
    server.emulator.play({ text: "and on" });
    expect((await say(server.url, sessionId, { content: "go on" })).status).toBe(201);
    const { data, session, cost } = await readHistory(server.url, sessionId);
    expect(data.slice(-4).map(({ content }) => content)).toEqual(["hi", text, "go on", "and on"]);
    expect(session.running_turn_id).toBeNull();
    const books = await aside.sumBooks();
    expect([books.sessionsTotal, books.turnsTotal]).toEqual([books.entriesTotal, books.entriesTotal]);
    expect(cost.accuracy).toBe("exact");
    expect(server.emulator.callCount).toBe(calls + 1);
  }

  test("a JSON caller is told 503 with the turn's id, and a retry with its key gets the answer once it is stored", async () => {
    const { id } = await newSession(server.url);
    const headers = { "idempotency-key": crypto.randomUUID() };
    server.emulator.play(slow);
    const asked = say(server.url, id, { content: "hi" }, headers);
    const { session } = await eventually(
      () => readHistory(server.url, id),
      (history) => history.session.running_turn_id !== null,
    );
    const turnId = session.running_turn_id!;
    await outage.begin();
    const refused = await asked;
    expect([refused.status, refused.body.code, refused.body.turn_id]).toEqual([503, "storage_unavailable", turnId]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    await expectNothingHalf(id, turnId);
    await outage.end();
    const again = await eventually(
      () => say(server.url, id, { content: "hi" }, headers),
      ({ status }) => status === 201,
    );
    expect([again.body.turn.id, again.body.reply.content]).toEqual([turnId, text]);
    await expectWhole(id, turnId, 1);
  });

  test("a stream ends without turn-end, and reconnecting gives the rest once it is stored", async () => {
    const { id } = await newSession(server.url);
    server.emulator.play(slow);
    const stream = await openStream(server.url, id, { content: "hi" });
    const seen = [(await stream.next()).value as SeenEvent, (await stream.next()).value as SeenEvent];
    const turnId = seen[0]!.data.turn_id as string;
    await outage.begin();
    seen.push(...(await collect(stream)));
    expect(textOf(seen)).toBe(text); // all of it was seen live
    expect(seen.map(({ type }) => type)).not.toContain("turn-end");
    await expectNothingHalf(id, turnId);
    expect(await collect(await openEvents(server.url, turnId, seen.length))).toEqual([]); // still no end to tell
    await outage.end();
    const rest = await eventually(
      // A line that was cut with the outage may be noticed only by who reads on it: told 503, a reader asks again.
      async () =>
        collect(await openEvents(server.url, turnId, seen.length)).catch((cause: Error): SeenEvent[] => {
          if (cause.message.startsWith("no stream but 503")) return [];
          throw cause;
        }),
      (events) => events.length > 0,
    );
    expect(rest.map(({ number, type }) => [number, type])).toEqual([[seen.length + 1, "turn-end"]]);
    await expectWhole(id, turnId, 1);
  });
});
