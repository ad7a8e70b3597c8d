// Seals: the ledger's entries chained by their hashes, a batch at a time.

import type { Migration } from "../migration.ts";

export const seal: Migration = {
  version: 15,
  statements: ({ idType, clustered }) => [
    // `members` are the entries that are new with it, in order: [turn's row, number, hash of its canonical form] as JSON.
    `CREATE TABLE seal (
      number BIGINT PRIMARY KEY, sealed_at BIGINT NOT NULL, entries BIGINT NOT NULL, last_entry TEXT NOT NULL, hash TEXT NOT NULL, members TEXT NOT NULL)`,
    // All entries of turns up to this row are sealed, except of those in seal_open the ones from a number on.
    "CREATE TABLE seal_mark (id BIGINT PRIMARY KEY, sealed_to BIGINT NOT NULL)",
    "INSERT INTO seal_mark (id, sealed_to) VALUES (1, 0)",
    "CREATE TABLE seal_open (turn BIGINT PRIMARY KEY, number BIGINT NOT NULL)",
    `CREATE TABLE seal_project (project ${idType} PRIMARY KEY, entries BIGINT NOT NULL, last_entry TEXT NOT NULL) ${clustered}`,
  ],
};
