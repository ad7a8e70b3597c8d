// A turn becomes one row that holds its question and its answer; its calls are booked beside it, the search index has one row a turn.

import type { Migration } from "../migration.ts";
import { titleBase } from "../search/search-text.ts";

const counts = ["input", "cached", "output", "thinking", "tool", "total"].map((name) => `${name}_tokens`);
const usage = counts.map((name) => `${name} BIGINT`).join(", ");

export const turnRow: Migration = {
  version: 2,
  statements: ({ name, autoRow, clustered, idType }) => [
    // What was nobody's belongs to the project that is always there. Places on a path are counted in turns from now on.
    "DROP INDEX turn_unsettled",
    "ALTER TABLE turn RENAME TO old_turn",
    "ALTER TABLE branch RENAME TO old_branch",
    "ALTER TABLE price RENAME TO old_price",
    "ALTER TABLE session RENAME COLUMN owner TO project",
    "ALTER TABLE idempotency RENAME COLUMN owner TO project",
    "UPDATE idempotency SET project = 'default' WHERE project = ''",
    "UPDATE session SET project = 'default' WHERE project = ''",
    "UPDATE session SET tip_position = (tip_position - 1) / 2, memory_from = memory_from / 2",
    "ALTER TABLE session ADD COLUMN user_name TEXT",

    // Branch 0 has no row of its own: it begins at position 0 and has no parent. What stands before fork_position on a
    // branch's path stands on its parent's.
    `CREATE TABLE branch (
      session BIGINT NOT NULL, branch BIGINT NOT NULL, parent_branch BIGINT, fork_position BIGINT NOT NULL,
      PRIMARY KEY (session, branch)) ${clustered}`,
    `INSERT INTO branch SELECT s.row, b.branch, b.parent_branch, b.fork_position / 2 FROM old_branch b JOIN session s ON s.id = b.session_id`,

    // `parent` is the row of the turn before it on its path. Messages of older turns have ids of their own; the others' are
    // made from the turn's. What is long stands at the end, so that the rest is read without it.
    `CREATE TABLE turn (
      row ${autoRow}, id ${idType} NOT NULL UNIQUE, session BIGINT NOT NULL, branch BIGINT NOT NULL, position BIGINT NOT NULL,
      parent BIGINT, question_id ${idType}, answer_id ${idType}, user_name TEXT, status TEXT NOT NULL,
      model_requested TEXT NOT NULL, model_served TEXT, finish_reason TEXT, error_code TEXT, error_detail TEXT, notices TEXT,
      ${usage}, cost_pico BIGINT, accuracy_rank BIGINT,
      started_at BIGINT NOT NULL, first_token_at BIGINT, ended_at BIGINT, last_number BIGINT,
      process_id BIGINT NOT NULL, lease_until BIGINT NOT NULL,
      settled BIGINT NOT NULL DEFAULT 0, stop_requested BIGINT NOT NULL DEFAULT 0, calls TEXT,
      question TEXT NOT NULL, answer TEXT NOT NULL DEFAULT '', thought TEXT, vendor_parts TEXT, events TEXT,
      UNIQUE (session, branch, position))`,
    `INSERT INTO turn (id, session, branch, position, question_id, answer_id, status,
      model_requested, model_served, finish_reason, error_code, error_detail, notices, ${counts.join(", ")}, cost_pico, accuracy_rank,
      started_at, first_token_at, ended_at, last_number, process_id, lease_until, settled, stop_requested,
      question, answer, thought, vendor_parts)
      SELECT t.id, s.row, q.branch, q.position / 2, t.user_message_id, t.reply_message_id, t.status,
        t.model_requested, t.model_served, t.finish_reason, t.error_code, t.error_detail, t.notices,
        ${counts.map((column) => `t.${column}`).join(", ")}, t.cost_pico, t.accuracy_rank,
        t.started_at, t.first_token_at, t.ended_at, t.last_number, t.process_id, t.lease_until, t.settled, t.stop_requested,
        q.content, a.content, a.thought, a.vendor_parts
      FROM old_turn t JOIN session s ON s.id = t.session_id JOIN message q ON q.id = t.user_message_id JOIN message a ON a.id = t.reply_message_id
      ORDER BY t.id`,
    "CREATE INDEX turn_unsettled ON turn (process_id, row) WHERE settled = 0",
    "CREATE UNIQUE INDEX turn_question_id ON turn (question_id) WHERE question_id IS NOT NULL",
    "CREATE UNIQUE INDEX turn_answer_id ON turn (answer_id) WHERE answer_id IS NOT NULL",
    `UPDATE turn SET parent = (SELECT p.row FROM message q JOIN turn p ON p.answer_id = q.parent_id WHERE q.id = turn.question_id)`,

    // Price rows are written once; the key is made from the content, so a changed row is another row.
    `CREATE TABLE price (row ${autoRow}, key TEXT NOT NULL UNIQUE, content TEXT NOT NULL)`,
    "INSERT INTO price (key, content) SELECT key, row FROM old_price ORDER BY key",
    `CREATE TABLE ledger (
      turn BIGINT NOT NULL, number BIGINT NOT NULL, purpose TEXT NOT NULL, at BIGINT NOT NULL, vendor TEXT NOT NULL,
      model_requested TEXT NOT NULL, model_served TEXT, price BIGINT, ${usage},
      total_pico BIGINT, accuracy_rank BIGINT NOT NULL, balanced BIGINT NOT NULL, error_code TEXT, lines TEXT NOT NULL, usage_raw TEXT,
      PRIMARY KEY (turn, number)) ${clustered}`,
    `INSERT INTO ledger (turn, number, purpose, at, vendor, model_requested, model_served, price, ${counts.join(", ")},
      total_pico, accuracy_rank, balanced, error_code, lines, usage_raw)
      SELECT t.row, e.attempt, 'chat', e.at, e.vendor, e.model_requested, e.model_served, p.row,
        ${counts.map((column) => `e.${column}`).join(", ")}, e.total_pico, e.accuracy_rank, e.balanced, e.error_code, e.lines, e.usage_raw
      FROM ledger_entry e JOIN turn t ON t.id = e.turn_id LEFT JOIN price p ON p.key = e.price_key`,

    ...search[name],
    ...["ledger_entry", "old_price", "message", "old_turn", "old_branch"].map((table) => `DROP TABLE ${table}`),
  ],
};

