// What a turn draws on its key's limits: an estimate when it begins, corrected by its bill.

import { type Drawn, type Rate, type RateState, type TurnRate, turnRateOf } from "../caller/rate.ts";
import type { Params } from "../model/params.ts";
import type { SessionState } from "../store.ts";
import type { TurnTools } from "./tools.ts";

/** An answer counts as this long before anything is known of it, unless it may not be. */
const guessedAnswerTokens = 500;

export interface RatedTurn {
  session: SessionState;
  params: Params;
  /** What the message takes. */
  questionTokens: number;
}

/** The limits of the key that a turn is asked for with; `tell` hears how they stand then, also when one is met. */
export interface AskedRate {
  keyId: string;
  limits: Rate;
  tell(states: readonly RateState[]): void;
}

/** What went in last, what comes on top of it, and an answer. */
export function rateOfTurn(asked: AskedRate, user: string | null, turn: RatedTurn): TurnRate {
  const { session, params, questionTokens } = turn;
  const answer = Math.min(guessedAnswerTokens, params.max_output_tokens ?? guessedAnswerTokens);
  const input = (session.memoryTokens || session.memoryEstimate) + questionTokens;
  return turnRateOf(asked.limits, asked.keyId, user, { input, answer });
}

/** Tells what was drawn; once the turn is over, what it really used takes the place of the estimate. `working`: what must not be left undone. */
export function followDrawn(
  { store, log }: Pick<TurnTools, "store" | "log">,
  asked: AskedRate | undefined,
  turn: { done: Promise<void>; tokensUsed: number },
  drawn: readonly Drawn[],
  working: Set<Promise<unknown>>,
): void {
  asked?.tell(drawn);
  if (drawn.length === 0) return;
  const correcting = turn.done
    .then(() => store.correctRates(drawn, turn.tokensUsed))
    // Then the estimate stands for its minute.
    .catch((cause) => log.warn({ cause }, "a turn's tokens could not be counted against its key's limit"))
    .finally(() => working.delete(correcting));
  working.add(correcting);
}
