// Calls for a title: what is begun stands here until it is booked with its turn.

import type { Migration } from "../migration.ts";

export const title: Migration = {
  version: 7,
  statements: () => [
    // `named`: somebody has given the session a title meanwhile. The calls are as `turn.calls` has them.
    `CREATE TABLE title_call (
      session BIGINT PRIMARY KEY, turn BIGINT NOT NULL, process_id BIGINT NOT NULL, lease_until BIGINT NOT NULL,
      named BIGINT NOT NULL DEFAULT 0, prompt_estimate BIGINT NOT NULL, calls TEXT NOT NULL)`,
  ],
};
