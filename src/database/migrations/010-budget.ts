// Budgets: limits by scope, what is settled and held of each in each of its windows, and what a turn holds of them.

import type { Migration } from "../migration.ts";

export const budget: Migration = {
  version: 10,
  statements: ({ idType, clustered }) => [
    // A number is never given twice, so that what was held of a budget that is gone is not taken for another's. `names` are those that
    // the models go by in the ledger.
    `CREATE TABLE budget (
      project ${idType} NOT NULL, scope ${idType} NOT NULL, number BIGINT NOT NULL, period TEXT NOT NULL, models TEXT, names TEXT,
      limit_pico BIGINT NOT NULL, soft_ppm BIGINT, extras TEXT, created_at BIGINT NOT NULL,
      PRIMARY KEY (project, scope, number)) ${clustered}`,
    // One for each window in which something was held or settled: a clock that goes back finds the one before.
    `CREATE TABLE budget_window (
      budget BIGINT NOT NULL, starts_at BIGINT NOT NULL, settled_pico BIGINT NOT NULL, held_pico BIGINT NOT NULL,
      beyond_pico BIGINT NOT NULL DEFAULT 0, told BIGINT NOT NULL DEFAULT 0, PRIMARY KEY (budget, starts_at)) ${clustered}`,
    // Grows with every change: where there is no budget, a turn asks for nothing but that it still has this value.
    "CREATE TABLE budget_version (id BIGINT PRIMARY KEY, version BIGINT NOT NULL)",
    "INSERT INTO budget_version (id, version) VALUES (1, 1)",
    "ALTER TABLE turn ADD COLUMN holds TEXT",
  ],
};
