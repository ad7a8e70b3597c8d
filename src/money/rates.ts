// A row's prices in whole picodollars a token, read once, and the choice among them for one request.

import { type Pico, perMillion } from "./money.ts";
import { type FullPriceRow, type PriceSet, type TokenPrices, tierNames } from "./price-row.ts";
import { type Modality, modalities } from "./usage.ts";

export interface TokenRates {
  input: Record<Modality, Pico>;
  cached: Record<Modality, Pico>;
  cacheWrite: ReadonlyMap<string, Pico>;
  /** Answer, and thinking as text. */
  output: Record<Modality, Pico>;
  /** The most that a token of the prompt (read anew, from a cache, or written to one) and one of the answer cost. */
  most: { input: Record<Modality, Pico>; output: Pico };
}

interface RateSet {
  rates: TokenRates;
  above: { tokens: number; rates: TokenRates } | null;
}

/** By the name of the service tier; "standard" is the row's own prices. */
export type RateSets = ReadonlyMap<string, RateSet>;

export function readRates(row: FullPriceRow): RateSets {
  const sets = new Map([["standard", readSet(row)]]);
  for (const name of tierNames) {
    const set = row.tier?.[name];
    if (set) sets.set(name, readSet(set));
  }
  return sets;
}

/** Without a price for this tier the standard prices are all there is. */
export function chooseRates(sets: RateSets, tier: string, promptTokens: number): TokenRates {
  const { rates, above } = sets.get(tier) ?? sets.get("standard")!;
  return above && promptTokens > above.tokens ? above.rates : rates;
}

function readSet(prices: PriceSet): RateSet {
  const { above } = prices;
  return {
    rates: readTokenRates(prices),
    above: above ? { tokens: above.tokens, rates: readTokenRates(above) } : null,
  };
}

function readTokenRates(prices: TokenPrices): TokenRates {
  const { input, inputAudio = input, cached, cachedAudio = cached, output } = prices;
  const { cacheWrite = {}, outputAudio = output, outputImage = output } = prices;
  const rates = {
    input: { ...allAt(input), audio: perMillion(inputAudio) },
    cached: { ...allAt(cached), audio: perMillion(cachedAudio) },
    cacheWrite: new Map(Object.entries(cacheWrite).map(([kept, price]) => [kept, perMillion(price)])),
    output: { ...allAt(output), audio: perMillion(outputAudio), image: perMillion(outputImage) },
  };
  const written = highest([...rates.cacheWrite.values()]);
  const most = { ...rates.input };
  for (const kind of modalities) most[kind] = highest([rates.input[kind], rates.cached[kind], written]);
  return { ...rates, most: { input: most, output: highest(Object.values(rates.output)) } };
}

function highest(amounts: readonly Pico[]): Pico {
  return amounts.reduce((most, amount) => (amount > most ? amount : most), 0n);
}

function allAt(price: string): Record<Modality, Pico> {
  const rate = perMillion(price);
  return { text: rate, audio: rate, image: rate, video: rate, document: rate };
}
