// A price row as a receipt keeps it, read for the second time: which prices hold for a request, at which moments, and whether the row
// is still what its key was made from.

import { createHash } from "node:crypto";
import { kinds, readObject } from "./raw-usage.ts";

type Fields = Record<string, unknown>;

/** A price row's content; `rates` is the whole row as it is written in a price file. */
export interface PriceContent {
  key: string;
  rates: Fields;
  /** Written by a program before this form of the row: it has factors, and what was booked with it followed other rules. */
  isOld: boolean;
  /** What is wrong with the row itself, if anything. */
  mistake: string | undefined;
}

/** Undefined where it cannot be read at all. */
export function readPriceContent(key: string, text: string): PriceContent | undefined {
  const content = readObject(text);
  const rates = content?.rates;
  if (!content || typeof rates !== "object" || rates === null) return undefined;
  const isOld = "tier_multipliers" in rates;
  return { key, rates: rates as Fields, isOld, mistake: isOld ? undefined : findMistake(key, content) };
}

/** A row's key is the SHA-256, in base64url, of its content as JSON with sorted names. */
function findMistake(key: string, { key: inner, ...content }: Fields): string | undefined {
  const made = createHash("sha256").update(sortedJson(content)).digest("base64url");
  if (inner !== undefined && inner !== key) return `its content has the key ${inner}`;
  return made === key ? undefined : `its content has the key ${made}`;
}

function sortedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const names = Object.keys(value).sort((a, b) => (a < b ? -1 : 1));
  return `{${names.map((name) => `${JSON.stringify(name)}:${sortedJson((value as Fields)[name])}`).join(",")}}`;
}

/** Picodollars a token, for each of `kinds`. */
export interface UnitPrices {
  input: readonly bigint[];
  cached: readonly bigint[];
  output: readonly bigint[];
  /** Whether the row has a price for this service tier; without one the standard prices are taken. */
  isTierKnown: boolean;
}

/** A million calls have a handful of them. */
const chosen = new WeakMap<Fields, Map<string, UnitPrices>>();

/** The prices for a request of this tier whose prompt has that many tokens. Throws on a row that does not read. */
export function choosePrices(rates: Fields, tier: string, promptTokens: number): UnitPrices {
  const tiers = (rates.tier ?? {}) as Record<string, Fields>;
  const own = tier === "standard" ? rates : Object.hasOwn(tiers, tier) ? tiers[tier] : undefined;
  const set = own ?? rates;
  const above = set.above as Fields | undefined;
  const isAbove = above !== undefined && promptTokens > Number(above.tokens);
  const name = `${own ? tier : "none"} ${isAbove}`;
  const known = chosen.get(rates)?.get(name);
  if (known) return known;
  const prices = isAbove ? above : set;
  const perKind = (base: string, own: readonly string[]) =>
    kinds.map((kind) => scaleDecimal((own.includes(kind) && prices[`${base}_${kind}`]) || prices[base], 6));
  const unitPrices = {
    input: perKind("input", ["audio"]),
    cached: perKind("cached", ["audio"]),
    output: perKind("output", ["audio", "image"]),
    isTierKnown: own !== undefined,
  };
  chosen.set(rates, (chosen.get(rates) ?? new Map()).set(name, unitPrices));
  return unitPrices;
}

/** Picodollars for one search or query: the row says USD per thousand. */
export function searchPrice(search: Fields): bigint {
  return scaleDecimal(search.price, 9);
}

/** A decimal text times 10^`digits`, which must be whole. */
function scaleDecimal(value: unknown, digits: number): bigint {
  const [, whole, fraction = ""] = /^(\d+)(?:\.(\d+))?$/.exec(String(value)) ?? [];
  if (whole === undefined || fraction.length > digits) throw new RangeError(`not a price: ${String(value)}`);
  return BigInt(whole + fraction.padEnd(digits, "0"));
}

/** Whether the row holds at a moment (ms since 1970, UTC). */
export function holdsAt(rates: Fields, at: number): boolean {
  if (at < Date.parse(String(rates.effective_from))) return false;
  if (rates.effective_to !== undefined && at >= Date.parse(String(rates.effective_to))) return false;
  if (rates.when === undefined) return !Number.isNaN(at);
  const { hours_utc: hours = "00:00-24:00", weekdays = "1-7" } = rates.when as Fields;
  const moment = new Date(at);
  const clock = moment.toISOString().slice(11, 16);
  const weekday = `${moment.getUTCDay() || 7}`;
  const spansOf = (text: unknown) =>
    String(text)
      .split(",")
      .map((span) => span.split("-"));
  // An hour's end is outside of it; the last day of a row of days is in it.
  return (
    spansOf(hours).some(([from = "", to = ""]) => from <= clock && clock < to) &&
    spansOf(weekdays).some(([from = "", to = from]) => from <= weekday && weekday <= to)
  );
}
