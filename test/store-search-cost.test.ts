// What a search costs in SQLite's index: it reads what it shows, not all there is to find.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { matchChosen } from "../src/database/search/chosen.ts";
import { searchSessions } from "../src/database/search/search.ts";
import { indexedWords } from "../src/database/search/search-text.ts";
import { Connection } from "../src/database/sqlite/connection.ts";
import { sqliteDialect } from "../src/database/sqlite/dialect.ts";
import type { Reader, Value } from "../src/database/tx.ts";
import { openTestStore } from "./stores.ts";

const folder = mkdtempSync(join(tmpdir(), "rozmova-search-cost-"));
const rows = 2_000;
let connection: Connection;
beforeAll(async () => {
  const file = join(folder, "cost.db");
  await (await openTestStore(`sqlite:${file}`)).close();
  connection = new Connection(new DatabaseSync(file));
  connection.database.exec("BEGIN");
  const words = indexedWords("", ["common words"]).join(" ");
  for (let row = 1; row <= rows; row++)
    connection.run("INSERT INTO turn_search (rowid, words) VALUES ($1, $2)", [row, words]);
  connection.database.exec("COMMIT");
});
afterAll(() => {
  connection.database.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The first step of a search's walk over the index, and what it was asked with. */
async function findWalk(query: string): Promise<[string, readonly Value[]]> {
  const asked: [string, readonly Value[]][] = [];
  const reader: Reader = {
    dialect: sqliteDialect,
    all: async <R>(sql: string, params: readonly Value[] = []) => {
      asked.push([sql, params]);
      return /^SELECT f.row/.test(sql) ? [] : connection.all<R>(sql, params);
    },
  };
  await searchSessions(reader, "", query, { limit: 5, deleted: false });
  return asked.find(([sql]) => /^SELECT f.row/.test(sql))!;
}

test("a walk that begins far below the newest match does not read what is above", async () => {
  const [sql, [match, , ...rest]] = await findWalk("common words ");
  let rowsRead = 0;
  connection.database.function("counted", () => {
    rowsRead++;
    return 1;
  });
  const counting = sql.replace("AND rowid <", "AND counted() AND rowid <");
  expect(connection.all(counting, [match!, 251, ...rest])).toHaveLength(250);
  expect(rowsRead).toBeLessThanOrEqual(251); // the bound itself is one
});

test("a beginning is asked for by the words that begin so", async () => {
  const [, [match]] = await findWalk("comm");
  expect(match).toBe(`"${indexedWords("", [])[0]}" AND ("common")`);
});

test("a beginning of very many words, of none, or of a phrase's last word is left to the index", async () => {
  const owner = indexedWords("", [])[0];
  const many = Array.from({ length: 251 }, (_, n) => `many${n}`);
  connection.run("INSERT INTO turn_search (rowid, words) VALUES ($1, $2)", [rows + 1, many.slice(0, 250).join(" ")]);
  const matchOf = async (query: string) => (await findWalk(query))[1][0];
  const spelled = many
    .slice(0, 250)
    .sort()
    .map((word) => `"${word}"`);
  expect(await matchOf("common many")).toBe(`"${owner}" AND "common" AND (${spelled.join(" OR ")})`);
  connection.run("INSERT INTO turn_search (rowid, words) VALUES ($1, $2)", [rows + 2, many[250]!]);
  expect(await matchOf("common many")).toBe(`"${owner}" AND "common" AND "many" *`);
  expect(await matchOf("nothing")).toBe(`"${owner}" AND "nothing" *`);
  expect(await matchOf("common-wor")).toBe(`"${owner}" AND "common wor" *`);
});

test("a walk among chosen rows goes from one to the next, asks for no session twice, and goes no further than the oldest", async () => {
  const asked: (readonly Value[])[] = [];
  const reader: Reader = {
    dialect: sqliteDialect,
    all: async <R>(sql: string, params: readonly Value[] = []) => {
      asked.push(params.slice(1));
      return connection.all<R>(sql, params);
    },
  };
  const chosen = [rows + 9, 900, 500, 499, 20].map((row) => ({ row, id: `of ${row === 499 ? 500 : row}` }));
  const seen = new Set<string>();
  for await (const { id } of matchChosen(reader, '"common" AND "words"', chosen, seen)) seen.add(id);
  expect([...seen]).toEqual(["of 900", "of 500", "of 20"]);
  expect(asked).toEqual([rows + 9, 900, 500, 20].map((row) => [row, 20]));
});
