// A price row as data: its fields, how it is written in a file and on a receipt, and everything that can be wrong with it.

import { Fields, type Fraction } from "../json-fields.ts";
import { perMillion } from "./money.ts";

export type { Fraction } from "../json-fields.ts";

/** Service tiers that change a price; "standard" is 1. */
export type PricedTier = "batch" | "flex" | "priority";

/** Prices are decimal strings in USD per 1,000,000 tokens; dates are ISO (a day is midnight UTC). */
export interface PriceRow {
  vendor: string;
  model: string;
  effectiveFrom: string;
  /** The first moment it no longer holds. Absent: until the model's next row begins. */
  effectiveTo?: string;
  input: string;
  /** Absent: as `input`. */
  inputAudio?: string;
  cached: string;
  /** Absent: as `cached`. */
  cachedAudio?: string;
  /** Answer and thinking. */
  output: string;
  /** For a request of more than 200,000 prompt tokens: the prices of all of its tokens. */
  above200k?: { input: string; cached: string; output: string };
  /** USD per 1,000 searches. `prompt`: each prompt that searched is one; `query`: each query it made is one. */
  grounding?: { search?: { per: "prompt" | "query"; price: string }; maps?: { price: string } };
  /** Whether tokens that tools put into the prompt are billed (as input). Absent: true. */
  billToolInput?: boolean;
  /** What token prices are multiplied by for a service tier. Absent: batch and flex a half, priority 9/5. */
  tierMultipliers?: Partial<Record<PricedTier, Fraction>>;
  source: string;
  /** The day the source was read. */
  readOn: string;
}

/** Batch and Flex half the price, Priority 1.8 times: the vendor's pricing page, copies of 2026-09-20 to 2026-10-07. */
const defaultMultipliers: Record<PricedTier, Fraction> = { batch: [1, 2], flex: [1, 2], priority: [9, 5] };

/** A row with its defaults written out: what a receipt keeps, so that nothing about it depends on this program. */
export type FullPriceRow = PriceRow & { billToolInput: boolean; tierMultipliers: Record<PricedTier, Fraction> };

/** Each of our names beside the one in files and on receipts. */
const wireNames: Record<string, string> = {
  effectiveFrom: "effective_from",
  effectiveTo: "effective_to",
  inputAudio: "input_audio",
  cachedAudio: "cached_audio",
  above200k: "above_200k",
  billToolInput: "bill_tool_input",
  tierMultipliers: "tier_multipliers",
  readOn: "read_on",
};

/** The row as it is written in a price file and on a receipt: snake_case, nothing left out. */
export function printPriceRow(row: PriceRow): Record<string, unknown> {
  const entries = Object.entries(row).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([name, value]) => [wireNames[name] ?? name, value]));
}

/** Everything that was wrong with price rows, each mistake with the place it is in. */
export class PriceRowError extends Error {
  readonly mistakes: string[];

  constructor(mistakes: string[]) {
    super(mistakes.join("\n"));
    this.name = "PriceRowError";
    this.mistakes = mistakes;
  }
}

/** An operator's price file, `[{vendor, model, effective_from, input, ...}]`. Throws PriceRowError naming every mistake. */
export function parsePriceFile(json: unknown): FullPriceRow[] {
  if (!Array.isArray(json)) throw new PriceRowError(["a price file is a list of rows: [{...}, ...]"]);
  const mistakes: string[] = [];
  const rows = json.map((row, at) => readPriceRow(row, `[${at}]`, mistakes));
  if (mistakes.length > 0) throw new PriceRowError(mistakes);
  return rows;
}

