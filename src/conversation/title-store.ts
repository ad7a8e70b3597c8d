// What storage must do for titles that a model makes: the share of door 2 that is this room's.

import type { Ask, Grant } from "../money/budget.ts";
import type { BegunCall, LedgerEntry } from "../money/ledger.ts";
import type { Session } from "./session.ts";
import type { Excerpt } from "./title.ts";

/** A session as whoever names it needs it. */
export interface TitleSource {
  /** Its row. */
  session: number;
  /** The newest turn on its path that is over and booked: the call becomes one of its calls. Null: there is none. */
  turn: number | null;
  isTrashed: boolean;
  model: string | null;
  user: string | null;
  /** Of the turns that are over: the first one, then the newest. */
  excerpts: Excerpt[];
}

export interface BeginTitle {
  owner: string;
  session: number;
  turn: number;
  /** Refuses with version_mismatch unless the session is at this version. */
  ifVersion: number | undefined;
  processId: number;
  /** How long the call is believed without a word, by the database's clock; it ends sooner by itself. */
  leaseMs: number;
  promptEstimate: number;
  /** What it asks of the budgets. */
  ask: Ask;
  calls: readonly BegunCall[];
  idempotency?: { key: string; bodyHash: string; expiresAt: number } | undefined;
  at: number;
}

export interface EndTitle {
  owner: string;
  session: number;
  processId: number;
  /** Numbered from 1; they get the numbers after those of the turn's other calls. */
  entries: readonly LedgerEntry[];
  /** Null: the old one stays. */
  title: string | null;
  /** An idempotency key that is let go of: the same request is a new try. */
  releaseKey?: string | undefined;
  at: number;
}

/** Calls for a title whose process is gone, now ours. */
export interface DeadTitle {
  owner: string;
  session: number;
  promptEstimate: number;
  calls: readonly BegunCall[];
}

export interface TitleStore {
  /** Undefined: the caller has no such session. */
  readTitleSource(owner: string, sessionId: string): Promise<TitleSource | undefined>;
  /**
   * Writes down the call for a title before it is sent; one at a time for each session.
   * not_found | conflict (one is under way or was made with this key, in the trash, too many calls of this turn) | version_mismatch | idempotency_mismatch |
   * budget_exceeded | unpriced_model. Returns what its budgets granted; null: none concerns it.
   */
  beginTitle(input: BeginTitle): Promise<Grant | null>;
  /** Writes down all calls for a title, before another one is sent. Throws conflict when another process has taken them over. */
  noteTitleCalls(session: number, processId: number, calls: readonly BegunCall[]): Promise<void>;
  /**
   * Books the calls as further ones of their turn, once, and gives the session its title, unless somebody has named it meanwhile or
   * put it into the trash. Undefined: another process has taken the calls over; nothing was written.
   */
  endTitle(input: EndTitle): Promise<{ session: Session | undefined } | undefined>;
  /** Takes over calls for titles that nobody waits for any more; `known`: the sessions for which the caller itself makes one. */
  claimDeadTitles(processId: number, known: readonly number[], leaseMs: number): Promise<DeadTitle[]>;
}
