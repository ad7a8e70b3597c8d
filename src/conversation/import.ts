// A session as it comes back from a file: all of its turns, with what they cost as history.

import type { ExportedTurn } from "./export.ts";
import type { Session } from "./session.ts";

export interface ImportedTurn extends Omit<ExportedTurn, "entries" | "importedCalls"> {
  /** Its calls as a receipt lists them, as JSON: shown again, and never added up. */
  calls: string;
}

/** Its fields keep what they were, its id too where that is free. */
export interface ImportSession
  extends Pick<
    Session,
    | ("id" | "title" | "model" | "system" | "params" | "metadata" | "user" | "pinned")
    | ("createdAt" | "updatedAt" | "activeAt")
  > {
  owner: string;
  /** Whoever asks sees this user's sessions alone; null: all of the project. */
  seesUser: string | null;
  /** Makes another session of it, with ids of its own, whether or not it is there already. */
  copy: boolean;
  at: number;
  /** The same key with the same file is answered by the session that it made. */
  idempotency?: { key: string; bodyHash: string; expiresAt: number } | undefined;
  /** The message that the current branch goes through. */
  tip: string | null;
  /** Each behind the one that it follows; no id twice. */
  turns: ImportedTurn[];
}

/** What storage must do for it. */
export interface ImportStore {
  /**
   * In pieces, between which others write: nobody sees anything of it before it is whole, and what comes to no end is taken apart. The ids stay what they were where all of them are free; where one is taken, all are new. A session that was purged from this project is the
   * same session again: it has its words back, and its books were never gone. conflict: it is here already (`session_id`);
   * idempotency_mismatch.
   */
  importSession(input: ImportSession): Promise<Session>;
  /** Takes apart what a crash, or a disk that was full, has left half put in. */
  undoLeftImports(): Promise<void>;
  /** The calls of an imported turn, as JSON; undefined for any other. */
  findImportedCalls(owner: string, turnId: string): Promise<string | undefined>;
}
