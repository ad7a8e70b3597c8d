// Prices: the published table, billed to the last picodollar, by date, tier and modality; and files that are refused.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { perMillion, printUsd } from "../src/money/money.ts";
import {
  billLines,
  createPriceBook,
  mergePriceRows,
  type Price,
  type PriceRow,
  PriceRowError,
  parsePriceFile,
  priceOfReceipt,
  receiptPrice,
  splitPrompt,
  sumLines,
} from "../src/money/price.ts";
import { tokenPrices } from "../src/money/price-row.ts";
import { modalities } from "../src/money/usage.ts";
import { geminiPrices } from "../src/providers/gemini/prices.ts";
import { readGeminiUsage } from "../src/providers/gemini/usage.ts";
import { rawUsage } from "./raw-usage.ts";
import { published, type RawUsage, recompute } from "./recompute.ts";

const book = createPriceBook(geminiPrices);
const november = Date.parse("2026-11-23T12:00:00Z");

function priceAt(model: string, when: string | number): Price {
  const price = book.find("gemini", model, typeof when === "string" ? Date.parse(when) : when);
  if (!price) throw new Error(`no price for ${model} at ${when}`);
  return price;
}

function bill(model: string, usage: RawUsage, when: string | number = november): bigint {
  return sumLines(billLines(readGeminiUsage(JSON.stringify(usage)), priceAt(model, when)));
}

const row: PriceRow = {
  vendor: "v",
  model: "m",
  effectiveFrom: "2026-01-01",
  input: "1",
  cached: "0.1",
  output: "2",
  source: "a test",
  readOn: "2026-11-23",
};

function mistakesOf(make: () => unknown): string[] {
  try {
    make();
  } catch (error) {
    if (error instanceof PriceRowError) return error.mistakes;
    throw error;
  }
  return [];
}

describe("the bill", () => {
  test("equals an independent computation from the published table to the last picodollar, for every row", () => {
    for (const line of published) {
      fc.assert(
        fc.property(rawUsage, (usage) => {
          expect(bill(line.model, usage, line.from)).toBe(recompute(line, usage));
        }),
        { numRuns: 250 },
      );
    }
  });

  test("has a published row for every row of the book, and a row of the book for every published one", () => {
    const names = (list: { model: string; from: string }[]) => list.map(({ model, from }) => `${model} ${from}`).sort();
    expect(names(geminiPrices.map(({ model, effectiveFrom }) => ({ model, from: effectiveFrom })))).toEqual(
      names(published),
    );
  });

  test("omits lines of nothing, and each line is its quantity times its unit price", () => {
    fc.assert(
      fc.property(rawUsage, fc.constantFrom(...published), (usage, { model, from }) => {
        const lines = billLines(readGeminiUsage(JSON.stringify(usage)), priceAt(model, from));
        for (const line of lines) {
          expect(line.quantity).toBeGreaterThan(0);
          expect(line.amount).toBe(BigInt(line.quantity) * line.unitPrice);
        }
        expect(new Set(lines.map((line) => line.item)).size).toBe(lines.length);
      }),
      { numRuns: 1000 },
    );
  });

  test("names its items as the receipt's contract does", () => {
    const usage = {
      promptTokenCount: 100,
      promptTokensDetails: [
        { modality: "TEXT", tokenCount: 60 },
        { modality: "AUDIO", tokenCount: 30 },
        { modality: "IMAGE", tokenCount: 10 },
      ],
      cachedContentTokenCount: 30,
      cacheTokensDetails: [
        { modality: "TEXT", tokenCount: 20 },
        { modality: "AUDIO", tokenCount: 10 },
      ],
      candidatesTokenCount: 7,
      thoughtsTokenCount: 5,
      toolUsePromptTokenCount: 3,
      totalTokenCount: 115,
      _grounding: { searchPrompts: 1, searchQueries: 4, mapsPrompts: 1 },
    };
    const lines = billLines(readGeminiUsage(JSON.stringify(usage)), priceAt("gemini-2.5-flash", november));
    expect(lines.map(({ item, quantity, unit, unitPrice }) => [item, quantity, unit, printUsd(unitPrice)])).toEqual([
      ["input_text", 40, "token", "0.0000003"],
      ["input_audio", 20, "token", "0.000001"],
      ["input_image", 10, "token", "0.0000003"],
      ["cached_text", 20, "token", "0.00000003"],
      ["cached_audio", 10, "token", "0.0000001"],
      ["tool_input", 3, "token", "0.0000003"],
      ["output_text", 7, "token", "0.0000025"],
      ["thinking", 5, "token", "0.0000025"],
      ["grounding", 1, "request", "0.035"],
      ["grounding_maps", 1, "request", "0.025"],
    ]);
  });

  test("of newer models counts search queries, not prompts", () => {
    const usage = { _grounding: { searchPrompts: 1, searchQueries: 4, mapsPrompts: 0 } };
    expect(printUsd(bill("gemini-3.8-flash", usage))).toBe("0.056");
    expect(printUsd(bill("gemini-2.5-pro", usage))).toBe("0.035");
  });

  test("keeps tool-use tokens on the receipt, at nothing, where a row says they are not billed", () => {
    const free = createPriceBook([{ ...row, billToolInput: false }]).find("v", "m", november)!;
    const lines = billLines(readGeminiUsage('{"promptTokenCount":1,"toolUsePromptTokenCount":9}'), free);
    expect(lines.map(({ item, quantity, amount }) => [item, quantity, amount])).toEqual([
      ["input_text", 1, 1_000_000n],
      ["tool_input", 9, 0n],
    ]);
  });
});

