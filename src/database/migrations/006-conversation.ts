// Sessions in the order of their use, pinned ones, and which questions of a place are the same.

import type { Migration } from "../migration.ts";

export const conversation: Migration = {
  version: 6,
  statements: () => [
    "ALTER TABLE session ADD COLUMN pinned BIGINT NOT NULL DEFAULT 0",
    // Moves with each message, and with nothing else: an index on updated_at would move twice a turn.
    "ALTER TABLE session ADD COLUMN active_at BIGINT NOT NULL DEFAULT 0",
    "UPDATE session SET active_at = updated_at",
    "CREATE INDEX session_active ON session (project, active_at, id) WHERE deleted_at IS NULL",
    "CREATE INDEX session_of_user_active ON session (project, user_name, active_at, id) WHERE user_name IS NOT NULL AND deleted_at IS NULL",
    "CREATE INDEX session_pinned ON session (project, active_at, id) WHERE pinned = 1 AND deleted_at IS NULL",
    "CREATE INDEX session_of_user_pinned ON session (project, user_name, active_at, id) WHERE pinned = 1 AND user_name IS NOT NULL AND deleted_at IS NULL",
    "CREATE INDEX session_trashed ON session (project, deleted_at, id) WHERE deleted_at IS NOT NULL",
    "CREATE INDEX session_of_user_trashed ON session (project, user_name, deleted_at, id) WHERE user_name IS NOT NULL AND deleted_at IS NOT NULL",

    // Of a branch: the first turn at its place that asks the same as its own first one, where there is one.
    "ALTER TABLE branch ADD COLUMN asks BIGINT",
    `UPDATE branch SET asks = (SELECT MIN(t.row) FROM turn o JOIN turn t ON t.session = o.session AND t.position = o.position
         AND t.question = o.question AND t.row < o.row
       WHERE o.session = branch.session AND o.branch = branch.branch AND o.position = branch.fork_position AND t.branch IN
         (SELECT b.branch FROM branch b WHERE b.session = branch.session AND b.fork_position = branch.fork_position
            AND COALESCE(b.parent_branch, 0) = COALESCE(branch.parent_branch, 0)
          UNION SELECT COALESCE(branch.parent_branch, 0)))`,
  ],
};
