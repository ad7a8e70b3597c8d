// What a call to a vendor may cost at most, known before it is made: what a budget must hold for it. Pure, in whole picodollars.

import { perThousand } from "./bill.ts";
import { multiply, type Pico } from "./money.ts";
import type { Price } from "./price.ts";
import type { FullPriceRow } from "./price-row.ts";
import type { TokenRates } from "./rates.ts";
import { type ByModality, type Counted, modalities, mostTokens, sumModalities } from "./usage.ts";

/** What a call is planned to use, beside the tokens of its answer. */
export interface PlannedCall {
  /** The prompt, by kind of content. */
  input: ByModality;
  /** What tools may put into the prompt, and the searches that they may make. Absent: none. */
  toolTokens?: number;
  searches?: Counted;
}

/** A call's cost at most, as a line: what its prompt and its tools cost, and each token of its answer, thoughts included. */
export interface WorstCall {
  promptPico: Pico;
  tokenPico: Pico;
}

/** So many of a turn's calls may be billed, where a budget holds it: the one that answers, and one before it that broke after it was sent. */
export const billedCalls = 2;

/** A vendor's count is at most so far above our estimate, which is on the high side (`calibrate` in conversation/memory.ts): by half. */
const countedAtMost = { times: 3, in: 2 };

/**
 * The dearest that the call can become at any of these prices: those that may hold when it is made, of the models that may answer.
 * Each token of the prompt costs the most that such a token can (read anew, from a cache, or written to one). The prices
 * above a number of prompt tokens count as soon as the vendor's count may reach it. At least one price must be given.
 */
export function findWorstCall(prices: readonly Price[], planned: PlannedCall): WorstCall {
  if (prices.length === 0) throw new RangeError("what has no price has no worst case");
  const worst: WorstCall = { promptPico: 0n, tokenPico: 0n };
  for (const price of prices) raise(worst, price, planned);
  return worst;
}

/** What `calls` such calls cost at most, each with an answer of `tokens`. */
export function worstCost({ promptPico, tokenPico }: WorstCall, tokens: number, calls: number): Pico {
  return BigInt(calls) * (promptPico + multiply(tokens, tokenPico));
}

/** How many tokens one call's answer may have so that it costs no more than this; below 0: not even its prompt fits. */
export function tokensWithin({ promptPico, tokenPico }: WorstCall, pico: Pico): number {
  const left = pico - promptPico;
  if (left < 0n) return -1;
  const tokens = tokenPico === 0n ? mostTokens : Number(left / tokenPico);
  return Math.min(tokens, mostTokens);
}

/** Every turn under a budget comes by here: nothing is made but the sums. */
function raise(worst: WorstCall, { rates, row }: Price, planned: PlannedCall): void {
  const { input, toolTokens = 0, searches } = planned;
  const { rates: base, above } = rates.get("standard")!;
  const counted = (sumModalities(input) * countedAtMost.times) / countedAtMost.in;
  const dearer = above && counted > above.tokens ? above.rates : base;
  let promptPico = larger(promptAt(base, input), promptAt(dearer, input));
  if (toolTokens > 0 && row.billToolInput)
    promptPico += multiply(toolTokens, larger(base.input.text, dearer.input.text));
  if (searches) promptPico += searchesAt(row, searches);
  worst.promptPico = larger(worst.promptPico, promptPico);
  worst.tokenPico = larger(worst.tokenPico, larger(base.most.output, dearer.most.output));
}

function promptAt({ most }: TokenRates, input: ByModality): Pico {
  let sum = 0n;
  for (const kind of modalities) if (input[kind]) sum += multiply(input[kind], most.input[kind]);
  return sum;
}

function searchesAt({ search, maps }: FullPriceRow, counted: Counted): Pico {
  const bySearch = search
    ? multiply(counted.search[search.per === "prompt" ? "prompts" : "queries"], perThousand(search))
    : 0n;
  return bySearch + (maps ? multiply(counted.maps.prompts, perThousand(maps)) : 0n);
}

function larger(one: Pico, other: Pico): Pico {
  return one > other ? one : other;
}
