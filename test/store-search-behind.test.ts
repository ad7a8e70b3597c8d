// SQLite's search index is written behind the turns: nothing is forgotten, and nobody who searches sees that it is.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Connection, SqliteTx } from "../src/database/sqlite/connection.ts";
import { indexPending, SearchIndexer } from "../src/database/sqlite/search-indexer.ts";
import { newSession, speak } from "./store-inputs.ts";
import { openTestStore } from "./stores.ts";

const folder = mkdtempSync(join(tmpdir(), "rozmova-search-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function countPending(file: string): number {
  const database = new DatabaseSync(file, { readOnly: true });
  const { count } = database.prepare("SELECT COUNT(*) AS count FROM search_pending").get() as { count: number };
  database.close();
  return count;
}
const page = { limit: 10, deleted: false };

test("a search finds what was acknowledged a moment before, however much waits", async () => {
  const file = join(folder, "moment.db");
  const store = await openTestStore(`sqlite:${file}`);
  const session = await newSession(store, { title: "rivers" });
  await Promise.all(
    Array.from({ length: 200 }, async (_, n) =>
      speak(store, (await newSession(store)).id, `question${n}`, `answer${n}`),
    ),
  );
  await speak(store, session.id, "the newest question", "the newest reply");
  for (const word of ["question0", "answer199", "newest", "rivers"])
    expect((await store.searchSessions("", word, page)).data).toHaveLength(1);
  expect(countPending(file)).toBe(0);
});

test("long texts are indexed one at a time, short ones many, and all of them are found", async () => {
  const file = join(folder, "long.db");
  const store = await openTestStore(`sqlite:${file}`);
  const { id } = await newSession(store);
  await store.close();
  const connection = new Connection(new DatabaseSync(file));
  const tx = new SqliteTx(connection);
  const all = 1_200;
  const long = 3;
  for (let row = 1; row <= all; row++) {
    const text = `word${row} ${row <= long ? "x ".repeat(100_000) : ""}`;
    connection.run(
      `INSERT INTO message (row, id, session_id, branch, position, turn_id, role, status, created_at, content)
       VALUES ($1, $2, $3, 0, $1, 't', 'user', 'complete', 0, $4)`,
      [row, `m${row}`, id, text],
    );
    await tx.indexText(row, "", text, false);
  }
  const taken: number[] = [];
  const indexer = new SearchIndexer(async (limit) => {
    const step = await indexPending(tx, limit);
    taken.push(step.rows);
    return step;
  });
  indexer.soon();
  await indexer.settle();
  await indexer.close();
  expect(taken.slice(0, long)).toEqual([1, 1, 1]);
  expect(Math.max(...taken)).toBe(256);
  expect(taken.reduce((sum, rows) => sum + rows, 0)).toBe(all);
  const found = "SELECT rowid FROM message_search WHERE message_search MATCH $1 ORDER BY rowid";
  expect(connection.all(found, ["word3 OR word1200"])).toEqual([{ rowid: 3 }, { rowid: all }]);
  connection.database.close();
});

test("what waited when a process ended is found by the next one", async () => {
  const file = join(folder, "restart.db");
  let store = await openTestStore(`sqlite:${file}`);
  const session = await newSession(store, { title: "old title" });
  await speak(store, session.id, "an unfinished thought", "a finished reply");
  await store.updateSession("", session.id, { title: "new title" }, Date.now());
  await store.close();
  expect(countPending(file)).toBeGreaterThan(0);
  store = await openTestStore(`sqlite:${file}`);
  for (const [words, found] of [
    ["unfinished", 1],
    ["finished reply", 1],
    ["new title", 1],
    ["old", 0],
  ] as const)
    expect((await store.searchSessions("", words, page)).data).toHaveLength(found);
});

test("a changed title replaces what was indexed of the old one, whether that waited or not", async () => {
  const store = await openTestStore(`sqlite:${join(folder, "title.db")}`);
  const session = await newSession(store, { title: "first" });
  for (const [was, is] of [
    ["first", "second"],
    ["second", "third"],
  ] as const) {
    await store.updateSession("", session.id, { title: is }, Date.now());
    expect((await store.searchSessions("", is, page)).data).toHaveLength(1);
    expect((await store.searchSessions("", was, page)).data).toHaveLength(0);
  }
  await store.updateSession("", session.id, { title: null }, Date.now());
  expect((await store.searchSessions("", "third", page)).data).toHaveLength(0);
});
