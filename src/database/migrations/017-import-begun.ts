// Imports in pieces: which sessions are not whole yet, and whose they are.

import type { Migration } from "../migration.ts";

export const importBegun: Migration = {
  version: 17,
  statements: () => [
    // `turns`: how many are there. `revives`: a purged session that gets its words back. `left_to`: how far one that was given up is taken apart.
    "CREATE TABLE import_begun (session BIGINT PRIMARY KEY, process_id BIGINT NOT NULL, token TEXT NOT NULL, revives BIGINT NOT NULL, turns BIGINT NOT NULL, left_to BIGINT)",
  ],
};
