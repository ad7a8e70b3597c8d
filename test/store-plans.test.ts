// No statement that runs in a turn or for a page reads a whole table: every one is asked how it would be run.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { commandCaller } from "../src/caller/caller.ts";
import { hashSecret, makeSecret } from "../src/caller/key.ts";
import { listAudit } from "../src/database/caller/audit.ts";
import { findKeyByHash, findKeyById, getKey, listKeys } from "../src/database/caller/key.ts";
import { correctRates } from "../src/database/caller/rate.ts";
import { findSessionUser } from "../src/database/caller/session-user.ts";
import { readCallerVersion } from "../src/database/caller/version.ts";
import { sumHidden } from "../src/database/conversation/hidden.ts";
import { listBegunPurges, listErased, listPurgeable } from "../src/database/conversation/purge.ts";
import { listSessions } from "../src/database/conversation/session-list.ts";
import { findKey } from "../src/database/idempotency.ts";
import { findTurnMessages, listMessages, readHistory, readMemory } from "../src/database/message.ts";
import { listBudgets, listKeyLimits } from "../src/database/money/budget.ts";
import { findBudgets } from "../src/database/money/budget-counter.ts";
import { noteLate, readFollowState } from "../src/database/money/follow.ts";
import { listEntries } from "../src/database/money/ledger.ts";
import { readQuoteBasis, readQuoteBudgets } from "../src/database/money/quote.ts";
import { sealing } from "../src/database/money/seal.ts";
import { sumUsage } from "../src/database/money/usage.ts";
import { summing } from "../src/database/money/usage-roll.ts";
import { type OperationInput, type OperationName, runOperation } from "../src/database/operations.ts";
import { postgresDialect } from "../src/database/postgres/dialect.ts";
import { readDeadTurn } from "../src/database/recovery.ts";
import { listChosen, matchChosen } from "../src/database/search/chosen.ts";
import { searchSessions } from "../src/database/search/search.ts";
import { findSession } from "../src/database/session.ts";
import { Connection, SqliteTx } from "../src/database/sqlite/connection.ts";
import { WaitingTexts } from "../src/database/sqlite/search-indexer.ts";
import { getTurn, listStopRequests, readTurnLog } from "../src/database/turn.ts";
import type { Dialect, Tx, Value } from "../src/database/tx.ts";
import { newId } from "../src/id.ts";
import { listCompiledAgain } from "./compiled-again.ts";
import { createPostgresDatabase } from "./postgres.ts";
import { closeInput, entryFor, noFields, openInput, processId } from "./store-inputs.ts";
import { openTestStore } from "./stores.ts";

