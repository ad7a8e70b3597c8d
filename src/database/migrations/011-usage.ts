// Usage: what the ledger says, added up behind the turns by time, model, key and user; see docs/decisions/usage.md.

import type { Migration } from "../migration.ts";

const sums = ["input", "cached", "output", "thinking", "tool", "total"]
  .map((name) => `${name}_tokens BIGINT NOT NULL`)
  .join(", ");
/** Picodollars by the million, and what is left of each entry: a sum of both holds more than one 64-bit integer does. */
const cost = "cost_million BIGINT NOT NULL, cost_rest BIGINT NOT NULL";

export const usage: Migration = {
  version: 11,
  statements: ({ idType, clustered }) => [
    // All entries of turns up to this row are added up, except those of usage_open.
    "CREATE TABLE usage_mark (id BIGINT PRIMARY KEY, rolled_to BIGINT NOT NULL)",
    "INSERT INTO usage_mark (id, rolled_to) VALUES (1, 0)",
    // Of these turns the entries from this number on are not added up yet: they were not settled when the mark went by, or had a late one.
    "CREATE TABLE usage_open (turn BIGINT PRIMARY KEY, number BIGINT NOT NULL)",
    `CREATE TABLE usage_project (id ${idType} PRIMARY KEY) ${clustered}`,

    // The ledger's entries without their words, in the order of time. A turn counts at its first call; one without a price at the
    // first of its calls that has none.
    `CREATE TABLE usage_call (
      project ${idType} NOT NULL, at BIGINT NOT NULL, turn BIGINT NOT NULL, number BIGINT NOT NULL,
      session BIGINT NOT NULL, user_name ${idType}, key_id ${idType}, vendor ${idType} NOT NULL, model ${idType} NOT NULL, purpose ${idType} NOT NULL,
      turns BIGINT NOT NULL, unpriced_turns BIGINT NOT NULL, accuracy_rank BIGINT NOT NULL, ${cost}, ${sums},
      PRIMARY KEY (project, at, turn, number)) ${clustered}`,
    "CREATE INDEX usage_call_user ON usage_call (project, user_name, at) WHERE user_name IS NOT NULL",

    // Sums over usage_call from `at` on, for `step` minutes (15, 60, 1440; 43200 is the calendar month, UTC). `cut` says whose: all of the
    // project's (`project`, name ''), or by `key` or `user`, whose name is '' for none.
    `CREATE TABLE usage_sum (
      cut ${idType} NOT NULL, step BIGINT NOT NULL, project ${idType} NOT NULL, at BIGINT NOT NULL, name ${idType} NOT NULL,
      vendor ${idType} NOT NULL, model ${idType} NOT NULL, purpose ${idType} NOT NULL,
      calls BIGINT NOT NULL, turns BIGINT NOT NULL, unpriced_turns BIGINT NOT NULL, accuracy_rank BIGINT NOT NULL, ${cost}, ${sums},
      PRIMARY KEY (cut, step, project, at, name, vendor, model, purpose)) ${clustered}`,
  ],
};
