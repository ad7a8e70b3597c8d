// What happens in a turn, numbered from 1 without a gap. Every wire (live or replayed) is encoded from these.

import type { Cost } from "../money/ledger.ts";
import type { Counted, Usage } from "../money/usage.ts";

/** Number 1 is always `turn-start`, the last is always `turn-end`; both are made from the turn itself, the rest is the log. */
export type LoggedEvent =
  | string // a piece of the answer: no object for each of hundreds
  | { type: "thought-delta"; text: string }
  | { type: "usage"; usage: Usage; cost: Cost };

/** The number of the first logged event; 1 is `turn-start`. */
export const firstLogged = 2;

/** A run of logged events as one row: numbers `firstNumber .. firstNumber + events.length - 1`. */
export interface EventBatch {
  turnId: string;
  firstNumber: number;
  events: LoggedEvent[];
  /** The vendor's last usage so far, what was counted beside it and the model that serves, so that a crash keeps what was known. */
  usageRaw: string | null;
  counted?: Counted | null;
  modelServed: string | null;
}
