// Deleted words leave SQLite's text index by steps of ours (scrub.ts), not by merges in the middle of a delete, for which everybody waits.

import type { Migration } from "../migration.ts";

export const wipe: Migration = {
  version: 14,
  statements: ({ name }) =>
    name === "sqlite" ? ["INSERT INTO turn_search (turn_search, rank) VALUES ('deletemerge', 0)"] : [],
};
