// Sessions from files: what their turns cost before they came is kept apart from what is spent here.

import type { Migration } from "../migration.ts";

const usage = ["input", "cached", "output", "thinking", "tool", "total"]
  .map((name) => `${name}_tokens BIGINT`)
  .join(", ");

export const imports: Migration = {
  version: 13,
  statements: ({ idType, clustered }) => [
    // The session's id in its file, and what of its cost is history.
    `ALTER TABLE session ADD COLUMN imported_from ${idType}`,
    "ALTER TABLE session ADD COLUMN imported TEXT",
    "CREATE INDEX session_imported ON session (project, imported_from) WHERE imported_from IS NOT NULL",
    // Is in the turn's and the session's sums, and in no ledger.
    `CREATE TABLE imported_turn (turn BIGINT PRIMARY KEY, ${usage}, cost_pico BIGINT, accuracy_rank BIGINT, calls TEXT NOT NULL) ${clustered}`,
  ],
};
