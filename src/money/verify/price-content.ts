// A price row as a receipt keeps it, read for the second time: which prices hold for a request, at which moments, and whether the row
// is still what its key was made from.

import { createHash } from "node:crypto";
import { readObject } from "./raw-usage.ts";

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

export function sortedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const names = Object.keys(value).sort((a, b) => (a < b ? -1 : 1));
  return `{${names.map((name) => `${JSON.stringify(name)}:${sortedJson((value as Fields)[name])}`).join(",")}}`;
}

/** Picodollars a token. */
export interface UnitPrices {
  input(kind: string): bigint;
  cached(kind: string): bigint;
  output(kind: string): bigint;
  /** Whether the row has a price for this service tier; without one the standard prices are taken. */
  isTierKnown: boolean;
}

/** The prices for a request of this tier whose prompt has that many tokens. Throws on a row that does not read. */
export function choosePrices(rates: Fields, tier: string, promptTokens: number): UnitPrices {
  const tiers = (rates.tier ?? {}) as Record<string, Fields>;
  const own = tier === "standard" ? rates : Object.hasOwn(tiers, tier) ? tiers[tier] : undefined;
  const set = own ?? rates;
  const above = set.above as Fields | undefined;
  const prices = above && promptTokens > Number(above.tokens) ? above : set;
  const per = (kind: string, name: string, base: string) => scaleDecimal(prices[`${name}_${kind}`] ?? prices[base], 6);
  return {
    input: (kind) => per(kind === "audio" ? kind : "", "input", "input"),
    cached: (kind) => per(kind === "audio" ? kind : "", "cached", "cached"),
    output: (kind) => per(kind === "audio" || kind === "image" ? kind : "", "output", "output"),
    isTierKnown: own !== undefined,
  };
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
  const from = Date.parse(String(rates.effective_from));
  const to = rates.effective_to === undefined ? Number.POSITIVE_INFINITY : Date.parse(String(rates.effective_to));
  if (!(from <= at && at < to)) return false;
  const { hours_utc: hours = "00:00-24:00", weekdays = "1-7" } = (rates.when ?? {}) as Fields;
  const moment = new Date(at);
  const clock = moment.toISOString().slice(11, 16);
  const weekday = ((moment.getUTCDay() + 6) % 7) + 1;
  const isWithin = (spans: unknown, value: string) =>
    String(spans)
      .split(",")
      .map((span) => span.split("-"))
      .some(([first = "", last]) => first <= value && (last === undefined ? value === first : value <= last));
  // The end of an hour is outside of it, the end of a row of days is in it.
  const inHours = String(hours)
    .split(",")
    .map((span) => span.split("-"))
    .some(([first = "", last = ""]) => first <= clock && clock < last);
  return inHours && isWithin(weekdays, String(weekday));
}
