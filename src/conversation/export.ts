// A session as it leaves: all of its turns, on every branch, with all that is known of them; and as a page for people to read.

import type { LedgerEntry } from "../money/ledger.ts";
import type { Outcome } from "./message.ts";
import type { Session } from "./session.ts";

export interface ExportedTurn extends Outcome {
  id: string;
  /** The answer that it follows; null: it stands at the beginning. */
  parentId: string | null;
  questionId: string;
  answerId: string;
  question: string;
  answer: string;
  thought: string | null;
  /** As the vendor sent them, to be sent back to it, where they hold more than text. */
  vendorParts: string | null;
  /** Its calls as the ledger has them. */
  entries: LedgerEntry[];
  /** Those that it came with from a file, as JSON of the wire; null for a turn that was made here. */
  importedCalls: string | null;
}

export interface ExportedSession {
  session: Session;
  /** The newest message of the current branch, of those that are exported. */
  tip: string | null;
  /** Some turns at a time, each after the one that it follows. One that runs is left out. */
  turns: AsyncIterable<ExportedTurn[]>;
}

/** What storage must do for it. */
export interface ExportStore {
  /** As the session is when it is asked for: what is added meanwhile does not appear. Undefined: the caller has no such session. */
  exportSession(owner: string, id: string): Promise<ExportedSession | undefined>;
}
