// Events as a reader is given them: what the log holds, between the two bookends that are made from the turn itself.

import type { ClosedTurn } from "../../store.ts";
import type { LoggedEvent } from "../event.ts";
import type { Turn } from "../turn.ts";

/** What a reader is given: the log between its two bookends, numbered from 1 without a gap. */
export type TurnEvent = { type: "turn-start"; turn: Turn } | LoggedEvent | ({ type: "turn-end" } & ClosedTurn);

/** Events that follow one another. */
export interface EventRun {
  /** The number of the first one. */
  first: number;
  events: TurnEvent[];
}

/** Of its words, in characters. */
export function lengthOf(event: TurnEvent): number {
  if (typeof event === "string") return event.length;
  return "text" in event ? event.text.length : 0;
}
