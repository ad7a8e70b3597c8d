// SQLite's own words, where the engines' SQL differs.

import type { SearchPhrase } from "../../conversation/search-query.ts";
import type { Dialect } from "../tx.ts";

const firstWord = (from: string) => `SELECT term FROM turn_word WHERE term >= ${from} ORDER BY term LIMIT 1`;
const begins = "substr(found.word, 1, length($1)) = $1";

export const sqliteDialect: Dialect = {
  name: "sqlite",
  autoRow: "INTEGER PRIMARY KEY",
  clustered: "WITHOUT ROWID",
  lockRows: "",
  shared: false,
  now: "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
  inList: (param) => `IN (SELECT value FROM json_each(${param}))`,
  jsonArray: (values) => `json_array(${values.join(", ")})`,
  // With a limit it is a table of its own; without, its expressions take the places of its columns and are computed for every row beside it.
  rowsOf: (param, columns) =>
    `(SELECT ${columns.map((name, at) => `json_extract(value, '$[${at}]') AS ${name}`).join(", ")} FROM json_each(${param}) LIMIT -1)`,
  elementsOf: (column, array) => `json_each(${column}, '$.${array}')`,
  horizon: { begun: "0", over: "0" }, // one writer: whatever can be read is over
  idType: "TEXT",
  // Texts come cut into words already. The ascii tokenizer keeps every character above U+007F as part of a word
  // (sqlite.org/fts5.html 4.3.2, read 2026-11-23). No prefix index: it would double what a turn pays for being found.
  createSearch: [
    "CREATE VIRTUAL TABLE message_search USING fts5 (words, content='', contentless_delete=1, tokenize='ascii')",
    "CREATE TABLE search_pending (row INTEGER PRIMARY KEY, stale BIGINT NOT NULL)",
  ],
  searchMatch: "turn_search MATCH $1",
  printQuery: (phrases, project, begun) =>
    [...(project ? [`"${project}"`] : []), ...phrases.map((phrase) => printPhrase(phrase, begun))].join(" AND "),
  // Each word is looked for behind the one before it: what goes on with U+0001, which no word has, stands before all that go on.
  listBegun: `WITH RECURSIVE found (word) AS (SELECT (${firstWord("$1")})
    UNION ALL SELECT (${firstWord("found.word || char(1)")}) FROM found WHERE ${begins})
    SELECT word FROM found WHERE ${begins} LIMIT $2`,
};

/** The words of the index, as a table of each connection's own that stores nothing (sqlite.org/fts5.html, the fts5vocab module). */
export const createWordTable = "CREATE VIRTUAL TABLE temp.turn_word USING fts5vocab (main, turn_search, instance)";

function printPhrase({ words, prefix }: SearchPhrase, begun: readonly string[] | undefined): string {
  if (prefix && begun) return `(${begun.map((word) => `"${word}"`).join(" OR ")})`;
  return `"${words.join(" ")}"${prefix ? " *" : ""}`;
}
