// What a check of the budgets is derived from: what a window began with, and which calls for titles were counted where.

import type { Migration } from "../migration.ts";

export const budgetCheck: Migration = {
  version: 19,
  statements: ({ clustered }) => [
    // It began with all calls of the ledger from its start up to this moment; 0: with nothing; NULL: it is older than this column.
    "ALTER TABLE budget_window ADD COLUMN ledger_until BIGINT",
    // As `turn.holds`, for the calls of a turn that were made for a title; while they are made it is in title_call.
    `CREATE TABLE title_hold (turn BIGINT NOT NULL, first_call BIGINT NOT NULL, last_call BIGINT NOT NULL, holds TEXT NOT NULL,
      PRIMARY KEY (turn, first_call)) ${clustered}`,
  ],
};
