// What was counted in an answer gets a column of its own, so that `usage_raw` is what the vendor sent and nothing else.

import type { Migration } from "./migration.ts";

export const counted: Migration = {
  version: 3,
  statements: () => ["ALTER TABLE ledger ADD COLUMN counted TEXT", "ALTER TABLE turn_event ADD COLUMN counted TEXT"],
};
