// When a version of what was said was deleted: after its time it cannot be restored, and its words go.

import type { Migration } from "../migration.ts";

export const removedAt: Migration = {
  version: 20,
  statements: ({ now }) => [
    // NULL: its words are gone, or are going.
    "ALTER TABLE removed_version ADD COLUMN at BIGINT",
    `UPDATE removed_version SET at = ${now}`,
    "CREATE INDEX removed_version_time ON removed_version (at) WHERE at IS NOT NULL",
  ],
};
