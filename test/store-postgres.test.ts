// Postgres' own promises: broken lines and deadlocks cost nobody anything, and processes share one database in peace.

import { afterAll, expect, test } from "bun:test";
import { setImmediate } from "node:timers/promises";
import pg from "pg";
import { type Migration, migrations, newestOf } from "../src/database/migrate.ts";
import { openPostgres } from "../src/database/postgres/postgres.ts";
import type { StandingBudgets } from "../src/money/budget.ts";
import type { OpenTurn } from "../src/store.ts";
import { openLine } from "./line.ts";
import { createPostgresDatabase } from "./postgres.ts";
import { closeInput, entryFor, newSession, open, openInput, processId, readAll, speak } from "./store-inputs.ts";
import { codeOf, openTestStore } from "./stores.ts";

const clients: pg.Client[] = [];
afterAll(() => Promise.all(clients.map((client) => client.end())));

/** A connection that is nobody's store, to disturb one with. */
async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  clients.push(client);
  await client.connect();
  return client;
}

async function until(promise: () => Promise<boolean>): Promise<void> {
  for (const giveUp = Date.now() + 8_000; !(await promise()); await setImmediate())
    if (Date.now() > giveUp) throw new Error("it did not happen within 8 s");
}

const cutAll =
  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";

test("a server that cannot be reached, and a database that does not exist, are named at the start", async () => {
  const nowhere = {
    code: "storage_unavailable",
    message: expect.stringContaining("The Postgres database cannot be opened"),
  };
  await expect(openTestStore("postgres://postgres@127.0.0.1:1/x")).rejects.toMatchObject(nowhere);
  const url = await createPostgresDatabase();
  await expect(openTestStore(url.replace(/\/test_\d+/, "/missing"))).rejects.toMatchObject(nowhere);
});

test("processes that start on an empty database at the same moment all find it ready", async () => {
  const url = await createPostgresDatabase();
  const stores = await Promise.all([1, 2, 3, 4].map((id) => openTestStore(url, { processId: id })));
  const session = await newSession(stores[0]!);
  for (const store of stores) expect(await store.findSession("", session.id)).toEqual(session);
  await Promise.all(stores.map((store) => store.close()));
});

test("a newer schema is refused with both versions; a migration that fails leaves nothing behind", async () => {
  const url = await createPostgresDatabase();
  const next = newestOf(migrations) + 1;
  const broken: Migration = {
    version: next,
    statements: () => ["CREATE TABLE extra (a BIGINT)", "INSERT INTO nowhere VALUES (1)"],
  };
  const good: Migration = { version: next, statements: () => ["CREATE TABLE extra (a BIGINT)"] };
  await expect(openPostgres(url, { processId, migrations: [...migrations, broken] })).rejects.toThrow("nowhere");
  const client = await connect(url);
  expect((await client.query("SELECT to_regclass('extra') AS a, to_regclass('session') AS b")).rows).toEqual([
    { a: null, b: null },
  ]);
  await (await openPostgres(url, { processId, migrations: [...migrations, good] })).close();
  await expect(openTestStore(url)).rejects.toMatchObject({
    code: "storage_unavailable",
    message: expect.stringMatching(new RegExp(`schema version ${next}, .* up to ${next - 1}`)),
  });
});

test("lines that break in the middle lose nothing that was acknowledged and half-write nothing; the store goes on by itself", async () => {
  const url = await createPostgresDatabase();
  const store = await openTestStore(url);
  const client = await connect(url);
  const sessions = await Promise.all(Array.from({ length: 8 }, () => newSession(store)));
  const acknowledged = new Set<string>();
  let refused = 0;
  const talk = async (id: string) => {
    for (let i = 0; i < 25; i++) {
      try {
        const opened = await open(store, id);
        acknowledged.add(opened.turn.id);
        await store.closeTurn(closeInput(opened, [entryFor(3n)]));
      } catch (cause) {
        expect(["storage_unavailable", "turn_in_progress"]).toContain((cause as { code: string }).code);
        refused++;
        const running = (await store.findSession("", id).catch(() => undefined))?.runningTurnId;
        const turn = running && (await store.findTurn("", running).catch(() => undefined));
        if (turn) await store.closeTurn(closeInput({ turn }, [entryFor(3n)])).catch(() => {});
      }
    }
  };
  const talking = Promise.all(sessions.map(({ id }) => talk(id)));
  for (let i = 0; i < 5; i++) {
    const before = acknowledged.size;
    await until(async () => acknowledged.size > before + 3);
    await client.query(cutAll);
  }
  await talking;
  expect(refused).toBeGreaterThan(0);
  for (const id of acknowledged) expect(await store.findTurn("", id)).toBeDefined();
  for (const { id } of sessions)
    expect((await readAll(store, id)).length).toBe((await store.findSession("", id))!.messageCount);
  const books = await store.sumBooks();
  expect([books.sessionsTotal, books.turnsTotal]).toEqual([books.entriesTotal, books.entriesTotal]);
  await store.close();
});

