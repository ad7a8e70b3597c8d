// Which title a model made, and of what: it goes with the words that it was made of.

import type { Migration } from "../migration.ts";

export const modelTitle: Migration = {
  version: 21,
  statements: () => [
    // `turn`: the newest that it was made of; all the others stand before that one. A title that is not here is somebody's, or a question's beginning.
    "CREATE TABLE model_title (session BIGINT PRIMARY KEY, turn BIGINT NOT NULL, title TEXT NOT NULL)",
  ],
};
