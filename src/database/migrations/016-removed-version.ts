// Versions of what was said that were deleted: everything of a branch from a position on.

import type { Migration } from "../migration.ts";

export const removedVersion: Migration = {
  version: 16,
  statements: ({ clustered }) => [
    // `removal` is the version that the session got by it: what went together comes back together.
    `CREATE TABLE removed_version (
      session BIGINT NOT NULL, branch BIGINT NOT NULL, position BIGINT NOT NULL, removal BIGINT NOT NULL, PRIMARY KEY (session, branch, position)) ${clustered}`,
  ],
};
