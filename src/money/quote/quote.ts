// What a message will likely cost, before it is sent: guesses by stated rules, priced as a bill is. Pure.

import { makeBill } from "../bill.ts";
import type { Pico } from "../money.ts";
import type { Price } from "../price.ts";
import { type Meter, nothingCounted } from "../usage.ts";

/** An answer of before, by the model that is asked. */
export interface PastAnswer {
  inputTokens: number;
  cachedTokens: number;
  /** Thoughts included. */
  answerTokens: number;
  endedAt: number;
}

/** An answer is guessed at this where there is none to go by. */
const usualAnswerTokens = 500;
/** Fewer answers of the same conversation tell too little: then those of others by the same model count too. */
const fewAnswers = 3;

/**
 * The likely length of an answer: the median of the last ones in this conversation; with fewer than three of them, of these and the
 * project's last ones, by the same model; with none, 500 tokens. Never more than it may have.
 */
export function likelyAnswerTokens(
  here: readonly PastAnswer[],
  elsewhere: readonly PastAnswer[],
  mostTokens: number,
): number {
  const answers = here.length < fewAnswers ? [...here, ...elsewhere] : here;
  const lengths = answers.map(({ answerTokens }) => answerTokens).toSorted((a, b) => a - b);
  return Math.min(mostTokens, lengths[lengths.length >> 1] ?? usualAnswerTokens);
}

/** No vendor says how long a prompt that nobody paid to keep stays in its cache; minutes are what is seen. */
const keptMs = 5 * 60_000;

export interface CacheQuestion {
  /** On the same path, by the same model, the newest first. */
  here: readonly PastAnswer[];
  /** Of the input: what stood in the last prompt as it stands now. 0 where memory was cut since. */
  unchangedTokens: number;
  /** The shortest beginning that the vendor keeps; null: it keeps none. */
  cachesFrom: number | null;
  at: number;
}

/**
 * How much of the prompt is likely read from the vendor's cache: the last prompt, where it was sent in the last five minutes and
 * is long enough; in the measure in which the last prompt was served from the one before it, where that is known.
 */
export function likelyCachedTokens({ here, unchangedTokens, cachesFrom, at }: CacheQuestion): number {
  const [last, before] = here;
  if (!last || cachesFrom === null || at - last.endedAt > keptMs) return 0;
  const reusable = Math.min(last.inputTokens, unchangedTokens);
  if (reusable < cachesFrom) return 0;
  if (!before || before.inputTokens < cachesFrom || last.endedAt - before.endedAt > keptMs) return reusable;
  return Math.min(reusable, Math.floor((reusable * last.cachedTokens) / before.inputTokens));
}

export interface LikelyUse {
  inputTokens: number;
  cachedTokens: number;
  answerTokens: number;
}

/** Null where something has no price. */
export function likelyCost(price: Price, { inputTokens, cachedTokens, answerTokens }: LikelyUse): Pico | null {
  return costOf(price, inputTokens, cachedTokens, answerTokens);
}

/** The least that an answered message can cost: all of it read from the cache, where that is cheaper, and not a word in return. */
export function floorCost(price: Price, inputTokens: number): Pico | null {
  const [fresh, cached] = [costOf(price, inputTokens, 0, 0), costOf(price, inputTokens, inputTokens, 0)];
  return fresh === null || cached === null ? null : fresh < cached ? fresh : cached;
}

function costOf(price: Price, input: number, cached: number, answer: number): Pico | null {
  const meter: Meter = {
    input: { text: input },
    cached: { text: cached },
    tool: {},
    output: { text: answer },
    thinking: 0,
    total: null,
    balanced: true,
    serviceTier: "standard",
  };
  const bill = makeBill(meter, nothingCounted, { input: 0, output: 0 }, price);
  return bill.priced === "none" ? null : bill.total;
}
