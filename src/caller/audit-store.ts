// What storage must do for the audit: lines in, pages out, and nothing else.

import type { AuditAction, AuditLine, AuditNote } from "./audit.ts";
import type { Caller } from "./caller.ts";
import type { KeyPage } from "./caller-store.ts";

export interface AuditPage extends KeyPage {
  action?: AuditAction | undefined;
  /** In ms: from this moment on, and before that one. */
  from?: number | undefined;
  to?: number | undefined;
}

export interface AuditStore {
  /** For what changes nothing else in the database; a change notes itself in its own transaction. */
  noteAudit(notes: readonly AuditNote[]): Promise<void>;
  /** What the caller may know of; the newest first. */
  listAudit(caller: Caller, page: AuditPage): Promise<{ data: AuditLine[]; hasMore: boolean }>;
}
