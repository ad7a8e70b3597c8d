// A price row as data: its fields, how it is written in a file and on a receipt, and everything that can be wrong with it.

import { Fields } from "../json-fields.ts";
import { readWhen, type When } from "./when.ts";

/** Prices of tokens: decimal strings in USD per 1,000,000. */
export interface TokenPrices {
  input: string;
  /** Absent: as `input`. */
  inputAudio?: string;
  /** Read from a cache. */
  cached: string;
  /** Absent: as `cached`. */
  cachedAudio?: string;
  /** Written to a cache, by how long it is kept there: "5m", "1h". */
  cacheWrite?: Record<string, string>;
  /** Answer and thinking. */
  output: string;
  /** Absent: as `output`. */
  outputAudio?: string;
  outputImage?: string;
}

/** With the prices of all tokens of a request whose prompt has more than `tokens` of them. */
export interface PriceSet extends TokenPrices {
  above?: TokenPrices & { tokens: number };
}

/** USD per 1,000. `prompt`: each prompt that was grounded is one; `query`: each query is one. */
export interface SearchPrice {
  per: "prompt" | "query";
  price: string;
}

export const tierNames = ["flex", "batch", "priority", "fast"] as const;
export type TierName = (typeof tierNames)[number];

/** Dates are ISO (a day is midnight UTC). There is a price for every item and never a factor: vendors round, and not everything is discounted. */
export interface PriceRow extends PriceSet {
  vendor: string;
  model: string;
  effectiveFrom: string;
  /** The first moment it no longer holds. Absent: until the model's next row of the same `when` begins. */
  effectiveTo?: string;
  /** It holds in these hours only, and goes before the model's row without hours. */
  when?: When;
  /** What a service tier costs; one that is not here is not known. */
  tier?: Partial<Record<TierName, PriceSet>>;
  search?: SearchPrice;
  maps?: SearchPrice;
  /** Whether tokens that tools put into the prompt are billed (as input). Absent: true. */
  billToolInput?: boolean;
  source: string;
  /** The day the source was read. */
  readOn: string;
}

/** A row with its default written out: what a receipt keeps, so that nothing about it depends on this program. */
export type FullPriceRow = PriceRow & { billToolInput: boolean };

/** The row as it is written in a price file and on a receipt: our names in snake_case, nothing left out. */
export function printPriceRow(row: PriceRow): Record<string, unknown> {
  return printFields(row);
}

function printFields(fields: object): Record<string, unknown> {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    entries.map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      typeof value === "object" && value !== null ? printFields(value) : value,
    ]),
  );
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

/** An operator's price file: the text of `[{"vendor", "model", "effective_from", "input", ...}]`. Throws PriceRowError naming every mistake. */
export function parsePriceFile(text: string): FullPriceRow[] {
  const rows = parseJson(text);
  if (!Array.isArray(rows)) throw new PriceRowError(["a price file is a list of rows: [{...}, ...]"]);
  const mistakes: string[] = [];
  const read = rows.map((row, at) => readPriceRow(row, `[${at}]`, mistakes));
  if (mistakes.length > 0) throw new PriceRowError(mistakes);
  return read;
}

/** Some editors put a byte order mark before a text: it is no mistake. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new PriceRowError([`it is not JSON: ${error instanceof Error ? error.message : error}`]);
  }
}

/** One row from its written form. Adds what is wrong to `mistakes`; the row is only good if nothing was added. */
export function readPriceRow(json: unknown, place: string, mistakes: string[]): FullPriceRow {
  const fields = new Fields(json, place, mistakes);
  const row: FullPriceRow = {
    vendor: fields.text("vendor"),
    model: fields.text("model"),
    effectiveFrom: fields.date("effective_from"),
    ...readPriceSet(fields),
    billToolInput: fields.optional("bill_tool_input", (name) => fields.flag(name)) ?? true,
    source: fields.text("source"),
    readOn: fields.date("read_on"),
    effectiveTo: fields.optional("effective_to", (name) => fields.date(name)),
    when: fields.optional("when", (name) => readHours(fields.child(name), `${place}.${name}`, mistakes)),
    tier: fields.optional("tier", (name) => readTiers(fields.child(name))),
    search: fields.optional("search", (name) => readSearch(fields.child(name))),
    maps: fields.optional("maps", (name) => readSearch(fields.child(name))),
  };
  fields.end();
  checkSilence(row, place, mistakes);
  return row;
}

function readTokenPrices(fields: Fields): TokenPrices {
  return {
    input: fields.price("input"),
    cached: fields.price("cached"),
    output: fields.price("output"),
    inputAudio: fields.optional("input_audio", (name) => fields.price(name)),
    cachedAudio: fields.optional("cached_audio", (name) => fields.price(name)),
    cacheWrite: fields.optional("cache_write", (name) => readCacheWrite(fields.child(name))),
    outputAudio: fields.optional("output_audio", (name) => fields.price(name)),
    outputImage: fields.optional("output_image", (name) => fields.price(name)),
  };
}

function readPriceSet(fields: Fields): PriceSet {
  const above = fields.optional("above", (name) => {
    const inner = fields.child(name);
    const prices = { tokens: inner.count("tokens"), ...readTokenPrices(inner) };
    inner.end();
    return prices;
  });
  return { ...readTokenPrices(fields), above };
}

function readTiers(fields: Fields): Partial<Record<TierName, PriceSet>> {
  const tiers = tierNames.map((name) => {
    const set = fields.optional(name, () => {
      const inner = fields.child(name);
      const prices = readPriceSet(inner);
      inner.end();
      return prices;
    });
    return [name, set] as const;
  });
  fields.end();
  return Object.fromEntries(tiers.filter(([, set]) => set !== undefined));
}

function readCacheWrite(fields: Fields): Record<string, string> {
  const kept = fields.names(/^[1-9]\d{0,3}[mhd]$/, "how long it is kept, like 5m or 1h");
  return Object.fromEntries(kept.map((name) => [name, fields.price(name)]));
}

function readSearch(fields: Fields): SearchPrice {
  const search = { per: fields.oneOf("per", ["prompt", "query"] as const), price: fields.perThousand("price") };
  fields.end();
  return search;
}

function readHours(fields: Fields, place: string, mistakes: string[]): When {
  const when: When = {
    hoursUtc: fields.optional("hours_utc", (name) => fields.text(name)),
    weekdays: fields.optional("weekdays", (name) => fields.text(name)),
  };
  fields.end();
  const must = "must be hours_utc like 01:00-04:00,22:00-24:00, weekdays like 1-5 (1 is Monday), or both";
  if ((when.hoursUtc ?? when.weekdays) === undefined || !readWhen(when)) mistakes.push(`${place}: ${must}`);
  return when;
}

/** Refuses a row that prices something in one place and is silent about it where other prices hold: which of the two would hold there? */
function checkSilence(row: FullPriceRow, place: string, mistakes: string[]): void {
  const sets: [string, PriceSet][] = [["", row], ...Object.entries(row.tier ?? {}).map(nameTier)];
  for (const [name, set] of sets) {
    const said = printFields(row);
    for (const field of ["input_audio", "cached_audio", "cache_write", "output_audio", "output_image", "above"]) {
      if (field in said && !(field in printFields(set)))
        mistakes.push(`${place}${name}.${field}: is missing, and the row has one`);
      if (field !== "above" && set.above && field in printFields(set) && !(field in printFields(set.above)))
        mistakes.push(`${place}${name}.above.${field}: is missing, and there is one below`);
    }
  }
}

function nameTier([name, set]: [string, PriceSet]): [string, PriceSet] {
  return [`.tier.${name}`, set];
}
