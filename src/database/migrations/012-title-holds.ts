// A call for a title holds its worst case of its budgets, as a turn does.

import type { Migration } from "../migration.ts";

export const titleHolds: Migration = {
  version: 12,
  statements: () => ["ALTER TABLE title_call ADD COLUMN holds TEXT"],
};