/** U+E002 and U+E003 as search-text.ts has them, and what printVector makes of a word. */
const word = (text: string) => `CAST('''' || ${text} || ''':1' AS tsvector)`;
const projectWord = word("chr(57346) || encode(convert_to(s.project, 'UTF8'), 'hex')");

const search = {
  /** The index is made anew behind the first start, as after any crash: from the mark on. */
  sqlite: [
    "DROP TABLE message_search",
    "DROP TABLE search_pending",
    "CREATE VIRTUAL TABLE turn_search USING fts5 (words, content='', contentless_delete=1, tokenize='ascii')",
    "CREATE TABLE search_mark (id INTEGER PRIMARY KEY, indexed_to BIGINT NOT NULL)",
    "INSERT INTO search_mark (id, indexed_to) VALUES (1, 0)",
    "CREATE TABLE title_pending (session INTEGER PRIMARY KEY)",
    "INSERT INTO title_pending (session) SELECT row FROM session WHERE title IS NOT NULL",
  ],
  postgres: [
    "CREATE TABLE turn_search (rowid BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)",
    `INSERT INTO turn_search (rowid, words)
      SELECT t.row, ${projectWord} || COALESCE(ts_delete(q.words, chr(57346)), '') || ${word("chr(57347)")} || COALESCE(ts_delete(a.words, chr(57346)), '')
      FROM turn t JOIN session s ON s.row = t.session JOIN message qm ON qm.id = t.question_id JOIN message am ON am.id = t.answer_id
        LEFT JOIN message_search q ON q.rowid = qm.row LEFT JOIN message_search a ON a.rowid = am.row WHERE t.status <> 'running'`,
    `INSERT INTO turn_search (rowid, words)
      SELECT f.rowid, ${projectWord} || ts_delete(f.words, chr(57346)) FROM message_search f JOIN session s ON s.row = f.rowid - ${titleBase}`,
    "CREATE INDEX turn_search_words ON turn_search USING gin (words)",
    "DROP TABLE message_search",
  ],
};
