// Turns that cannot be closed as they should be: whatever is wrong with one, it is closed, its session is free, and the server runs.

import { describe, expect, test } from "bun:test";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { defaultProject as owner } from "../src/caller/project.ts";
import { noLog } from "../src/log.ts";
import type { CloseTurn, Store } from "../src/store.ts";
import { closeInAnyCase } from "../src/turn/close.ts";
import { eventually, newSession as makeSession, readHistory, readReceipt, say } from "./client.ts";
import { engines } from "./engines.ts";
import { startHttp } from "./http-assembly.ts";
import { closeInput, entryFor, newSession, open } from "./store-inputs.ts";
import { openTestStore, storeEngines } from "./stores.ts";

async function runSql(databaseUrl: string, sql: string): Promise<void> {
  if (databaseUrl.startsWith("sqlite:")) {
    const database = new DatabaseSync(databaseUrl.slice("sqlite:".length));
    database.exec(sql);
    return database.close();
  }
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(sql);
  await client.end();
}

/** A session with a turn that a process left running, whose log is so many batches of thoughts. */
async function leaveRunning(databaseUrl: string, batches: string[]): Promise<string> {
  const store = await openTestStore(databaseUrl, { processId: 99 });
  const session = await newSession(store, {}, owner);
  const { turn } = await open(store, session.id, {
    owner,
    processId: 99,
    leaseMs: -1,
    modelRequested: "gemini-2.5-flash",
  });
  let firstNumber = 2;
  for (const text of batches) {
    const events = [{ type: "thought-delta" as const, text }];
    await store.appendEvents({ turnId: turn.id, firstNumber, events, usageRaw: null, modelServed: null });
    firstNumber++;
  }
  await store.close();
  return session.id;
}

const mega = 1024 * 1024;

describe.each(engines)("what a dead process left on %s", (_, createDatabase) => {
  async function expectClosed(databaseUrl: string, sessionIds: string[]): Promise<void> {
    const server = await startHttp({ databaseUrl, times: { leaseMs: 50 } });
    try {
      for (const id of sessionIds) {
        const { data, session } = await eventually(
          () => readHistory(server.url, id),
          (history) => history.session.running_turn_id === null,
          20_000,
        );
        expect([data[1]?.status, data[1]?.cost?.accuracy]).toEqual(["interrupted", "estimated"]);
        expect(session.cost.total).toBe((await readReceipt(server.url, data[1]!.turn_id)).total);
        expect((await say(server.url, id, { content: "go on" })).status).toBe(201);
      }
      const books = await server.store.sumBooks();
      expect([books.sessionsTotal, books.turnsTotal, books.runningTurns]).toEqual([
        books.entriesTotal,
        books.entriesTotal,
        0,
      ]);
    } finally {
      await server.stop();
    }
  }

  test("a row of its log, or of its notices, that cannot be read does not keep it open, nor any other, nor the server from starting", async () => {
    const databaseUrl = await createDatabase();
    const broken = await leaveRunning(databaseUrl, ["one", "two", "three"]);
    const odd = await leaveRunning(databaseUrl, []);
    const whole = await leaveRunning(databaseUrl, ["fine"]);
    await runSql(databaseUrl, "UPDATE turn_event SET events = '[[\"h\",' WHERE first_number = 3");
    await runSql(
      databaseUrl,
      `UPDATE turn SET notices = 'no json' WHERE session = (SELECT row FROM session WHERE id = '${odd}')`,
    );
    await expectClosed(databaseUrl, [broken, odd, whole]);
  });

  test("a turn whose opening takes the disk longer than its lease is not taken for one that was left", async () => {
    const server = await startHttp({ databaseUrl: await createDatabase(), times: { leaseMs: 50 } });
    const { openTurn, claimDeadTurns } = server.store;
    let looked = 0;
    server.store.claimDeadTurns = (...asked) => claimDeadTurns(...asked).finally(() => looked++);
    server.store.openTurn = async (input) => {
      const opened = await openTurn(input);
      const before = looked;
      await eventually(
        async () => looked - before,
        (times) => times >= 8, // each a third of the lease after the other, or twice the lease
      );
      return opened;
    };
    const { id } = await makeSession(server.url);
    const { status, body } = await say(server.url, id, { content: "on a slow disk" });
    expect([status, body.turn.status, body.turn.cost?.accuracy]).toEqual([201, "complete", "exact"]);
    await server.stop();
  });

  test("a log far longer than any answer is read a part at a time, kept as far as an answer goes, and billed whole", async () => {
    const databaseUrl = await createDatabase();
    const id = await leaveRunning(
      databaseUrl,
      Array.from({ length: 20 }, () => "x".repeat(mega)),
    );
    const store = await openTestStore(databaseUrl, { processId: 100 });
    const turnId = (await store.findSession(owner, id))!.runningTurnId!;
    const dead = await store.readDeadTurn(turnId);
    expect([dead.thought.length, dead.thoughtEstimate]).toEqual([16 * mega, Math.ceil((20 * mega) / 3)]);
    await store.close();
    await expectClosed(databaseUrl, [id]);
  });

  test("an end that fails at the start is tried again while the server runs: it starts, and the session is free in the end", async () => {
    const databaseUrl = await createDatabase();
    const id = await leaveRunning(databaseUrl, ["so far"]);
    const whole = await leaveRunning(databaseUrl, ["fine"]);
    const condition = `NEW.status <> 'running' AND NEW.session = (SELECT row FROM session WHERE id = '${id}')`;
    if (databaseUrl.startsWith("sqlite:"))
      await runSql(
        databaseUrl,
        `CREATE TRIGGER refuse BEFORE UPDATE ON turn WHEN ${condition} BEGIN SELECT RAISE(ABORT, 'refused'); END`,
      );
    else
      await runSql(
        databaseUrl,
        `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN IF ${condition} THEN RAISE EXCEPTION 'refused'; END IF; RETURN NEW; END $$;
         CREATE TRIGGER refuse BEFORE UPDATE ON turn FOR EACH ROW EXECUTE FUNCTION refuse()`,
      );
    const server = await startHttp({ databaseUrl, times: { leaseMs: 50 } });
    try {
      const isFree = (sessionId: string) =>
        eventually(
          () => readHistory(server.url, sessionId),
          ({ session }) => session.running_turn_id === null,
          20_000,
        );
      await isFree(whole);
      await eventually(
        async () => server.logged,
        (lines) => lines.some(({ sentence }) => /could not be closed; trying again/.test(sentence)),
        20_000,
      );
      expect((await readHistory(server.url, id)).session.running_turn_id).not.toBeNull();
      await runSql(databaseUrl, `DROP TRIGGER refuse${databaseUrl.startsWith("sqlite:") ? "" : " ON turn"}`);
      const { data } = await isFree(id);
      expect(data[1]?.status).toBe("interrupted");
    } finally {
      await server.stop();
    }
  });

  test("a message that would not fit today, because less memory is allowed than then", async () => {
    const databaseUrl = await createDatabase();
    const store = await openTestStore(databaseUrl, { processId: 99 });
    const session = await newSession(store, { system: "long ".repeat(2_000) }, owner);
    await open(store, session.id, { owner, processId: 99, leaseMs: -1, modelRequested: "gemini-2.5-flash" });
    await store.close();
    const server = await startHttp({ databaseUrl, times: { leaseMs: 50 }, settings: { MEMORY_MAX_TOKENS: "1024" } });
    const { data } = await eventually(
      () => readHistory(server.url, session.id),
      (history) => history.session.running_turn_id === null,
      20_000,
    );
    expect([data[1]?.status, data[1]?.cost?.accuracy]).toEqual(["interrupted", "estimated"]);
    await server.stop();
  });
});

