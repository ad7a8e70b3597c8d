// Sessions, their messages on branching paths, turns with their event logs, the ledger, and the search index.

import type { Migration } from "../migration.ts";

const usage = (rule: string) =>
  ["input", "cached", "output", "thinking", "tool", "total"].map((name) => `${name}_tokens BIGINT ${rule}`).join(", ");

export const core: Migration = {
  version: 1,
  statements: ({ autoRow, clustered, idType, createSearch }) => [
    // A session's path ends at its tip. Branch 0 has no row of its own: it begins at position 0 and has no parent.
    `CREATE TABLE session (
      row ${autoRow}, id ${idType} NOT NULL UNIQUE, owner ${idType} NOT NULL,
      title TEXT, model TEXT, system TEXT, params TEXT NOT NULL, metadata TEXT NOT NULL,
      message_count BIGINT NOT NULL DEFAULT 0, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, deleted_at BIGINT,
      running_turn_id ${idType}, version BIGINT NOT NULL DEFAULT 1,
      tip_branch BIGINT NOT NULL DEFAULT 0, tip_position BIGINT NOT NULL DEFAULT -1, branch_count BIGINT NOT NULL DEFAULT 1,
      memory_from BIGINT NOT NULL DEFAULT 0, memory_estimate BIGINT NOT NULL DEFAULT 0, memory_tokens BIGINT NOT NULL DEFAULT 0,
      ${usage("NOT NULL DEFAULT 0")},
      cost_pico BIGINT NOT NULL DEFAULT 0, accuracy_rank BIGINT NOT NULL DEFAULT 0, unpriced_turns BIGINT NOT NULL DEFAULT 0)`,
    "CREATE INDEX session_live ON session (owner, id) WHERE deleted_at IS NULL",
    "CREATE INDEX session_trash ON session (owner, id) WHERE deleted_at IS NOT NULL",

    // What stands before fork_position on a branch's path stands on its parent's.
    `CREATE TABLE branch (
      session_id ${idType} NOT NULL REFERENCES session (id), branch BIGINT NOT NULL, parent_branch BIGINT, fork_position BIGINT NOT NULL,
      PRIMARY KEY (session_id, branch)) ${clustered}`,

    `CREATE TABLE message (
      row ${autoRow}, id ${idType} NOT NULL UNIQUE, session_id ${idType} NOT NULL REFERENCES session (id),
      branch BIGINT NOT NULL, position BIGINT NOT NULL, parent_id ${idType}, turn_id ${idType} NOT NULL,
      role TEXT NOT NULL, status TEXT NOT NULL, created_at BIGINT NOT NULL,
      content TEXT NOT NULL, thought TEXT, vendor_parts TEXT,
      UNIQUE (session_id, branch, position))`,

    `CREATE TABLE turn (
      id ${idType} PRIMARY KEY, session_id ${idType} NOT NULL, owner ${idType} NOT NULL,
      user_message_id ${idType} NOT NULL, reply_message_id ${idType} NOT NULL, status TEXT NOT NULL,
      model_requested TEXT NOT NULL, model_served TEXT, finish_reason TEXT, error_code TEXT, error_detail TEXT, notices TEXT,
      ${usage("")}, cost_pico BIGINT, accuracy_rank BIGINT,
      started_at BIGINT NOT NULL, first_token_at BIGINT, ended_at BIGINT, last_number BIGINT,
      process_id BIGINT NOT NULL, lease_until BIGINT NOT NULL,
      settled BIGINT NOT NULL DEFAULT 0, stop_requested BIGINT NOT NULL DEFAULT 0) ${clustered}`,
    "CREATE INDEX turn_unsettled ON turn (process_id, id) WHERE settled = 0",

    `CREATE TABLE turn_event (
      turn_id ${idType} NOT NULL, first_number BIGINT NOT NULL, count BIGINT NOT NULL, events TEXT NOT NULL,
      usage_raw TEXT, model_served TEXT, PRIMARY KEY (turn_id, first_number)) ${clustered}`,

    // Price rows are written once; the key is made from the content, so a changed row is another row.
    `CREATE TABLE price (key TEXT PRIMARY KEY, row TEXT NOT NULL) ${clustered}`,
    `CREATE TABLE ledger_entry (
      id ${idType} NOT NULL, turn_id ${idType} NOT NULL, session_id ${idType} NOT NULL, owner ${idType} NOT NULL,
      purpose TEXT NOT NULL, attempt BIGINT NOT NULL, at BIGINT NOT NULL, vendor TEXT NOT NULL,
      model_requested TEXT NOT NULL, model_served TEXT, price_key TEXT, usage_raw TEXT, ${usage("")},
      lines TEXT NOT NULL, total_pico BIGINT, accuracy_rank BIGINT NOT NULL, balanced BIGINT NOT NULL, error_code TEXT,
      PRIMARY KEY (turn_id, attempt)) ${clustered}`,

    `CREATE TABLE idempotency (
      owner ${idType} NOT NULL, key ${idType} NOT NULL, body_hash TEXT NOT NULL, target_id ${idType} NOT NULL, expires_at BIGINT NOT NULL,
      PRIMARY KEY (owner, key)) ${clustered}`,
    "CREATE INDEX idempotency_expiry ON idempotency (expires_at)",

    "CREATE TABLE write_check (id BIGINT PRIMARY KEY, at BIGINT NOT NULL)",
    ...createSearch,
  ],
};