describe("traps", () => {
  test("trap: cached tokens charged twice", () => {
    const cached = bill("gemini-2.5-flash", { promptTokenCount: 1000, cachedContentTokenCount: 1000 });
    expect(cached).toBe(1000n * perMillion("0.03"));
    const whole = bill("gemini-2.5-flash", { promptTokenCount: 1000 });
    expect(bill("gemini-2.5-flash", { promptTokenCount: 1000, cachedContentTokenCount: 400 })).toBeLessThan(whole);
  });

  test("trap: more cached than prompt never makes a line negative, and the prompt is billed once", () => {
    const count = fc.record(Object.fromEntries(modalities.map((kind) => [kind, fc.nat(1000)])));
    fc.assert(
      fc.property(count, count, (input, cached) => {
        const split = splitPrompt(input, cached);
        let fromCache = 0;
        for (const kind of modalities) {
          expect(split.fresh[kind]!).toBeGreaterThanOrEqual(0);
          expect(split.cached[kind]!).toBeGreaterThanOrEqual(0);
          expect(split.fresh[kind]! + split.cached[kind]!).toBe(input[kind]!);
          fromCache += split.cached[kind]!;
        }
        const sum = (counts: Record<string, number>) => Object.values(counts).reduce((a, b) => a + b, 0);
        expect(fromCache).toBe(Math.min(sum(cached), sum(input)));
      }),
      { numRuns: 1000 },
    );
    expect(bill("gemini-2.5-flash", { promptTokenCount: 10, cachedContentTokenCount: 99 })).toBe(
      10n * perMillion("0.03"),
    );
  });

  test("trap: thinking free", () => {
    expect(bill("gemini-2.5-flash", { thoughtsTokenCount: 1000 })).toBe(1000n * perMillion("2.50"));
  });

  test("trap: tool-use tokens dropped", () => {
    expect(bill("gemini-2.5-flash", { toolUsePromptTokenCount: 1000 })).toBe(1000n * perMillion("0.30"));
  });

  test("trap: the 200k tier applied at the margin", () => {
    const at = (promptTokenCount: number) =>
      bill("gemini-2.5-pro", { promptTokenCount, cachedContentTokenCount: 1000, candidatesTokenCount: 10 });
    expect(at(200_000)).toBe(199_000n * perMillion("1.25") + 1000n * perMillion("0.125") + 10n * perMillion("10"));
    expect(at(200_001)).toBe(199_001n * perMillion("2.50") + 1000n * perMillion("0.25") + 10n * perMillion("15"));
  });

  test("trap: the 200k tier is not reached by answer, thinking or tools", () => {
    const usage = {
      promptTokenCount: 199_000,
      candidatesTokenCount: 60_000,
      thoughtsTokenCount: 5000,
      toolUsePromptTokenCount: 5000,
    };
    expect(bill("gemini-2.5-pro", usage)).toBe(204_000n * perMillion("1.25") + 65_000n * perMillion("10"));
  });

  test("trap: unknown model = 0", () => {
    expect(book.find("gemini", "gemini-99-unheard-of", november)).toBeUndefined();
    expect(book.find("other", "gemini-2.5-flash", november)).toBeUndefined();
    expect(book.find("gemini", "gemini-2.5-flash", Date.parse("2025-12-31T23:59:59.999Z"))).toBeUndefined();
    expect(book.find("gemini", "constructor", november)).toBeUndefined();
  });

  test("trap: alias priced as the wrong model — a name's beginning is not the model", () => {
    expect(book.find("gemini", "gemini-2.5-flash-l", november)).toBeUndefined();
    expect(book.find("gemini", "gemini-2.5", november)).toBeUndefined();
    expect(priceAt("gemini-2.5-flash-lite", november).row.input).toBe("0.10");
  });

  test("trap: price change rewrites history — an old receipt's price is its own row, whatever the book says now", () => {
    const before = receiptPrice(priceAt("gemini-4-argon", "2026-11-30T23:59:59.999Z"));
    const after = priceAt("gemini-4-argon", "2026-12-01");
    expect(after.id).not.toBe(before.id);
    const usage = readGeminiUsage('{"promptTokenCount":1000}');
    const kept = priceOfReceipt(JSON.parse(JSON.stringify(before)));
    expect(sumLines(billLines(usage, kept))).toBe(1000n * perMillion("2"));
    expect(sumLines(billLines(usage, after))).toBe(1000n * perMillion("4"));
  });

  test("trap: floats — no price of the book is a number, and every service tier leaves every one whole", () => {
    let checked = 0;
    for (const { row: full } of book.list(undefined, november).concat(book.list(undefined, Date.parse("2027-01-01")))) {
      for (const price of tokenPrices(full)) {
        expect(typeof price).toBe("string");
        for (const [numerator, denominator] of [
          [1, 2],
          [9, 5],
        ] as const)
          expect((perMillion(price) * BigInt(numerator)) % BigInt(denominator)).toBe(0n);
        checked++;
      }
    }
    expect(checked).toBeGreaterThan(100);
  });
});

