// What storage must do for the audit: lines in, pages out, and nothing else.

import type { AuditAction, AuditLine, AuditNote } from "./audit.ts";
import type { Caller } from "./caller.ts";

export interface AuditPage {
  limit: number;
  after?: string | undefined;
  before?: string | undefined;
  action?: AuditAction | undefined;
  /** In ms: from this moment on, and before that one. */
  from?: number | undefined;
  to?: number | undefined;
  /** An operator may look at one project's; everybody else sees their own. */
  project?: string | undefined;
}

export interface AuditStore {
  /** For what changes nothing else in the database; a change notes itself in its own transaction. */
  noteAudit(notes: readonly AuditNote[]): Promise<void>;
  /** What the caller may know of; the newest first. */
  listAudit(caller: Caller, page: AuditPage): Promise<{ data: AuditLine[]; hasMore: boolean }>;
}