const folder = mkdtempSync(join(tmpdir(), "rozmova-plans-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * A scan is allowed of projects, which ends at the second, and of what is small by its nature: rows in the statement itself or its values, a chain of branches, one walk of hits, turns
 * that are not settled (their index has no others), purges and imports that are not finished, the next rows to index, a row of the text index by its number, the matches in the text index, from the newest or from a row on,
 * the turns that those who follow the ledger have left open, the newest seal, and its words, from one on (513: `term >=`), as long as they begin like the one before; and an operator's page of all keys, or of the audit, from the newest on; the first budget there is.
 */
const small =
  /^SCAN (CONSTANT ROW|o USING COVERING INDEX sqlite_autoindex_(usage|seal)_open_1|seal USING INDEX sqlite_autoindex_seal_1|\d+ CONSTANT ROWS|p|q|o|g|title_pending|json_each VIRTUAL TABLE INDEX 1:|chain|f|turn USING( COVERING)? INDEX turn_unsettled|erasure USING COVERING INDEX sqlite_autoindex_erasure_1|i USING COVERING INDEX sqlite_autoindex_import_begun_1|turn_search VIRTUAL TABLE INDEX (\d+:M1<>?|0:=)|found|turn_word VIRTUAL TABLE INDEX 513:|api_key USING INDEX sqlite_autoindex_api_key_1|audit|budget|project)$/;
/** A search that names no index: SQLite walks the rows until one fits, to find the least or the greatest. */
const walksRows = /^SEARCH \w+$/;
/** And sorting of what is few: the entries of one turn, or of a step behind the turns, the branches of one path, the limits of some scopes. */
const sorted = /JOIN ledger e|FROM ledger e CROSS JOIN turn t|FROM chain|(FROM|JOIN) budget b/;

/** Passes everything on and keeps the statements. */
class Recorder implements Tx {
  readonly statements = new Map<string, readonly Value[]>();
  private readonly inner: Tx;

  constructor(inner: Tx) {
    this.inner = inner;
  }
  get dialect(): Dialect {
    return this.inner.dialect;
  }
  all<R>(sql: string, params: readonly Value[] = []): Promise<R[]> {
    this.statements.set(sql, params);
    return this.inner.all<R>(sql, params);
  }
  run(sql: string, params: readonly Value[] = []): Promise<number> {
    this.statements.set(sql, params);
    return this.inner.run(sql, params);
  }
  insert(sql: string, params: readonly Value[]): Promise<number> {
    this.statements.set(sql, params);
    return this.inner.insert(sql, params);
  }
  indexTurn(row: number, project: string, texts: readonly string[]): Promise<void> {
    return this.inner.indexTurn(row, project, texts);
  }
  indexSession(session: number): Promise<void> {
    return this.inner.indexSession(session);
  }
  indexTitle(session: number, project: string, title: string | null): Promise<void> {
    return this.inner.indexTitle(session, project, title);
  }
  wipe(): Promise<void> {
    return this.inner.wipe();
  }
  listGone(processIds: readonly number[], self: number, leaseMs: number): Promise<number[]> {
    return this.inner.listGone(processIds, self, leaseMs);
  }
}

/** Everything that a server does, once, on every path that has SQL of its own. */
async function doEverything(tx: Tx, index: () => Promise<unknown>): Promise<void> {
  const write = <N extends OperationName>(name: N, input: OperationInput<N>) => runOperation(tx, name, input);
  const idempotency = { key: "k", bodyHash: "h", expiresAt: Date.now() + 1e6 };
  const draws = tx.dialect.shared ? [{ policy: "tokens", counter: "k", amount: 1, limit: 1e6 } as const] : [];
  const running = [
    { policy: "turns", user: null, limit: 100 } as const,
    { policy: "user-turns", user: "u", limit: 100 } as const,
  ];
  const rate = { keyId: "k", draws, running };
  const { id } = await write("createSession", {
    owner: "",
    id: newId(),
    fields: { ...noFields, title: "a title" },
    at: 1,
    idempotency,
  });
  await write("updateSession", { owner: "", id, change: { title: "b" }, at: 2, ifVersion: 1 });
  for (const parent of [undefined, "fork", null]) {
    const followed =
      parent === "fork"
        ? (await listMessages(tx, "", id, { limit: 2, order: "asc" })).data[1]!.id
        : (parent as null | undefined);
    for (let i = 0; i < 3; i++) {
      const input = openInput(id, {
        parentId: i === 0 ? followed : undefined,
        idempotency: { ...idempotency, key: newId() },
        content: "common words",
        rate,
      });
      const opened = await write("openTurn", input);
      if (opened.kind !== "opened") throw new Error("replayed");
      await write("openTurn", openInput(id)).catch(() => {});
      await write("openTurn", { ...openInput(id), idempotency: input.idempotency });
      const batch = { turnId: input.turnId, firstNumber: 2, events: [], usageRaw: null, modelServed: null };
      await write("appendEvents", { batch, processId });
      await write("noteCalls", { turnId: input.turnId, processId, calls: [] });
      await write("requestStop", { owner: "", turnId: input.turnId, hard: false });
      await write("renewLease", { processId, turnIds: [input.turnId], leaseMs: 5 });
      await readDeadTurn(tx, input.turnId);
      await write("closeTurn", closeInput(opened, [], { settled: false, lastBatch: batch }));
      await write("settleTurn", { turnId: input.turnId, processId, entries: [entryFor(1n)] });
      await index();
      const { userMessageId: after, replyMessageId: before } = opened.turn;
      for (const order of ["asc", "desc"] as const) await listMessages(tx, "", id, { limit: 3, order, after, before });
      const { row, tipBranch, tipPosition } = opened.session;
      await readMemory(tx, { session: row, branch: tipBranch, position: tipPosition, from: 0 });
      await findTurnMessages(tx, "", input.turnId);
      await readTurnLog(tx, "", input.turnId, 3);
      await listEntries(tx, "", input.turnId);
      await getTurn(tx, "", input.turnId);
      await readQuoteBasis(tx, {
        ...{ owner: "", sessionId: id, parentId: before, model: "m" },
        session: opened.session,
      });
    }
  }
  for await (const _ of readHistory(tx, "", id));
  const { data: messages } = await listMessages(tx, "", id, { limit: 2, order: "asc" });
  for (const { id: tip } of messages) {
    for await (const _ of readHistory(tx, "", id, tip));
    await sumHidden(tx, "", id, tip);
    await write("updateSession", { owner: "", id, change: { tip, pinned: true }, at: 2, ifVersion: undefined });
  }
  const version = { id, messageId: messages.at(-1)!.id, at: 2, ifVersion: undefined };
  for (const name of ["removeVersion", "restoreVersion", "restoreVersion", "removeVersion"] as const)
    await write(name, { owner: "", ...version });
  await write("beginVersionPurge", { by: { project: "", keyId: null }, ...version });
  await write("claimDeadTurns", { processId: 1, known: [], leaseMs: 1, limit: 5 });
  await write("sweepKeys", { at: 5 });
  if (tx.dialect.shared) {
    const drawn = await write("drawRates", { draws });
    await write("drawRates", { draws: [{ ...draws[0]!, limit: 1 }] }).catch(() => {});
    await correctRates(tx, drawn, 1);
    // sweepRates reads the whole table, once a minute: what it leaves is this minute's.
  }
  await write("writeCheck", { at: 5 });
  await listStopRequests(tx, processId);
  await findKey(tx, "", idempotency, 1);
  await findSession(tx, "", id);
  for (const deleted of [false, true]) {
    const pages = [{}, { after: newId() }, { before: newId() }, { after: newId(), before: newId() }];
    for (const page of pages)
      for (const order of ["updated", "created"] as const)
        for (const user of [undefined, "anna"]) await listSessions(tx, "", { limit: 5, deleted, order, user, ...page });
    for (const user of [undefined, "anna"]) await listSessions(tx, "", { limit: 5, deleted, user, pinned: true });
    await listSessions(tx, "", { limit: 5, deleted, user: "anna", ids: [id] });
    await searchSessions(tx, "", "common wor", { limit: 5, deleted });
    await searchSessions(tx, "", "common wor", { limit: 5, deleted, user: "anna", ids: [id] });
    for (const filter of [{ user: "anna" }, { ids: [id] }, { pinned: true }, {}]) {
      const chosen = await listChosen(tx, "", { deleted, ...filter }, Number.MAX_SAFE_INTEGER);
      const words = tx.dialect.printQuery([{ words: ["common"], prefix: false }], undefined);
      for await (const _ of matchChosen(tx, words, chosen ?? [{ row: 1, id }], new Set()));
    }
  }
  await askForCallers(tx, id);
  await askForBudgets(tx, id);
  await askForUsage(tx, id);
  await write("trashSession", { owner: "", id, at: 2, ifVersion: undefined });
  await write("restoreSession", { owner: "", id, at: 2, ifVersion: undefined });
  await purgeAll(tx, id);
}

/** Last of all: nothing of the session can be found any more. */
async function purgeAll(tx: Tx, id: string): Promise<void> {
  const write = <N extends OperationName>(name: N, input: OperationInput<N>) => runOperation(tx, name, input);
  const by = { project: "", keyId: null };
  for (const filter of [{ project: "", user: "anna" }, { project: "", trashedBefore: 5 }, { trashedBefore: 5 }])
    await listPurgeable(tx, filter, 5);
  await listPurgeable(tx, { project: "", user: "anna", trashedBefore: 5 }, 5, id);
  await write("trashSession", { owner: "", id, at: 2, ifVersion: undefined });
  await write("beginVersionPurges", { removedBefore: 5, at: 5 });
  for (const row of await listBegunPurges(tx, 5)) await write("purgeSome", { row });
  const begun = await write("beginPurge", { by, id, at: 5, trashedBefore: 5, ifVersion: undefined, person: "anna" });
  if (begun.kind !== "begun") throw new Error(`nothing was begun: ${begun.kind}`);
  await listBegunPurges(tx, 5);
  await write("purgeSome", { row: begun.row });
  await write("erasePerson", { project: "", user: "anna", after: 0 });
  await write("forgetPerson", { by: { ...by, manages: true }, user: "anna", at: 5 });
  await listErased(tx, [id]);
}

/** A limit of a session: for a wider scope the ledger is added up, once, when it is made. */
async function askForBudgets(tx: Tx, sessionId: string): Promise<void> {
  const write = <N extends OperationName>(name: N, input: OperationInput<N>) => runOperation(tx, name, input);
  const change = { project: "", scope: `session:${sessionId}`, by: null, at: 5 };
  const limit = { window: "day" as const, limit: 1_000n, models: null, names: null };
  await write("putBudgets", { ...change, limits: [limit, { ...limit, window: "week" }], softPpm: 0 });
  await write("putBudgets", { ...change, limits: [{ ...limit, limit: 2_000n }], softPpm: 0 });
  await write("increaseBudgets", { ...change, pico: 5n, until: 9 });
  const call = { promptPico: 1n, tokenPico: 1n };
  const ask = { model: "one", call, tokens: 9, leastTokens: 1 };
  for (const settled of [true, false]) {
    const opened = await write("openTurn", { ...openInput(sessionId), ask, at: 5 });
    if (opened.kind !== "opened") throw new Error("replayed");
    const { holds, budgetVersion } = opened;
    await write("closeTurn", closeInput(opened, [], { holds, budgetVersion, settled }));
    await write("settleTurn", { turnId: opened.turn.id, processId, entries: [] });
  }
  const holder = { project: "", sessionId, user: null, keyId: null, at: 5 };
  await write("openTurn", { ...openInput(sessionId), budgets: { version: 1, limits: [] } }).catch(() => {});
  const budgets = await findBudgets(tx, holder);
  for (const known of [budgets, { ...budgets, limits: [] }]) {
    const opened = await write("openTurn", { ...openInput(sessionId), ask, budgets: known, at: 5 });
    if (opened.kind === "opened") await write("closeTurn", closeInput(opened, [], opened));
  }
  for (const scopes of [null, [change.scope]])
    await listBudgets(tx, { project: "", global: true, scopes, after: "a", limit: 5, at: 5 });
  await listKeyLimits(tx, [newId()]);
  await readQuoteBudgets(tx, { holder, ask });
  await write("deleteBudgets", change);
}

async function askForUsage(tx: Tx, sessionId: string): Promise<void> {
  for (const [from, to] of [
    [0, 4],
    [4, 6],
  ] as const)
    for (const step of ["rollUsage", "sealEntries"] as const) await runOperation(tx, step, { from, to, at: 1 });
  for (const followed of [summing, sealing]) {
    await noteLate(tx, followed, 2, 2);
    await readFollowState(tx, followed);
  }
  const scopes = [
    { project: "", user: null, sessions: null },
    { project: null, user: null, sessions: null },
    { project: "", user: "anna", sessions: null },
    { project: "", user: "anna", sessions: [sessionId] },
  ];
  const days = [
    { name: "a", since: 900_001, until: 3 * 86_400_000 },
    { name: "b", since: 3 * 86_400_000, until: Date.now() + 5 },
  ];
  for (const scope of scopes)
    for (const groups of [[], ["day", "model"], ["user"], ["session", "key"]] as const)
      await sumUsage(tx, { ...scope, groups, days });
}

async function askForCallers(tx: Tx, sessionId: string): Promise<void> {
  const write = <N extends OperationName>(name: N, input: OperationInput<N>) => runOperation(tx, name, input);
  const rights = { project: "default", scopes: ["chat" as const], user: null, models: null, expiresAt: null };
  const secret = hashSecret(makeSecret());
  const key = { maker: commandCaller, id: newId(), key: { ...rights, name: "k", metadata: {} }, secret, at: 1 };
  const { id } = await write("createKey", key);
  await write("updateKey", { caller: commandCaller, id, change: { name: "l", disabled: true, expiresAt: 5 }, at: 5 });
  await write("rotateKey", { caller: commandCaller, id, secret: hashSecret(makeSecret()), oldUntil: 5, at: 5 });
  await write("touchKeys", { used: [{ id, at: 5 }] });
  const project = { id: "p", name: "p", disabled: false, createdAt: 1 };
  await write("createProject", { maker: commandCaller, project });
  await write("updateProject", { caller: commandCaller, id: "p", change: { disabled: true }, at: 5 });
  await write("takeTokenSecret", { candidate: "c" });
  await findKeyByHash(tx, secret.hash);
  await findKeyById(tx, id);
  await readCallerVersion(tx);
  for (const caller of [{ ...commandCaller, scopes: ["admin" as const] }, commandCaller])
    for (const page of [{}, { after: id }, { before: id }]) await listKeys(tx, caller, { limit: 5, ...page });
  const note = { at: 5, project: null, keyId: null, action: "budget.changed" as const, target: "user:anna", count: 1 };
  await write("noteAll", { notes: [note] });
  for (const caller of [{ ...commandCaller, scopes: ["admin" as const] }, commandCaller])
    for (const page of [{}, { after: id }, { before: id }, { action: "key.used" as const, from: 1, to: 9 }])
      await listAudit(tx, caller, { limit: 5, ...page });
  await getKey(tx, commandCaller, id);
  for (const kind of ["session", "turn"] as const) await findSessionUser(tx, "default", kind, sessionId);
  await write("deleteKey", { caller: commandCaller, id, at: 5 });
}

describe("query plans", () => {
  test("on SQLite", async () => {
    const file = join(folder, "plans.db");
    const store = await openTestStore(`sqlite:${file}`);
    await store.close();
    const connection = new Connection(new DatabaseSync(file));
    const waiting = new WaitingTexts({ after: 0, to: 2 });
    connection.database.exec("BEGIN"); // a transaction that tells what waits has begun
    const inner = new SqliteTx(connection, waiting);
    const recorder = new Recorder(inner);
    await doEverything(recorder, async () => (await waiting.index(recorder, 32)).settle());
    expect(recorder.statements.size).toBeGreaterThan(40);
    const slow: string[] = [];
    for (const [sql, params] of recorder.statements) {
      for (const { detail } of connection.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, params))
        if (
          (/^SCAN/.test(detail) && !small.test(detail)) ||
          (walksRows.test(detail) && !/SELECT MAX\(row\)( AS row)? FROM turn/.test(sql)) || // the last row, at once
          (/TEMP B-TREE/.test(detail) && !sorted.test(sql))
        )
          slow.push(`${detail}: ${sql}`);
    }
    expect(slow).toEqual([]);
    expect(listCompiledAgain(connection, recorder.statements)).toEqual([]);
    connection.database.exec("COMMIT");
    connection.database.close();
  });

  test("a statement that is compiled again for its values would be noticed", () => {
    const connection = new Connection(new DatabaseSync(":memory:"));
    connection.run("CREATE TABLE message (a INTEGER PRIMARY KEY, b TEXT)");
    const [join, values] = ["SELECT 1 FROM message m JOIN message n ON n.a = m.b WHERE m.a = ", [1]];
    const compiled = new Map([[`${join}$1`, values]]);
    expect(listCompiledAgain(connection, compiled)).toEqual([]);
    // As it would be without what the connection writes before each place of a value.
    compiled.set(`${join}?1`, values);
    expect(listCompiledAgain(connection, compiled)).toEqual([`${join}?1`]);
    connection.database.close();
  });

  test("on Postgres", async () => {
    const url = await createPostgresDatabase();
    await (await openTestStore(url)).close();
    const client = new pg.Client({ connectionString: url, pipeline: true });
    await client.connect();
    const inner: Tx = {
      dialect: postgresDialect,
      all: async <R>(sql: string, params: readonly Value[] = []) =>
        (await client.query(sql, [...params])).rows.map(toNumbers) as R[],
      run: async (sql, params = []) => (await client.query(sql, [...params])).rowCount ?? 0,
      insert: async (sql, params) => Number((await client.query(`${sql} RETURNING row`, [...params])).rows[0].row),
      indexTurn: async () => {},
      indexSession: async () => {},
      indexTitle: async () => {},
      wipe: async () => {},
      listGone: async (ids) => [...ids],
    };
    const recorder = new Recorder(inner);
    await client.query("BEGIN");
    await doEverything(recorder, async () => {});
    await client.query("SET enable_seqscan = off");
    for (const [sql, params] of recorder.statements) {
      if (sql.startsWith("LOCK TABLE")) continue;
      const { rows } = await client.query(`EXPLAIN ${sql}`, [...params]);
      const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
      // With sequential scans as good as forbidden, one that is left means that no index can serve.
      expect([sql, plan]).not.toEqual([sql, expect.stringContaining("Seq Scan on")]);
    }
    await client.end();
  });

  test("a statement that reads a whole table would be noticed", () => {
    const connection = new Connection(new DatabaseSync(":memory:"));
    connection.run("CREATE TABLE message (a INTEGER PRIMARY KEY, b TEXT)");
    const [plan] = connection.all<{ detail: string }>("EXPLAIN QUERY PLAN SELECT * FROM message WHERE b = 'x'");
    expect(plan?.detail).toStartWith("SCAN message");
    connection.database.close();
  });
});

/** What the store's own connections do with 64-bit integers. */
function toNumbers(row: Record<string, unknown>): Record<string, unknown> {
  const numeric = (value: unknown) => typeof value === "string" && /^-?\d{1,15}$/.test(value);
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, name !== "cost_pico" && numeric(value) ? Number(value) : value]),
  );
}
