// Purging: which sessions have lost their words, which are losing them, and what has to leave the files.

import type { Migration } from "../migration.ts";

export const purge: Migration = {
  version: 9,
  statements: ({ name }) => [
    "ALTER TABLE session ADD COLUMN purged_at BIGINT",
    "ALTER TABLE session ADD COLUMN erased_at BIGINT",
    // How far the words of a session's turns are gone.
    "CREATE TABLE erasure (session BIGINT PRIMARY KEY, branch BIGINT NOT NULL, position BIGINT NOT NULL)",
    // Of the trash, without what is purged; of all projects for the sweep.
    ...["session_trash", "session_trashed", "session_of_user_trashed"].map((index) => `DROP INDEX ${index}`),
    "CREATE INDEX session_trash ON session (project, id) WHERE deleted_at IS NOT NULL AND purged_at IS NULL",
    "CREATE INDEX session_trashed ON session (project, deleted_at, id) WHERE deleted_at IS NOT NULL AND purged_at IS NULL",
    "CREATE INDEX session_of_user_trashed ON session (project, user_name, deleted_at, id) WHERE user_name IS NOT NULL AND deleted_at IS NOT NULL AND purged_at IS NULL",
    "CREATE INDEX session_trash_time ON session (deleted_at) WHERE deleted_at IS NOT NULL AND purged_at IS NULL",
    "CREATE INDEX idempotency_target ON idempotency (target_id)",
    "CREATE INDEX api_key_user ON api_key (project, user_name) WHERE user_name IS NOT NULL",
    ...scrub[name],
  ],
};

const scrub = {
  // How many transactions have taken words away, and up to which of them the files are free of those; `clean`: no free page has any.
  sqlite: [
    "CREATE TABLE scrub (id INTEGER PRIMARY KEY, asked BIGINT NOT NULL, done BIGINT NOT NULL, clean BIGINT NOT NULL)",
    "INSERT INTO scrub (id, asked, done, clean) VALUES (1, 0, 0, 0)",
    "CREATE TABLE scrub_fill (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
  ],
  postgres: [],
};