test.each([
  ["the server ends them", 3],
  ["the network breaks them", 10],
])("all connections at once are lost (%s): whoever asks next notices nothing", async (how, rounds) => {
  const url = await createPostgresDatabase();
  const line = await openLine(url);
  const store = await openTestStore(line.url);
  const sessions = await Promise.all(Array.from({ length: 10 }, () => newSession(store)));
  const client = await connect(url);
  for (let round = 0; round < rounds; round++) {
    await Promise.all(sessions.map(({ id }) => store.findSession("", id)));
    if (how === "the server ends them")
      await client.query(cutAll.replace("(pid)", "(pid, 5000)")); // when they have ended
    else {
      line.breakDown();
      line.mend();
    }
    for (let n = 0; n < round % 5; n++) await setImmediate();
    const [read, written] = [sessions.slice(0, 5), sessions.slice(5)];
    const asked = [
      ...read.map(({ id }) => store.findSession("", id)),
      ...written.map(({ id }) => speak(store, id, "q", "a")),
    ];
    const refused = (await Promise.allSettled(asked)).filter(({ status }) => status === "rejected");
    expect(refused).toEqual([]);
  }
  for (const { id } of sessions.slice(5)) expect((await store.findSession("", id))!.messageCount).toBe(2 * rounds);
  const books = await store.sumBooks();
  expect([books.entries, books.sessionsTotal]).toEqual([5 * rounds, books.entriesTotal]);
  await store.close();
  await line.close();
});

test("where the first answer of a transaction is lost it is begun once more, and done once; where a later one is, it is refused", async () => {
  const line = await openLine(await createPostgresDatabase());
  const store = await openTestStore(line.url);
  const { id } = await newSession(store);
  const first = line.loseNextAnswer();
  const opened = await open(store, id);
  await first;
  const second = line.loseNextAnswer();
  const closed = (await store.closeTurn(closeInput(opened, [entryFor(3n)])))!;
  await second;
  expect([closed.session.messageCount, closed.session.version, closed.session.cost.total]).toEqual([2, 3, 3n]);
  expect(await store.sumBooks()).toMatchObject({ entries: 1, runningTurns: 0 });
  const lost = line.loseNextCommit();
  expect(await codeOf(store.updateSession("", id, { title: "words" }, 5))).toBe("storage_unavailable");
  await lost;
  expect((await store.findSession("", id))!.version).toBe(4); // it was done, and not again
  await store.close();
  await line.close();
});

test("a process whose line broke shows again that it is alive, and keeps its turns", async () => {
  const url = await createPostgresDatabase();
  const [mine, other] = [await openTestStore(url, { processId: 1 }), await openTestStore(url, { processId: 2 })];
  const session = await newSession(mine);
  await mine.openTurn(openInput(session.id, { processId: 1 }));
  const client = await connect(url);
  const locks =
    "SELECT COUNT(*) AS n FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()";
  const count = async () => Number((await client.query(locks)).rows[0].n);
  expect(await count()).toBe(2);
  await client.query(cutAll);
  await until(async () => (await count()) === 0 || (await count()) === 2);
  await until(async () => (await count()) === 2);
  expect(await other.claimDeadTurns(2, [], 0, 10)).toEqual([]);
  await Promise.all([mine.close(), other.close()]);
});

