// The audit: who made, changed, refused or erased what. Its lines are added, never changed, and hold no words of anybody.

/** What is written down. `key.refused`, `token.refused` and `token.created` are counted, a line a minute (`audit-tally.ts`). */
export const auditActions = [
  "key.created",
  "key.changed",
  "key.rotated",
  "key.deleted",
  "key.used",
  "key.refused",
  "token.created",
  "token.refused",
  "project.created",
  "project.changed",
  "budget.changed",
  "budget.increased",
  "budget.deleted",
  "session.purged",
  "version.purged",
  "trash.emptied",
  "trash.swept",
  "versions.swept",
  "user.erased",
] as const;
export type AuditAction = (typeof auditActions)[number];

/** A line to be written. */
export interface AuditNote {
  /** Milliseconds since 1970 UTC. */
  at: number;
  /** Whose affair it is; null: nobody's, and then operators alone see it. */
  project: string | null;
  /** The key it was done with; null: none was needed, or the command line did it, or the server itself. */
  keyId: string | null;
  action: AuditAction;
  /**
   * What it was done to: an id of ours, or a budget's scope. A user's name (`user:anna`) is not kept: a keyed hash takes its place (`user:person-...`),
   * always the same one for the same name.
   */
  target: string | null;
  /** How many: of refusals in the minute before, of sessions or versions erased; 1 where there was one thing. */
  count: number;
}

export interface AuditLine extends AuditNote {
  id: string;
}