describe("the book", () => {
  test("changes a price at the first millisecond of its day and not before", () => {
    expect(priceAt("gemini-3.8-flash", "2026-12-31T23:59:59.999Z").row.input).toBe("0.75");
    expect(priceAt("gemini-3.8-flash", "2027-01-01T00:00:00.000Z").row.input).toBe("1.50");
  });

  test("has exactly one price in force for each of its models, today and after every step", () => {
    const models = new Set(geminiPrices.map(({ model }) => model));
    for (const day of ["2026-11-23", "2026-12-01", "2027-01-01", "2030-01-01"]) {
      const inForce = book.list("gemini", Date.parse(day)).map((price) => price.row.model);
      expect(inForce.length).toBe(models.size);
      expect(new Set(inForce)).toEqual(models);
    }
    expect(book.list("other", november)).toEqual([]);
  });

  test("gives a price an id that names its content: another price, another id; another source, the same", () => {
    const id = (change: Partial<PriceRow>) => createPriceBook([{ ...row, ...change }]).find("v", "m", november)!.id;
    expect(id({})).toMatch(/^v\/m@2026-01-01#[0-9a-f]{8}$/);
    expect(id({ source: "elsewhere", readOn: "2026-11-24" })).toBe(id({}));
    expect(id({ billToolInput: true })).toBe(id({})); // the default, written out
    expect(id({ output: "2.00001" })).not.toBe(id({}));
    expect(id({ billToolInput: false })).not.toBe(id({}));
    const reordered = Object.fromEntries(Object.entries(row).reverse()) as unknown as PriceRow;
    expect(createPriceBook([reordered]).find("v", "m", november)!.id).toBe(id({}));
  });

  test("holds nothing between a row's end and the next one's beginning", () => {
    const gap = createPriceBook([
      { ...row, effectiveTo: "2026-02-01" },
      { ...row, effectiveFrom: "2026-03-01" },
    ]);
    expect(gap.find("v", "m", Date.parse("2026-01-31"))).toBeDefined();
    expect(gap.find("v", "m", Date.parse("2026-02-01"))).toBeUndefined();
    expect(gap.find("v", "m", Date.parse("2026-03-01"))).toBeDefined();
  });

  test("refuses two rows that would both hold at once", () => {
    expect(mistakesOf(() => createPriceBook([row, { ...row, input: "9" }]))[0]).toContain("begin at the same time");
    const overlapping = [
      { ...row, effectiveTo: "2026-06-01" },
      { ...row, effectiveFrom: "2026-05-01" },
    ];
    expect(mistakesOf(() => createPriceBook(overlapping))[0]).toContain("overlaps");
    expect(mistakesOf(() => createPriceBook([{ ...row, effectiveTo: "2026-01-01" }]))[0]).toContain("ends before");
  });

  test("refuses a row that a service tier could not bill in whole picodollars", () => {
    expect(mistakesOf(() => createPriceBook([{ ...row, input: "0.000001" }])).length).toBe(3); // 1/2 twice, 9/5
    for (const name of ["input", "cached", "output"]) {
      const above = { input: "1", cached: "1", output: "1", [name]: "0.000003" };
      expect(mistakesOf(() => createPriceBook([{ ...row, above200k: above }])).length).toBe(3);
      expect(mistakesOf(() => createPriceBook([{ ...row, [name]: "0.000003" }])).length).toBe(3);
    }
    for (const name of ["inputAudio", "cachedAudio"])
      expect(mistakesOf(() => createPriceBook([{ ...row, [name]: "0.000003" }])).length).toBe(3);
    const exact = { ...row, input: "0.000001", tierMultipliers: { batch: [1, 1], flex: [1, 1], priority: [2, 1] } };
    expect(mistakesOf(() => createPriceBook([exact as PriceRow]))).toEqual([]);
  });
});

describe("an operator's price file", () => {
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

  test("reads into the same row the program itself would write", () => {
    const [parsed] = parsePriceFile([written]);
    const own = createPriceBook([row]).find("v", "m", november)!;
    expect(parsed).toEqual(own.row);
    expect(parsePriceFile([receiptPrice(own).rates])).toEqual([own.row]);
    for (const builtIn of book.list(undefined, november))
      expect(parsePriceFile(JSON.parse(JSON.stringify([receiptPrice(builtIn).rates])))).toEqual([builtIn.row]);
  });

  test("replaces the built-in row of the same model and day, and adds any other", () => {
    const own = parsePriceFile([
      { ...written, vendor: "gemini", model: "gemini-3.8-flash", effective_from: "2027-01-01", input: "1.60" },
      { ...written, vendor: "gemini", model: "gemini-3.8-flash", effective_from: "2026-12-15", input: "0.80" },
      { ...written, vendor: "gemini", model: "gemini-5" },
    ]);
    const merged = createPriceBook(mergePriceRows(geminiPrices, own));
    const at = (model: string, day: string) => merged.find("gemini", model, Date.parse(day))?.row.input;
    expect(at("gemini-3.8-flash", "2026-12-14")).toBe("0.75");
    expect(at("gemini-3.8-flash", "2026-12-15")).toBe("0.80");
    expect(at("gemini-3.8-flash", "2027-01-01")).toBe("1.60");
    expect(at("gemini-5", "2026-12-14")).toBe("1");
    expect(at("gemini-3.7-flash", "2027-01-01")).toBe("1.50");
  });

  test("is refused with every mistake named by its place", () => {
    const bad = [
      { ...written, input: 0.3 },
      { ...written, output: "1,5", colour: "red", source: " " },
      { ...written, effective_from: "2026-02-30", read_on: "yesterday" },
      { ...written, grounding: { search: { per: "day", price: "1" } }, above_200k: { input: "1" } },
      { ...written, tier_multipliers: { batch: [1, 0] }, bill_tool_input: "yes", effectiveFrom: "2026-01-01" },
      "gemini",
    ];
    const mistakes = mistakesOf(() => parsePriceFile(bad));
    const places = mistakes.map((text) => text.split(":")[0]);
    expect(places).toContain("[0].input");
    for (const place of ["[1].output", "[1].colour", "[1].source"]) expect(places).toContain(place);
    for (const place of ["[2].effective_from", "[2].read_on"]) expect(places).toContain(place);
    for (const place of ["[3].grounding.search.per", "[3].above_200k.cached", "[3].above_200k.output"])
      expect(places).toContain(place);
    for (const place of ["[4].tier_multipliers.batch", "[4].bill_tool_input", "[4].effectiveFrom"])
      expect(places).toContain(place);
    expect(places).toContain("[5]");
  });

  test("that is not a list, or holds negative, exponent or over-fine prices, is refused", () => {
    expect(mistakesOf(() => parsePriceFile({ rows: [] })).length).toBe(1);
    for (const input of ["-1", "1e3", "0.0000001", "", ".5", "Infinity", null])
      expect(mistakesOf(() => parsePriceFile([{ ...written, input }])).length).toBe(1);
    expect(
      mistakesOf(() =>
        parsePriceFile([{ ...written, above_200k: { input: "1", cached: "1", output: "1" }, input_audio: "3" }]),
      ).length,
    ).toBe(1);
  });
});
