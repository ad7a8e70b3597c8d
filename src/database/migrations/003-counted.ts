// What was counted in an answer gets a column of its own, so that `usage_raw` is what the vendor sent and nothing else; and so does how a call ended.

import type { Migration } from "../migration.ts";

export const counted: Migration = {
  version: 3,
  statements: () => [
    "ALTER TABLE ledger ADD COLUMN counted TEXT",
    "ALTER TABLE turn_event ADD COLUMN counted TEXT",
    "ALTER TABLE ledger ADD COLUMN outcome TEXT",
    // As far as it can be told: a call that was refused has an error and no counts, and only a whole answer is exact.
    `UPDATE ledger SET outcome = CASE WHEN error_code IS NOT NULL AND total_tokens IS NULL AND total_pico = 0 THEN 'refused'
      WHEN accuracy_rank = 0 THEN 'finished' END`,
  ],
};
