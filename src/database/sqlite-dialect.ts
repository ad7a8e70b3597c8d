// SQLite's own words, where the engines' SQL differs.

import type { Dialect } from "./engine.ts";

export const sqliteDialect: Dialect = {
  name: "sqlite",
  autoRow: "INTEGER PRIMARY KEY",
  clustered: "WITHOUT ROWID",
  lockRows: "",
  inList: (param) => `IN (SELECT value FROM json_each(${param}))`,
  idType: "TEXT",
  // Texts come cut into words already. The ascii tokenizer keeps every character above U+007F as part of a word
  // (sqlite.org/fts5.html 4.3.2, read 2026-11-23). No prefix index: it would double what a turn pays for being found.
  createSearch: [
    "CREATE VIRTUAL TABLE message_search USING fts5 (words, content='', contentless_delete=1, tokenize='ascii')",
    "CREATE TABLE search_pending (row INTEGER PRIMARY KEY, stale BIGINT NOT NULL)",
  ],
  searchMatch: "message_search MATCH $1",
  printQuery: (phrases, owner) =>
    [`"${owner}"`, ...phrases.map(({ words, prefix }) => `"${words.join(" ")}"${prefix ? " *" : ""}`)].join(" AND "),
};
