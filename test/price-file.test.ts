// Price rows of an operator's: read as they are written, refused with every mistake by its place, and in force by the clock.

import { describe, expect, test } from "bun:test";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { createPriceBook, mergePriceRows, type PriceRow, PriceRowError, parsePriceFile } from "../src/money/price.ts";
import { printPriceRow } from "../src/money/price-row.ts";
import { isWithin, readWhen } from "../src/money/when.ts";
import { geminiPrices } from "../src/providers/gemini/prices.ts";
import { startHttp } from "./http-assembly.ts";

const written = {
  vendor: "v",
  model: "m",
  effective_from: "2026-01-01",
  input: "1",
  cached: "0.1",
  output: "2",
  source: "a test",
  read_on: "2026-11-23",
};
const november = Date.parse("2026-11-23T12:00:00Z");
const parse = (rows: unknown) => parsePriceFile(JSON.stringify(rows));

function mistakesOf(make: () => unknown): string[] {
  try {
    make();
  } catch (error) {
    if (error instanceof PriceRowError) return error.mistakes;
    throw error;
  }
  return [];
}

const placesOf = (row: object) => mistakesOf(() => parse([{ ...written, ...row }])).map((text) => text.split(":")[0]);

describe("a price file", () => {
  test("reads into the rows the program itself would write, whatever is in them", () => {
    const everything = {
      ...written,
      effective_to: "2027-01-01T08:30:00Z",
      when: { hours_utc: "01:00-04:00,06:00-10:00", weekdays: "1-5" },
      ...{ input_audio: "3", cached_audio: "0.3", cache_write: { "5m": "1.25", "1h": "2" } },
      ...{ output_audio: "4", output_image: "30" },
      above: {
        ...{ tokens: 272_000, input: "2", cached: "0.2", output: "4", input_audio: "6", cached_audio: "0.6" },
        ...{ cache_write: { "5m": "2.5", "1h": "4" }, output_audio: "8", output_image: "60" },
      },
      search: { per: "query", price: "14" },
      maps: { per: "prompt", price: "25" },
      bill_tool_input: false,
    };
    const [row] = parse([everything]);
    expect(printPriceRow(row!)).toEqual(everything);
    const fast = { ...everything, tier: { fast: { ...everything.above, above: everything.above } } };
    const { tokens: _tokens, ...prices } = everything.above;
    fast.tier = { fast: { ...prices, above: everything.above } } as typeof fast.tier;
    expect(printPriceRow(parse([fast])[0]!)).toEqual(fast);
    for (const builtIn of createPriceBook(geminiPrices).list(undefined, november))
      expect(parse([builtIn.receipt.rates])).toEqual([builtIn.row]);
  });

  test("may begin with a byte order mark, and that is all that may be wrong with its JSON", () => {
    expect(parsePriceFile(`\uFEFF${JSON.stringify([written])}`)).toHaveLength(1);
    expect(mistakesOf(() => parsePriceFile(`[${JSON.stringify(written)},]`))[0]).toStartWith("it is not JSON: ");
    expect(mistakesOf(() => parsePriceFile(""))).toHaveLength(1);
    expect(mistakesOf(() => parse({ rows: [] }))).toHaveLength(1);
  });

  test("is refused with every mistake named by its place", () => {
    const bad = [
      { ...written, input: 0.3 },
      { ...written, output: "1,5", colour: "red", source: " " },
      { ...written, effective_from: "2026-02-30", read_on: "yesterday" },
      { ...written, search: { per: "day", price: "1" }, above: { input: "1" } },
      { ...written, tier: { turbo: {}, flex: { input: "1" } }, bill_tool_input: "yes", effectiveFrom: "2026-01-01" },
      "gemini",
      { ...written, tier_multipliers: { flex: [1, 2] }, above_200k: {}, grounding: {} },
      { ...written, cache_write: { "5 minutes": "1", "1h": 2 }, maps: { price: "1" } },
    ];
    const places = mistakesOf(() => parse(bad)).map((text) => text.split(":")[0]);
    const expected = [
      ["[0].input", "[1].output", "[1].colour", "[1].source", "[2].effective_from", "[2].read_on"],
      ["[3].search.per", "[3].above.cached", "[3].above.output", "[3].above.tokens"],
      ["[4].tier.turbo", "[4].tier.flex.cached", "[4].bill_tool_input", "[4].effectiveFrom", "[5]"],
      ["[6].tier_multipliers", "[6].above_200k", "[6].grounding"],
      ["[7].cache_write.5 minutes", "[7].cache_write.1h", "[7].maps.per"],
    ].flat();
    for (const place of expected) expect(places).toContain(place);
  });

  test("with negative, exponent, over-fine or over-great prices is refused", () => {
    for (const input of ["-1", "1e3", "0.0000001", "", ".5", "Infinity", "100000", null, 1])
      expect([input, placesOf({ input })]).toEqual([input, ["[0].input"]]);
    expect(placesOf({ input: "99999.999999" })).toEqual([]);
  });

  test("that prices something in one place and not where other prices hold is refused: which of them would it be?", () => {
    const above = { tokens: 200_000, input: "2", cached: "0.2", output: "4" };
    const { tokens: _tokens, ...flex } = above;
    expect(placesOf({ above, input_audio: "3" })).toEqual(["[0].above.input_audio"]);
    expect(placesOf({ above, tier: { flex } })).toEqual(["[0].tier.flex.above"]);
    expect(placesOf({ cached_audio: "3", tier: { flex } })).toEqual(["[0].tier.flex.cached_audio"]);
    expect(placesOf({ above, tier: { flex: { ...flex, above } } })).toEqual([]);
  });

  test("replaces the built-in row of the same model, day and hours, and adds any other", () => {
    const own = parse([
      { ...written, vendor: "gemini", model: "gemini-3.8-flash", effective_from: "2027-01-01", input: "1.60" },
      { ...written, vendor: "gemini", model: "gemini-3.8-flash", effective_from: "2026-12-15", input: "0.80" },
      { ...written, vendor: "gemini", model: "gemini-3.7-flash", when: { weekdays: "6-7" }, input: "0.10" },
      { ...written, vendor: "gemini", model: "gemini-5" },
    ]);
    const merged = createPriceBook(mergePriceRows(geminiPrices, own));
    const at = (model: string, day: string) => merged.find("gemini", model, Date.parse(day))?.row.input;
    expect(at("gemini-3.8-flash", "2026-12-14")).toBe("0.75");
    expect(at("gemini-3.8-flash", "2026-12-15")).toBe("0.80");
    expect(at("gemini-3.8-flash", "2027-01-01")).toBe("1.60");
    expect(at("gemini-5", "2026-12-14")).toBe("1");
    expect(at("gemini-3.7-flash", "2027-01-01")).toBe("1.50"); // a Friday
    expect(at("gemini-3.7-flash", "2027-01-02")).toBe("0.10");
  });

  test("that cannot be read stops the start with the setting, the file and the row", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "rozmova-prices-")), "prices.json");
    const start = (text: string) => {
      writeFileSync(file, text);
      return startHttp({ settings: { PRICES_FILE: file } });
    };
    await expect(start(JSON.stringify([written, { ...written, input: 1 }]))).rejects.toThrow(
      `PRICES_FILE ${file}: [1].input: 1 must be USD per million`,
    );
    await expect(start(" ".repeat(4_000_001))).rejects.toThrow(`PRICES_FILE ${file}: it has more than 4000000 bytes`);
    await expect(start("[")).rejects.toThrow(`PRICES_FILE ${file}: it is not JSON`);
    await expect(start(JSON.stringify([written, { ...written, input: "9" }]))).rejects.toThrow(
      "begin at the same time",
    );
    await expect(
      start(
        JSON.stringify([
          { ...written, vendor: "gemini" },
          { ...written, vendor: "gemeni" },
        ]),
      ),
    ).rejects.toThrow(`PRICES_FILE ${file}: [1].vendor: "gemeni" is none of gemini`);
    await expect(startHttp({ settings: { PRICES_FILE: `${file}.gone` } })).rejects.toThrow(
      `PRICES_FILE ${file}.gone: `,
    );
  });
});

