// One call's counts at one price: the lines of its bill. Pure; whole numbers of picodollars throughout.

import type { ReceiptLine } from "./ledger.ts";
import { multiply, type Pico, parseUsd } from "./money.ts";
import type { Price } from "./price.ts";
import type { FullPriceRow, SearchPrice } from "./price-row.ts";
import { chooseRates } from "./rates.ts";
import { type ByModality, type Counted, type Meter, type Modality, modalities, sumModalities } from "./usage.ts";

/** Tokens that the vendor's counts lack and that must have been used; see `receipt.ts`. */
export interface Unreported {
  input: number;
  output: number;
}

export interface Bill {
  lines: ReceiptLine[];
  total: Pico;
  /**
   * `all`: each item has a price. `guessed`: of something (a service tier, a count that nobody sends) the nearest known price or
   * count was taken. `none`: something has no price at all, so there is no honest total.
   */
  priced: "all" | "guessed" | "none";
}

/**
 * A line for each item that was used, in a fixed order. The prices above a number of prompt tokens are chosen by this request's
 * prompt and hold for all of its tokens. Tool input of every modality is billed as text input.
 */
export function makeBill(meter: Meter, counted: Counted, unreported: Unreported, price: Price): Bill {
  const rates = chooseRates(price.rates, meter.serviceTier, sumModalities(meter.input) + unreported.input);
  const prompt = splitPrompt(meter.input, meter.cached);
  const written = takeWritten(prompt.fresh, meter.cacheWrite ?? {});
  const lines: ReceiptLine[] = [];
  let isKnown = price.rates.has(meter.serviceTier);
  addEach(lines, "input", prompt.fresh, rates.input);
  add(lines, "input_unreported", unreported.input, "token", rates.input.text);
  addEach(lines, "cached", prompt.cached, rates.cached);
  for (const kept in written) {
    isKnown &&= rates.cacheWrite.has(kept);
    add(lines, `cache_write_${kept}`, written[kept]!, "token", rates.cacheWrite.get(kept) ?? rates.input.text);
  }
  add(lines, "tool_input", sumModalities(meter.tool), "token", price.row.billToolInput ? rates.input.text : 0n);
  addEach(lines, "output", meter.output, rates.output);
  add(lines, "thinking", meter.thinking, "token", rates.output.text);
  add(lines, "output_unreported", unreported.output, "token", rates.output.text);
  const { search, maps } = price.row;
  const { prompts, queries } = counted.search;
  const asked = counted.maps.prompts;
  if (prompts > 0 && search?.per === "prompt") add(lines, "grounding", prompts, "request", perThousand(search));
  if (queries > 0 && search?.per === "query") add(lines, "grounding", queries, "query", perThousand(search));
  if (asked > 0 && maps)
    add(lines, "grounding_maps", asked, maps.per === "prompt" ? "request" : "query", perThousand(maps));
  let total = 0n;
  for (const { amount } of lines) total += amount;
  return { lines, total, priced: judgeSearches(counted, price.row, isKnown) };
}

function add(lines: ReceiptLine[], item: string, quantity: number, unit: ReceiptLine["unit"], unitPrice: Pico): void {
  if (quantity > 0) lines.push({ item, quantity, unit, unitPrice, amount: multiply(quantity, unitPrice) });
}

function addEach(lines: ReceiptLine[], what: string, counts: ByModality, prices: Record<Modality, Pico>): void {
  for (const kind of modalities) if (counts[kind]) add(lines, `${what}_${kind}`, counts[kind], "token", prices[kind]);
}

/**
 * Nothing on the wire counts Maps queries, so one a grounded prompt is taken; and sources without a query of their own are
 * billed as nothing: neither is certain where the price is for each query.
 */
function judgeSearches({ search, maps }: Counted, row: FullPriceRow, isKnown: boolean): Bill["priced"] {
  const searched = search.prompts + search.queries > 0;
  if ((searched && !row.search) || (maps.prompts > 0 && !row.maps)) return "none";
  const isGuessed =
    (searched && row.search?.per === "query" && search.queries === 0) ||
    (maps.prompts > 0 && row.maps?.per === "query");
  return isKnown && !isGuessed ? "all" : "guessed";
}

/** The price of one search, or of one prompt that was grounded. */
export function perThousand({ price }: SearchPrice): Pico {
  return parseUsd(price) / 1000n; // whole: at most nine decimals were let in
}

/**
 * Divides the prompt into what was read anew and what came from the cache; together they are always the prompt. Cached
 * tokens of a modality the prompt has too few of are taken from its other modalities, text first; what is more than the
 * whole prompt is dropped.
 */
export function splitPrompt(input: ByModality, cached: ByModality): { fresh: ByModality; cached: ByModality } {
  const fresh: ByModality = { ...input };
  const served: ByModality = {};
  let left = 0;
  for (const kind of modalities) if (cached[kind]) left += cached[kind] - move(fresh, served, kind, cached[kind]);
  if (left > 0) for (const kind of modalities) left -= move(fresh, served, kind, left);
  return { fresh, cached: served };
}

function move(from: ByModality, to: ByModality, kind: (typeof modalities)[number], most: number): number {
  const moved = Math.min(most, from[kind] ?? 0);
  if (moved > 0) {
    from[kind] = (from[kind] ?? 0) - moved;
    to[kind] = (to[kind] ?? 0) + moved;
  }
  return moved;
}

/** What was written to a cache, taken out of what was read anew, text first: a token is billed once. */
function takeWritten(fresh: ByModality, cacheWrite: Record<string, number>): Record<string, number> {
  const written: Record<string, number> = {};
  for (const kept in cacheWrite) {
    const taken: ByModality = {};
    let left = cacheWrite[kept]!;
    for (const kind of modalities) left -= move(fresh, taken, kind, left);
    if (left < cacheWrite[kept]!) written[kept] = cacheWrite[kept]! - left;
  }
  return written;
}
