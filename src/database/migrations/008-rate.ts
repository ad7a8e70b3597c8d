// Limits of keys, and where several processes share the database the counters for them.

import type { Migration } from "../migration.ts";

export const rate: Migration = {
  version: 8,
  statements: ({ idType, shared }) => [
    "ALTER TABLE api_key ADD COLUMN rate TEXT",
    // Counters of a minute are not worth a flush of the log: after a crash of Postgres the minute begins anew.
    ...(shared
      ? [`CREATE UNLOGGED TABLE rate (counter ${idType} PRIMARY KEY, used BIGINT NOT NULL, ends_at BIGINT NOT NULL)`]
      : []),
  ],
};