describe("prices by the clock", () => {
  const base: PriceRow = { ...parse([written])[0]!, input: "1" };
  const peak: PriceRow = { ...base, input: "2", when: { hoursUtc: "01:00-04:00,06:00-10:00", weekdays: "1-5" } };
  const priceAt = (rows: PriceRow[], when: string) => createPriceBook(rows).find("v", "m", Date.parse(when))?.row.input;

  test("hold to the minute in their hours and days, by UTC, and the row without hours holds in all others", () => {
    const moments: [string, string][] = [
      ["2026-11-23T00:59:59.999Z", "1"], // a Monday
      ["2026-11-23T01:00:00.000Z", "2"],
      ["2026-11-23T03:59:59.999Z", "2"],
      ["2026-11-23T04:00:00.000Z", "1"],
      ["2026-11-27T09:59:59.999Z", "2"], // a Friday
      ["2026-11-28T02:00:00.000Z", "1"], // a Saturday
      ["2026-11-29T07:00:00.000Z", "1"],
    ];
    for (const rows of [
      [base, peak],
      [peak, base],
    ])
      for (const [when, price] of moments) expect([when, priceAt(rows, when)]).toEqual([when, price]);
    expect(priceAt([peak], "2026-11-23T00:00:00Z")).toBeUndefined();
  });

  test("say on the receipt in which hours they hold, under an id of their own", () => {
    const book = createPriceBook([base, peak]);
    const [atPeak, atNight] = ["2026-11-23T02:00:00Z", "2026-11-23T05:00:00Z"].map((at) =>
      book.find("v", "m", Date.parse(at)),
    );
    expect(atPeak!.receipt.rates.when).toEqual({ hours_utc: "01:00-04:00,06:00-10:00", weekdays: "1-5" });
    expect(atNight!.receipt.rates.when).toBeUndefined();
    expect(atPeak!.id).not.toBe(atNight!.id);
    expect(book.list("v", Date.parse("2026-11-23T02:00:00Z"))).toEqual([atPeak!]);
  });

  test("change by date within their hours, as the others do", () => {
    const later = { ...peak, effectiveFrom: "2027-01-01", input: "3" };
    expect(priceAt([base, peak, later], "2026-12-31T02:00:00Z")).toBe("2");
    expect(priceAt([base, peak, later], "2027-01-01T02:00:00Z")).toBe("3");
  });

  test("of two rows that would both hold in some hour are refused", () => {
    const other = { ...peak, when: { hoursUtc: "03:00-07:00" } };
    expect(mistakesOf(() => createPriceBook([base, peak, other]))[0]).toContain("in some hours both would hold");
    const apart = { ...peak, when: { hoursUtc: "04:00-06:00" } };
    expect(mistakesOf(() => createPriceBook([base, peak, apart]))).toEqual([]);
    const after = { ...other, effectiveFrom: "2027-01-01" };
    const until = { ...peak, effectiveTo: "2027-01-01" };
    expect(mistakesOf(() => createPriceBook([until, after]))).toEqual([]);
    expect(mistakesOf(() => createPriceBook([peak, { ...peak, input: "9" }]))[0]).toContain("begin at the same time");
  });

  test("in hours that are none are refused", () => {
    const bad = [
      "04:00-01:00",
      "1:00-2:00",
      "00:00-24:01",
      "01:60-02:00",
      "01:00",
      "",
      "01:00-01:00",
      "01:00-02:00, 3",
    ];
    for (const hours_utc of bad)
      expect([hours_utc, placesOf({ when: { hours_utc } }).length > 0]).toEqual([hours_utc, true]);
    for (const weekdays of ["0", "8", "5-1", "Mon", "1-5,", "1 - 5"])
      expect([weekdays, placesOf({ when: { weekdays } })]).toEqual([weekdays, ["[0].when"]]);
    expect(placesOf({ when: {} })).toEqual(["[0].when"]);
    expect(placesOf({ when: { hours_utc: "00:00-24:00", zone: "Europe/Kyiv" } })).toEqual(["[0].when.zone"]);
  });

  test("hold at a moment when the calendar's own day and hour say so", () => {
    const dayNames = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const minute = fc.integer({ min: 0, max: 24 * 60 - 1 });
    const clock = (at: number) => `${String(Math.floor(at / 60)).padStart(2, "0")}:${String(at % 60).padStart(2, "0")}`;
    fc.assert(
      fc.property(
        minute,
        minute,
        fc.integer({ min: 1, max: 7 }),
        fc.date({ noInvalidDate: true }),
        (a, b, day, date) => {
          const [from, to] = [Math.min(a, b), Math.max(a, b) + 1];
          const spans = readWhen({ hoursUtc: `${clock(from)}-${clock(to)}`, weekdays: `${day}` })!;
          const [name, , , , time = ""] = date.toUTCString().split(/,? /);
          const now = Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));
          const holds = name === dayNames[day % 7] && from <= now && now < to;
          expect(isWithin(spans, date.getTime())).toBe(holds);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
