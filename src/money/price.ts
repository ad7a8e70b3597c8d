// Dated prices: which one held at a moment, and what a receipt keeps of it.

import { createHash } from "node:crypto";
import type { ReceiptPrice } from "./ledger.ts";
import { type FullPriceRow, type PriceRow, PriceRowError, printPriceRow, readPriceRow } from "./price-row.ts";
import { type RateSets, readRates } from "./rates.ts";
import { isWithin, overlaps, readWhen, type WeekSpan } from "./when.ts";

export { type FullPriceRow, type PriceRow, PriceRowError, parsePriceFile } from "./price-row.ts";

/** A row in a book: checked, complete, with a name of its own. */
export interface Price {
  /** `vendor/model@from#8hex`; the digits change with anything that changes what it costs, not with its source. */
  id: string;
  row: FullPriceRow;
  /** Of the operator's file, not of the rows that the program brings along. */
  isOwn: boolean;
  rates: RateSets;
  /** What a receipt keeps: the whole row. Never to be changed. */
  receipt: ReceiptPrice;
  fromMs: number;
  /** The first moment it no longer holds; null: no end is known. */
  untilMs: number | null;
  /** The hours in which it holds; null: all of them, where no price of its own hours does. */
  hours: WeekSpan[] | null;
}

export interface PriceBook {
  /** The price in force at a moment (ms since 1970). Undefined: nobody knows; never 0. */
  find(vendor: string, model: string, atMs: number): Price | undefined;
  /** Every price in force at a moment, of one vendor or (undefined) of all, in the order of the rows. */
  list(vendor: string | undefined, atMs: number): Price[];
}

/**
 * A row without `effectiveTo` holds until the next row of its model with the same `when` begins. Throws PriceRowError naming
 * every bad row, and every two rows that would both hold at once. `own`: those of the rows that are the operator's.
 */
export function createPriceBook(rows: readonly PriceRow[], own: readonly PriceRow[] = []): PriceBook {
  const mistakes: string[] = [];
  const full = rows.map((row) => readPriceRow(printPriceRow(row), `${row.vendor}/${row.model}`, mistakes));
  if (mistakes.length > 0) throw new PriceRowError(mistakes);

  const ofFile = new Set(own);
  const prices = full.map((row, at) => createPrice(row, ofFile.has(rows[at]!)));
  const ofModels = [...Map.groupBy(prices, ({ row }) => keyOf(row.vendor, row.model)).values()];
  const arranged = ofModels.flatMap((ofModel) => arrange(ofModel, mistakes));
  if (mistakes.length > 0) throw new PriceRowError(mistakes);
  const byModel = Map.groupBy(arranged, ({ row }) => row.model);
  const find: PriceBook["find"] = (vendor, model, atMs) => {
    for (const price of byModel.get(model) ?? []) if (price.row.vendor === vendor && holdsAt(price, atMs)) return price;
    return undefined;
  };
  return {
    find,
    list: (vendor, atMs) =>
      prices.filter(
        (price) =>
          (vendor === undefined || price.row.vendor === vendor) &&
          find(price.row.vendor, price.row.model, atMs) === price,
      ),
  };
}

/** The operator's rows over the built-in ones: the same vendor, model, beginning and hours replaces, anything else is added. */
export function mergePriceRows(builtIn: readonly PriceRow[], own: readonly PriceRow[]): PriceRow[] {
  const name = (row: PriceRow) =>
    `${keyOf(row.vendor, row.model)} ${Date.parse(row.effectiveFrom)} ${canonicalJson(row.when ?? {})}`;
  const replaced = new Set(own.map(name));
  return [...builtIn.filter((row) => !replaced.has(name(row))), ...own];
}

function keyOf(vendor: string, model: string): string {
  return `${vendor}/${model}`;
}

function holdsAt({ fromMs, untilMs, hours }: Price, atMs: number): boolean {
  const inForce = fromMs <= atMs && (untilMs === null || atMs < untilMs);
  return inForce && (hours === null || isWithin(hours, atMs));
}

function createPrice(row: FullPriceRow, isOwn: boolean): Price {
  const { source, readOn, effectiveFrom, ...rest } = row;
  const digest = hash({ ...rest, effectiveFrom }, "hex").slice(0, 8);
  const id = `${keyOf(row.vendor, row.model)}@${effectiveFrom}#${digest}`;
  const receipt = { id, effectiveFrom, source, readOn, rates: printPriceRow(row) };
  return {
    id,
    row,
    isOwn,
    rates: readRates(row),
    receipt: { key: hash(receipt, "base64url"), ...receipt },
    fromMs: Date.parse(effectiveFrom),
    untilMs: row.effectiveTo === undefined ? null : Date.parse(row.effectiveTo),
    hours: row.when === undefined ? null : readWhen(row.when)!, // read once already, when the row was checked
  };
}

function hash(content: object, encoding: "hex" | "base64url"): string {
  return createHash("sha256").update(canonicalJson(content)).digest(encoding);
}

/** JSON with sorted keys: the same content, the same text. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** One model's prices in the order in which they are asked: those of certain hours first. At any moment one of each kind holds at most. */
function arrange(prices: readonly Price[], mistakes: string[]): Price[] {
  for (const series of Map.groupBy(prices, ({ row }) => canonicalJson(row.when ?? {})).values())
    closeGaps(series, mistakes);
  const ofHours = prices.filter(({ hours }) => hours !== null);
  for (const [at, price] of ofHours.entries()) {
    for (const other of ofHours.slice(at + 1)) {
      const isSeries = canonicalJson(price.row.when) === canonicalJson(other.row.when); // looked at above
      if (!isSeries && holdTogether(price, other) && overlaps(price.hours!, other.hours!))
        mistakes.push(`${price.id} overlaps ${other.id}: in some hours both would hold`);
    }
  }
  return [...ofHours, ...prices.filter(({ hours }) => hours === null)];
}

function holdTogether(a: Price, b: Price): boolean {
  return (b.untilMs === null || a.fromMs < b.untilMs) && (a.untilMs === null || b.fromMs < a.untilMs);
}

/** Sorts prices of the same hours by date and ends each open one where the next begins. */
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