test("a deadlock is tried again, unseen by the caller", async () => {
  const url = await createPostgresDatabase();
  const store = await openTestStore(url);
  const session = await newSession(store);
  const opened = await open(store, session.id);
  const client = await connect(url);
  await client.query("SET deadlock_timeout = '60s'"); // so that the store's side is the one that is ended
  await client.query("BEGIN");
  await client.query("UPDATE session SET title = title WHERE id = $1", [session.id]);
  const closing = store.closeTurn(closeInput(opened, [entryFor(6n)]));
  const watcher = await connect(url);
  const waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
  await until(async () => (await watcher.query(waiting)).rows.length === 1);
  await client.query("UPDATE turn SET finish_reason = finish_reason WHERE id = $1", [opened.turn.id]);
  await client.query("COMMIT");
  expect((await closing)?.session.cost.total).toBe(6n);
  expect((await store.listEntries("", opened.turn.id)).length).toBe(1);
  const deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
  await until(async () => Number((await watcher.query(deadlocks)).rows[0].deadlocks) > 0);
  await store.close();
});

test("a server that takes no writes is storage_unavailable for writing, and still read from", async () => {
  const url = await createPostgresDatabase();
  const store = await openTestStore(url);
  const session = await newSession(store);
  await speak(store, session.id, "q", "a");
  await store.checkWritable();
  const client = await connect(url);
  await client.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_read_only = on`);
  await client.query(cutAll);
  await until(
    async () =>
      (await codeOf(store.checkWritable())) === "storage_unavailable" &&
      (await codeOf(open(store, session.id))) === "storage_unavailable",
  );
  await until(() =>
    readAll(store, session.id).then(
      (messages) => messages.length === 2,
      () => false,
    ),
  );
  await store.close();
});

test("what a transaction sends in one moment leaves in one piece", async () => {
  const line = await openLine(await createPostgresDatabase());
  const store = await openTestStore(line.url);
  let budgets: StandingBudgets | undefined;
  const turn = async (id: string, more: Partial<OpenTurn> = {}) => {
    const known = await store.peekSession("", id);
    const before = line.piecesWritten;
    const opened = await open(store, id, { known, budgets, ...more });
    const opening = line.piecesWritten - before;
    budgets = { version: opened.budgetVersion, limits: [] }; // as the running program knows it from the turn before
    await store.closeTurn(closeInput(opened, [entryFor(3n)]));
    return { opening, all: line.piecesWritten - before, parentId: opened.turn.replyMessageId };
  };
  await turn((await newSession(store)).id);
  const { id } = await newSession(store);
  const first = await turn(id);
  expect(first.opening).toBeLessThanOrEqual(3); // with its title
  expect((await turn(id)).all).toBeLessThanOrEqual(8); // of sixteen statements
  for (const { parentId } of [first, first]) expect((await turn(id, { parentId })).opening).toBeLessThanOrEqual(4); // where it follows is read first
  expect((await turn(id, { parentId: null })).opening).toBeLessThanOrEqual(3);
  await store.close();
  await line.close();
});

test("words that the index refuses take their whole transaction with them, and the reason is told", async () => {
  const url = await createPostgresDatabase();
  const store = await openTestStore(url);
  const { id } = await newSession(store);
  const client = await connect(url);
  await client.query("ALTER TABLE turn_search ADD CONSTRAINT refused CHECK (false) NOT VALID");
  const before = await store.findSession("", id);
  const attempts = [() => open(store, id), () => store.updateSession("", id, { title: "words" }, 5)];
  for (const attempt of attempts) expect(await codeOf(attempt())).toBe("23514"); // check_violation
  expect(await store.findSession("", id)).toEqual(before);
  await store.close();
});

test("more callers than connections wait their turn", async () => {
  const url = await createPostgresDatabase();
  const store = await openTestStore(url, { poolSize: 2 });
  const sessions = await Promise.all(Array.from({ length: 60 }, () => newSession(store)));
  await Promise.all(sessions.map(({ id }) => speak(store, id, "q", "a")));
  expect(await store.sumBooks()).toMatchObject({ entries: 60, entriesTotal: 6000n, sessionsTotal: 6000n });
  expect(await codeOf(store.backup("/tmp/never"))).toBe("conflict");
  await store.close();
  await store.close();
  expect(await codeOf(newSession(store))).toBe("storage_unavailable");
});