describe.each(storeEngines)("an end that the database refuses on %s", (_, openFixture) => {
  const close = (store: Store, end: CloseTurn) => closeInAnyCase(store, end, noLog);

  test("for its bill: it is stored with its words, its calls as of unknown cost", async () => {
    const { store } = await openFixture();
    const session = await newSession(store, {}, owner);
    const opened = await open(store, session.id, { owner });
    const closed = await close(store, closeInput(opened, [entryFor(10n ** 25n)], { owner, text: "words" }));
    expect(closed?.reply).toMatchObject({ content: "words", status: "complete", cost: { accuracy: "unknown" } });
    expect(await store.listEntries(owner, opened.turn.id)).toMatchObject([{ total: null, accuracy: "unknown" }]);
    expect((await store.findSession(owner, session.id))?.runningTurnId).toBeNull();
  });

  test("for anything else: it is stored as failed, without its words, and its session is free", async () => {
    const { store } = await openFixture();
    const session = await newSession(store, {}, owner);
    const opened = await open(store, session.id, { owner });
    const notices = [{ code: "model_replaced", detail: 1n }] as never;
    const closed = await close(store, closeInput(opened, [entryFor(7n)], { owner, text: "words", notices }));
    expect(closed?.reply).toMatchObject({ content: "", status: "failed", error: { code: "internal" } });
    expect((await store.listEntries(owner, opened.turn.id)).length).toBe(1);
    expect((await store.findSession(owner, session.id))?.runningTurnId).toBeNull();
    const books = await store.sumBooks();
    expect([books.sessionsTotal, books.turnsTotal]).toEqual([books.entriesTotal, books.entriesTotal]);
  });

  test("before any call was made: it cost nothing, and that is exact", async () => {
    const { store } = await openFixture();
    const session = await newSession(store, {}, owner);
    const opened = await open(store, session.id, { owner });
    const notices = [{ code: "model_replaced", detail: 1n }] as never;
    const closed = await close(store, closeInput(opened, [], { owner, status: "failed", notices }));
    const cost = { total: 0n, accuracy: "exact", unpricedTurns: 0 };
    expect(closed?.turn).toMatchObject({ status: "failed", cost });
    expect((await store.findTurn(owner, opened.turn.id))?.cost).toEqual(cost as never);
    expect((await store.findSession(owner, session.id))?.cost).toEqual(cost as never);
  });
});

test("a usage beyond all bounds closes the turn, is not exact, and locks nothing", async () => {
  const server = await startHttp();
  try {
    const { id } = await makeSession(server.url);
    const counts = [4e13, 2 ** 53 - 1, 1e300, -5, 0.5];
    for (const count of counts) {
      server.emulator.play({
        text: "an answer",
        usage: { promptTokenCount: count, candidatesTokenCount: count, totalTokenCount: count },
      });
      const { status, body } = await say(server.url, id, { content: "hi" });
      expect([count, status, body.reply?.content]).toEqual([count, 201, "an answer"]);
      expect(body.reply.cost?.accuracy).not.toBe("exact");
    }
    expect((await readHistory(server.url, id)).data.length).toBe(2 * counts.length);
  } finally {
    await server.stop();
  }
});