/** One row from its written form. Adds what is wrong to `mistakes`; the row is only good if nothing was added. */
export function readPriceRow(json: unknown, place: string, mistakes: string[]): FullPriceRow {
  const fields = new Fields(json, place, mistakes);
  const row: FullPriceRow = {
    vendor: fields.text("vendor"),
    model: fields.text("model"),
    effectiveFrom: fields.date("effective_from"),
    input: fields.price("input"),
    cached: fields.price("cached"),
    output: fields.price("output"),
    billToolInput: fields.optional("bill_tool_input", (name) => fields.flag(name)) ?? true,
    tierMultipliers: {
      ...defaultMultipliers,
      ...fields.optional("tier_multipliers", (name) => readTiers(fields, name)),
    },
    source: fields.text("source"),
    readOn: fields.date("read_on"),
  };
  assign(
    row,
    "effectiveTo",
    fields.optional("effective_to", (name) => fields.date(name)),
  );
  assign(
    row,
    "inputAudio",
    fields.optional("input_audio", (name) => fields.price(name)),
  );
  assign(
    row,
    "cachedAudio",
    fields.optional("cached_audio", (name) => fields.price(name)),
  );
  assign(
    row,
    "above200k",
    fields.optional("above_200k", (name) => readAbove(fields, name)),
  );
  assign(
    row,
    "grounding",
    fields.optional("grounding", (name) => readGrounding(fields, name)),
  );
  fields.end();
  checkWhole(row, place, mistakes);
  return row;
}

function assign<K extends keyof FullPriceRow>(row: FullPriceRow, name: K, value: FullPriceRow[K] | undefined): void {
  if (value !== undefined) row[name] = value;
}

function readAbove(parent: Fields, name: string): PriceRow["above200k"] {
  const fields = parent.child(name);
  const above = { input: fields.price("input"), cached: fields.price("cached"), output: fields.price("output") };
  fields.end();
  return above;
}

function readGrounding(parent: Fields, name: string): PriceRow["grounding"] {
  const fields = parent.child(name);
  const grounding: NonNullable<PriceRow["grounding"]> = {};
  const search = fields.optional("search", () => {
    const inner = fields.child("search");
    const value = { per: inner.oneOf("per", ["prompt", "query"] as const), price: inner.perThousand("price") };
    inner.end();
    return value;
  });
  const maps = fields.optional("maps", () => {
    const inner = fields.child("maps");
    const value = { price: inner.perThousand("price") };
    inner.end();
    return value;
  });
  if (search) grounding.search = search;
  if (maps) grounding.maps = maps;
  fields.end();
  return grounding;
}

function readTiers(parent: Fields, name: string): Partial<Record<PricedTier, Fraction>> {
  const fields = parent.child(name);
  const tiers: Partial<Record<PricedTier, Fraction>> = {};
  for (const tier of ["batch", "flex", "priority"] as const) {
    const fraction = fields.optional(tier, () => fields.fraction(tier));
    if (fraction) tiers[tier] = fraction;
  }
  fields.end();
  return tiers;
}

/**
 * Refuses what could not be billed to the picodollar: a price that a tier's multiplier does not leave whole. It also
 * refuses an audio price beside a large-prompt price, because the latter would leave open which of the two holds.
 */
function checkWhole(row: FullPriceRow, place: string, mistakes: string[]): void {
  if (row.above200k && (row.inputAudio !== undefined || row.cachedAudio !== undefined))
    mistakes.push(`${place}: above_200k has no audio prices, so it cannot stand beside input_audio or cached_audio`);
  for (const [tier, [numerator, denominator]] of Object.entries(row.tierMultipliers)) {
    for (const price of tokenPrices(row)) {
      if ((perMillion(price) * BigInt(numerator)) % BigInt(denominator) !== 0n)
        mistakes.push(`${place}: ${price} x ${numerator}/${denominator} (${tier}) has more than six decimals`);
    }
  }
}

/** Every price per token that the row holds. */
export function tokenPrices(row: PriceRow): string[] {
  const above = row.above200k;
  const prices = [
    row.input,
    row.inputAudio,
    row.cached,
    row.cachedAudio,
    row.output,
    above?.input,
    above?.cached,
    above?.output,
  ];
  return prices.filter((price) => price !== undefined);
}
