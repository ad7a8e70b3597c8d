// Dated prices, and usage x prices -> receipt lines. Pure; whole numbers of picodollars throughout.

import { createHash } from "node:crypto";
import type { ReceiptLine, ReceiptPrice } from "./ledger.ts";
import { multiply, type Pico, parseUsd, perMillion } from "./money.ts";
import { type FullPriceRow, type PriceRow, PriceRowError, printPriceRow, readPriceRow } from "./price-row.ts";
import { type ByModality, type Meter, type Modality, modalities, sumModalities } from "./usage.ts";

export { type FullPriceRow, type PriceRow, PriceRowError, parsePriceFile } from "./price-row.ts";

/** A row in a book: checked, complete, with a name of its own. */
export interface Price {
  /** `vendor/model@from#8hex`; the digits change with anything that changes what it costs, not with its source. */
  id: string;
  row: FullPriceRow;
  fromMs: number;
  /** The first moment it no longer holds; null: no end is known. */
  untilMs: number | null;
}

export interface PriceBook {
  /** The price in force at a moment (ms since 1970). Undefined: nobody knows; never 0. */
  find(vendor: string, model: string, atMs: number): Price | undefined;
  /** Every price in force at a moment, of one vendor or (undefined) of all, in the order of the rows. */
  list(vendor: string | undefined, atMs: number): Price[];
}

/**
 * A row without `effectiveTo` holds until the next row of its model begins. Throws PriceRowError naming every bad row,
 * and every two rows that would both hold at once.
 */
export function createPriceBook(rows: readonly PriceRow[]): PriceBook {
  const mistakes: string[] = [];
  const prices = rows.map((row) =>
    createPrice(readPriceRow(printPriceRow(row), `${row.vendor}/${row.model}`, mistakes)),
  );
  if (mistakes.length > 0) throw new PriceRowError(mistakes);

  const byModel = Map.groupBy(prices, (price) => keyOf(price.row.vendor, price.row.model));
  for (const ofModel of byModel.values()) closeGaps(ofModel, mistakes);
  if (mistakes.length > 0) throw new PriceRowError(mistakes);
  return {
    find: (vendor, model, atMs) => byModel.get(keyOf(vendor, model))?.find((price) => holdsAt(price, atMs)),
    list: (vendor, atMs) =>
      prices.filter((price) => (vendor === undefined || price.row.vendor === vendor) && holdsAt(price, atMs)),
  };
}

/** The operator's rows over the built-in ones: the same vendor, model and beginning replaces, anything else is added. */
export function mergePriceRows(builtIn: readonly PriceRow[], own: readonly PriceRow[]): PriceRow[] {
  const name = (row: PriceRow) => `${keyOf(row.vendor, row.model)} ${Date.parse(row.effectiveFrom)}`;
  const replaced = new Set(own.map(name));
  return [...builtIn.filter((row) => !replaced.has(name(row))), ...own];
}

const kept = new WeakMap<Price, ReceiptPrice>();

/** What a receipt keeps of its price: the whole row. One object for each price, never to be changed. */
export function receiptPrice(price: Price): ReceiptPrice {
  const known = kept.get(price);
  if (known) return known;
  const { effectiveFrom, source, readOn } = price.row;
  const receipt = { id: price.id, effectiveFrom, source, readOn, rates: printPriceRow(price.row) };
  kept.set(price, receipt);
  return receipt;
}

/** The price a receipt was made with, from the receipt alone. Throws PriceRowError if its row does not read. */
export function priceOfReceipt(kept: ReceiptPrice): Price {
  const mistakes: string[] = [];
  const row = readPriceRow(kept.rates, kept.id, mistakes);
  if (mistakes.length > 0) throw new PriceRowError(mistakes);
  return createPrice(row);
}

/**
 * One request's counts at one price: a line for each item that was used, in a fixed order. The tier above 200,000 is
 * chosen by this request's prompt tokens and holds for all its tokens. A service tier multiplies token prices only.
 * Tool input of every modality is billed as text input. Searches the row has no price for: see `isCovered`.
 */
export function billLines(meter: Meter, price: Price): ReceiptLine[] {
  const rates = ratesFor(meter, price);
  const prompt = splitPrompt(meter.input, meter.cached);
  const lines: ReceiptLine[] = [];
  const add = (item: string, quantity: number, unit: ReceiptLine["unit"], unitPrice: Pico) => {
    if (quantity > 0) lines.push({ item, quantity, unit, unitPrice, amount: multiply(quantity, unitPrice) });
  };
  for (const kind of modalities) add(`input_${kind}`, prompt.fresh[kind] ?? 0, "token", rates.input(kind));
  for (const kind of modalities) add(`cached_${kind}`, prompt.cached[kind] ?? 0, "token", rates.cached(kind));
  add("tool_input", sumModalities(meter.tool), "token", price.row.billToolInput ? rates.input("text") : 0n);
  for (const kind of modalities) add(`output_${kind}`, meter.output[kind] ?? 0, "token", rates.output);
  add("thinking", meter.thinking, "token", rates.output);
  if (!isGrounded(meter)) return lines;
  const { search, maps } = price.row.grounding ?? {};
  if (search?.per === "prompt") add("grounding", meter.grounding.search.prompts, "request", perThousand(search.price));
  if (search?.per === "query") add("grounding", meter.grounding.search.queries, "query", perThousand(search.price));
  if (maps) add("grounding_maps", meter.grounding.maps.prompts, "request", perThousand(maps.price));
  return lines;
}

