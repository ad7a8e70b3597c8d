// SQLite's search index is written behind the turns: nothing is forgotten, and nobody who searches sees that it is.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Connection, SqliteTx } from "../src/database/sqlite/connection.ts";
import { SearchIndexer, WaitingTexts } from "../src/database/sqlite/search-indexer.ts";
import { closeInput, newSession, open, speak } from "./store-inputs.ts";
import { openTestStore } from "./stores.ts";

const folder = mkdtempSync(join(tmpdir(), "rozmova-search-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Turns of the file that the stored mark does not vouch for. */
function countBehind(file: string): number {
  const database = new DatabaseSync(file, { readOnly: true });
  const behind =
    "SELECT (SELECT COUNT(*) FROM turn WHERE row > indexed_to) + (SELECT COUNT(*) FROM title_pending) AS count FROM search_mark";
  const { count } = database.prepare(behind).get() as { count: number };
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
  expect(countBehind(file)).toBe(0);
});

test("long texts are indexed one at a time, short ones many, and all of them are found", async () => {
  const file = join(folder, "long.db");
  const store = await openTestStore(`sqlite:${file}`);
  const { id } = await newSession(store);
  await store.close();
  const connection = new Connection(new DatabaseSync(file));
  const all = 1_200;
  const long = 3;
  const waiting = new WaitingTexts({ after: 0, to: 0 });
  connection.database.exec("BEGIN");
  for (let row = 1; row <= all; row++) {
    connection.run(
      `INSERT INTO turn (row, id, session, branch, position, status, model_requested, started_at, process_id, lease_until, settled, question)
       SELECT $1, $2, row, 0, $1, 'complete', 'm', 0, 0, 0, 1, $3 FROM session WHERE id = $4`,
      [row, `t${row}`, `word${row} ${row <= long ? "x ".repeat(100_000) : ""}`, id],
    );
    waiting.turn(row);
  }
  const taken: number[] = [];
  const indexer = new SearchIndexer(waiting, async (work) => {
    const step = await work(new SqliteTx(connection, waiting));
    taken.push((step as { rows: number }).rows);
    return step;
  });
  await indexer.settle();
  await indexer.close();
  connection.database.exec("COMMIT");
  expect(taken.slice(0, long)).toEqual([1, 1, 1]);
  expect(Math.max(...taken)).toBe(all / 8);
  expect(taken.reduce((sum, rows) => sum + rows, 0)).toBe(all);
  const found = "SELECT rowid FROM turn_search WHERE turn_search MATCH $1 ORDER BY rowid";
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
  expect(countBehind(file)).toBeGreaterThan(0);
  store = await openTestStore(`sqlite:${file}`);
  for (const [words, found] of [
    ["unfinished", 1],
    ["finished reply", 1],
    ["new title", 1],
    ["old", 0],
  ] as const)
    expect((await store.searchSessions("", words, page)).data).toHaveLength(found);
});

test("a turn that was running while younger ones were indexed is found as well, when its process ends before it is", async () => {
  const file = join(folder, "older.db");
  let store = await openTestStore(`sqlite:${file}`);
  const [slow, quick] = [await newSession(store), await newSession(store)];
  const older = await open(store, slow.id, { content: "a slow question" });
  await speak(store, quick.id, "a quick question", "a quick reply");
  expect((await store.searchSessions("", "quick", page)).data).toHaveLength(1); // it is indexed now
  await store.closeTurn(closeInput(older, [], { text: "a slow reply" }));
  await store.close();
  store = await openTestStore(`sqlite:${file}`);
  for (const words of ["slow question", "slow reply", "quick reply"])
    expect((await store.searchSessions("", words, page)).data).toHaveLength(1);
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

test("what a process before this one had indexed is not written once more, however far back the mark stands", async () => {
  const file = join(folder, "once.db");
  let store = await openTestStore(`sqlite:${file}`);
  const { id } = await newSession(store);
  for (let n = 0; n < 5; n++) await speak(store, id, `question${n}`, "a reply");
  expect((await store.searchSessions("", "question4", page)).data).toHaveLength(1);
  await store.close();
  const database = new DatabaseSync(file);
  const listParts = () => database.prepare("SELECT id, hex(block) FROM turn_search_data ORDER BY id").all();
  database.exec("UPDATE search_mark SET indexed_to = 0");
  const before = listParts();
  store = await openTestStore(`sqlite:${file}`);
  expect((await store.searchSessions("", "question4", page)).data).toHaveLength(1);
  await store.close();
  expect(countBehind(file)).toBe(0);
  expect(listParts()).toEqual(before);
  database.close();
});
