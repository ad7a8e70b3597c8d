// Callers: projects, keys, what tokens are signed with; whom a session is for can be looked for.

import type { Migration } from "../migration.ts";

export const caller: Migration = {
  version: 4,
  statements: ({ idType, clustered, now }) => [
    `CREATE TABLE project (id ${idType} PRIMARY KEY, name TEXT NOT NULL, disabled BIGINT NOT NULL DEFAULT 0, created_at BIGINT NOT NULL) ${clustered}`,
    `INSERT INTO project (id, name, created_at) VALUES ('default', 'default', ${now})`,
    // Of a secret only the hash is kept. The old one's stands beside it while it is still good; what is deleted stays, for the books.
    `CREATE TABLE api_key (
      id ${idType} PRIMARY KEY, project ${idType} NOT NULL, name TEXT NOT NULL, prefix TEXT NOT NULL,
      hash ${idType} NOT NULL UNIQUE, old_hash ${idType}, old_until BIGINT,
      scopes TEXT NOT NULL, user_name TEXT, models TEXT, expires_at BIGINT, disabled BIGINT NOT NULL DEFAULT 0, deleted_at BIGINT,
      created_at BIGINT NOT NULL, last_used_at BIGINT, metadata TEXT NOT NULL)`,
    "CREATE UNIQUE INDEX api_key_old_hash ON api_key (old_hash) WHERE old_hash IS NOT NULL",
    "CREATE INDEX api_key_project ON api_key (project, id) WHERE deleted_at IS NULL",
    // Every process reads it to know whether what it remembers of keys still holds.
    "CREATE TABLE caller_version (id BIGINT PRIMARY KEY, version BIGINT NOT NULL)",
    "INSERT INTO caller_version (id, version) VALUES (1, 1)",
    "CREATE TABLE secret (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    `ALTER TABLE turn ADD COLUMN key_id ${idType}`,
    "CREATE INDEX session_of_user ON session (project, user_name, id) WHERE user_name IS NOT NULL",
  ],
};