function isGrounded({ grounding: { search, maps } }: Meter): boolean {
  return search.prompts + search.queries + maps.prompts > 0;
}

/** Whether the price says what everything in the meter costs; if not, there is no honest total. */
export function isCovered(meter: Meter, price: Price): boolean {
  const { search, maps } = price.row.grounding ?? {};
  const searched = meter.grounding.search.prompts + meter.grounding.search.queries > 0;
  return (search !== undefined || !searched) && (maps !== undefined || meter.grounding.maps.prompts === 0);
}

export function sumLines(lines: readonly Pick<ReceiptLine, "amount">[]): Pico {
  return lines.reduce((sum, line) => sum + line.amount, 0n);
}

/** "Prompts <= 200k tokens" and "> 200k tokens": the vendor's pricing page, copies of 2026-09-20 to 2026-10-07. */
const largePrompt = 200_000;

interface TokenRates {
  input(kind: Modality): Pico;
  cached(kind: Modality): Pico;
  output: Pico;
}

/** A price has a handful of them; reading decimal texts for every usage report would cost more than the sum. */
const knownRates = new WeakMap<Price, Map<string, TokenRates>>();

/** The unit prices that hold for one request. */
export function ratesFor(meter: Pick<Meter, "input" | "serviceTier">, price: Price): TokenRates {
  const large = price.row.above200k !== undefined && sumModalities(meter.input) > largePrompt;
  const name = `${meter.serviceTier} ${large}`;
  const ofPrice = knownRates.get(price) ?? new Map<string, TokenRates>();
  knownRates.set(price, ofPrice);
  const rates = ofPrice.get(name) ?? readRates(price.row, meter.serviceTier, large);
  ofPrice.set(name, rates);
  return rates;
}

function readRates(row: FullPriceRow, serviceTier: Meter["serviceTier"], large: boolean): TokenRates {
  const base = large && row.above200k ? row.above200k : row;
  const [numerator, denominator] = serviceTier === "standard" ? [1, 1] : row.tierMultipliers[serviceTier];
  const unit = (usd: string): Pico => (perMillion(usd) * BigInt(numerator)) / BigInt(denominator); // whole: the row was checked
  const input = unit(base.input);
  const cached = unit(base.cached);
  const inputAudio = row.inputAudio === undefined ? input : unit(row.inputAudio);
  const cachedAudio = row.cachedAudio === undefined ? cached : unit(row.cachedAudio);
  return {
    input: (kind) => (kind === "audio" ? inputAudio : input),
    cached: (kind) => (kind === "audio" ? cachedAudio : cached),
    output: unit(base.output),
  };
}

/**
 * Divides the prompt into what was read anew and what came from the cache; together they are always the prompt. Cached
 * tokens of a modality the prompt has too few of are taken from its other modalities, text first; what is more than the
 * whole prompt is dropped.
 */
export function splitPrompt(input: ByModality, cached: ByModality): { fresh: ByModality; cached: ByModality } {
  if (sumModalities(cached) === 0) return { fresh: input, cached: {} };
  const fresh: ByModality = {};
  const served: ByModality = {};
  let left = 0;
  for (const kind of modalities) {
    const claimed = cached[kind] ?? 0;
    const taken = Math.min(claimed, input[kind] ?? 0);
    served[kind] = taken;
    fresh[kind] = (input[kind] ?? 0) - taken;
    left += claimed - taken;
  }
  for (const kind of modalities) {
    const taken = Math.min(left, fresh[kind] ?? 0);
    served[kind] = (served[kind] ?? 0) + taken;
    fresh[kind] = (fresh[kind] ?? 0) - taken;
    left -= taken;
  }
  return { fresh, cached: served };
}

function perThousand(usd: string): Pico {
  return parseUsd(usd) / 1000n; // whole: at most nine decimals were let in
}

function keyOf(vendor: string, model: string): string {
  return `${vendor}/${model}`;
}

function holdsAt(price: Price, atMs: number): boolean {
  return price.fromMs <= atMs && (price.untilMs === null || atMs < price.untilMs);
}

function createPrice(row: FullPriceRow): Price {
  const { source: _source, readOn: _readOn, ...costs } = row;
  const digest = createHash("sha256").update(canonicalJson(costs)).digest("hex").slice(0, 8);
  return {
    id: `${keyOf(row.vendor, row.model)}@${row.effectiveFrom}#${digest}`,
    row,
    fromMs: Date.parse(row.effectiveFrom),
    untilMs: row.effectiveTo === undefined ? null : Date.parse(row.effectiveTo),
  };
}

/** JSON with sorted keys: the same content, the same text. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** Sorts one model's prices by date and ends each open one where the next begins. */
function closeGaps(prices: Price[], mistakes: string[]): void {
  prices.sort((a, b) => a.fromMs - b.fromMs);
  for (const [at, price] of prices.entries()) {
    const next = prices[at + 1];
    if (price.untilMs !== null && price.untilMs <= price.fromMs) mistakes.push(`${price.id}: it ends before it begins`);
    if (next && next.fromMs === price.fromMs) mistakes.push(`${price.id} and ${next.id} begin at the same time`);
    else if (next && price.untilMs !== null && price.untilMs > next.fromMs)
      mistakes.push(`${price.id} overlaps ${next.id}`);
    if (next && price.untilMs === null) price.untilMs = next.fromMs;
  }
}
