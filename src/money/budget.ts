// Budgets as data: what a turn asks of them, and what they can grant it. The money is kept in database/money/budget.ts. Pure.

import type { Pico } from "./money.ts";
import { billedCalls, tokensWithin, type WorstCall, worstCost } from "./worst-case.ts";

/** What a turn, or any other call to a vendor, asks of its budgets. */
export interface Ask {
  /** By the catalogue's own name; budgets may be for some models only. */
  model: string;
  /** Null: the model has no price, so nothing can be held. */
  call: WorstCall | null;
  /** Of the answer, thoughts included: as many as were asked for, or as the model gives. */
  tokens: number;
  /** With fewer there is no use in asking. */
  leastTokens: number;
}

export interface Grant {
  /** `max_output_tokens` of what is sent. */
  tokens: number;
  /** How many calls that the vendor may bill are held. */
  calls: number;
  /** What is held for them. */
  pico: Pico;
}

/**
 * What fits into `left`: everything; or with no room for a second try; or that with a shorter answer, as long as it is of use.
 * Undefined: nothing of use does.
 */
export function grantWithin(call: WorstCall, { tokens, leastTokens }: Ask, left: Pico): Grant | undefined {
  for (let calls = billedCalls; calls > 0; calls--) {
    const pico = worstCost(call, tokens, calls);
    if (pico <= left) return { tokens, calls, pico };
  }
  const fitting = Math.min(tokens, tokensWithin(call, left));
  if (fitting < leastTokens) return undefined;
  return { tokens: fitting, calls: 1, pico: worstCost(call, fitting, 1) };
}

/** The least that must be left for it. */
export function neededFor(call: WorstCall, { leastTokens }: Ask): Pico {
  return worstCost(call, leastTokens, 1);
}
