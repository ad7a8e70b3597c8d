// Prices: the published table, billed to the last picodollar, by date, tier and modality; and files that are refused.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { makeBill, splitPrompt } from "../src/money/bill.ts";
import { perMillion, printUsd } from "../src/money/money.ts";
import { createPriceBook, type Price, type PriceRow, PriceRowError } from "../src/money/price.ts";
import { type Counted, type Meter, modalities, nothingCounted } from "../src/money/usage.ts";
import { geminiPrices } from "../src/providers/gemini/prices.ts";
import { readGeminiUsage } from "../src/providers/gemini/usage.ts";
import { rawCounted, rawUsage } from "./raw-usage.ts";
import { published, type RawCounted, type RawUsage, recompute } from "./recompute.ts";

const book = createPriceBook(geminiPrices);
const november = Date.parse("2026-11-23T12:00:00Z");

function priceAt(model: string, when: string | number): Price {
  const price = book.find("gemini", model, typeof when === "string" ? Date.parse(when) : when);
  if (!price) throw new Error(`no price for ${model} at ${when}`);
  return price;
}

const nothingMore = { input: 0, output: 0 };

function billOf(price: Price, usage: RawUsage, counted: Counted | null = null) {
  return makeBill(readGeminiUsage(JSON.stringify(usage)), counted ?? nothingCounted, nothingMore, price);
}

function bill(
  model: string,
  usage: RawUsage,
  when: string | number = november,
  counted: RawCounted | null = null,
): bigint {
  return billOf(priceAt(model, when), usage, counted).total;
}

const searched = (queries: number, maps = 0): RawCounted => ({
  search: { prompts: 1, queries },
  maps: { prompts: maps },
});

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
        fc.property(rawUsage, rawCounted, (usage, counted) => {
          expect(bill(line.model, usage, line.from, counted)).toBe(recompute(line, usage, counted));
        }),
        { numRuns: 200 },
      );
    }
  });

  test("has a published row for every row of the book, and a row of the book for every published one, tiers too", () => {
    const names = (list: { model: string; from: string; tiers: string[] }[]) =>
      list.map(({ model, from, tiers }) => `${model} ${from} ${tiers.sort()}`).sort();
    const ours = geminiPrices.map(({ model, effectiveFrom, tier }) => ({
      ...{ model, from: effectiveFrom },
      tiers: Object.keys(tier ?? {}),
    }));
    expect(names(ours)).toEqual(names(published.map((row) => ({ ...row, tiers: Object.keys(row.tiers) }))));
  });

  test("omits lines of nothing, and each line is its quantity times its unit price", () => {
    fc.assert(
      fc.property(rawUsage, rawCounted, fc.constantFrom(...published), (usage, counted, { model, from }) => {
        const { lines, total } = billOf(priceAt(model, from), usage, counted);
        for (const line of lines) {
          expect(line.quantity).toBeGreaterThan(0);
          expect(line.amount).toBe(BigInt(line.quantity) * line.unitPrice);
        }
        expect(lines.reduce((sum, line) => sum + line.amount, 0n)).toBe(total);
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
    };
    const { lines } = billOf(priceAt("gemini-2.5-flash", november), usage, searched(4, 1));
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
    expect(printUsd(bill("gemini-3.8-flash", {}, november, searched(4)))).toBe("0.056");
    expect(printUsd(bill("gemini-2.5-pro", {}, november, searched(4)))).toBe("0.035");
  });

  test("is a guess where queries are priced and nothing counts them: Maps one a prompt, sources without queries nothing", () => {
    const newer = priceAt("gemini-3.8-flash", november);
    const maps = { search: { prompts: 0, queries: 0 }, maps: { prompts: 1 } };
    expect(billOf(newer, {}, maps)).toMatchObject({ priced: "guessed", total: 14_000_000_000n });
    expect(billOf(newer, {}, maps).lines).toMatchObject([{ item: "grounding_maps", quantity: 1, unit: "query" }]);
    expect(billOf(newer, {}, searched(0))).toMatchObject({ priced: "guessed", total: 0n, lines: [] });
    expect(billOf(newer, {}, searched(2)).priced).toBe("all");
    const older = priceAt("gemini-2.5-pro", november);
    expect(billOf(older, {}, maps)).toMatchObject({ priced: "all", total: 25_000_000_000n });
    expect(billOf(older, {}, searched(0))).toMatchObject({ priced: "all", total: 35_000_000_000n });
  });

  test("has no total where a search has no price", () => {
    const silent = createPriceBook([row]).find("v", "m", november)!;
    expect(billOf(silent, {}, searched(1)).priced).toBe("none");
    expect(billOf(silent, { promptTokenCount: 1 }).priced).toBe("all");
  });

  test("of a service tier is what the row says of it, and the standard price, a guess, where it says nothing", () => {
    const usage = { promptTokenCount: 1000, cachedContentTokenCount: 400, candidatesTokenCount: 10 };
    const at = (model: string, serviceTier: string) => billOf(priceAt(model, november), { ...usage, serviceTier });
    const cost = (input: string, cached: string, output: string) =>
      600n * perMillion(input) + 400n * perMillion(cached) + 10n * perMillion(output);
    expect(at("gemini-3.5-flash-lite", "flex")).toMatchObject({ priced: "all", total: cost("0.15", "0.02", "1.25") });
    expect(at("gemini-3.5-flash-lite", "priority")).toMatchObject({
      priced: "all",
      total: cost("0.54", "0.05", "4.50"),
    });
    expect(at("gemini-2.5-flash", "FLEX")).toMatchObject({ priced: "all", total: cost("0.15", "0.03", "1.25") });
    for (const tier of ["priority", "batch", "unheard-of", "constructor", "__proto__"])
      expect(at("gemini-2.5-flash", tier)).toMatchObject({ priced: "guessed", total: cost("0.30", "0.03", "2.50") });
    for (const tier of ["standard", "STANDARD", "", "SERVICE_TIER_UNSPECIFIED"])
      expect(at("gemini-2.5-flash", tier).priced).toBe("all");
  });

  test("takes what was written to a cache out of the input, once, by how long it is kept", () => {
    const full = { ...row, cacheWrite: { "5m": "1.25", "1h": "2" } };
    const price = createPriceBook([full]).find("v", "m", november)!;
    const meter: Meter = {
      ...readGeminiUsage('{"promptTokenCount":100,"cachedContentTokenCount":30,"totalTokenCount":100}'),
      cacheWrite: { "5m": 20, "1h": 10 },
    };
    const bill = makeBill(meter, nothingCounted, nothingMore, price);
    expect(bill.lines.map(({ item, quantity, amount }) => [item, quantity, amount])).toEqual([
      ["input_text", 40, 40n * perMillion("1")],
      ["cached_text", 30, 30n * perMillion("0.1")],
      ["cache_write_5m", 20, 20n * perMillion("1.25")],
      ["cache_write_1h", 10, 10n * perMillion("2")],
    ]);
    expect(bill.priced).toBe("all");
    const other = makeBill({ ...meter, cacheWrite: { "12h": 5000 } }, nothingCounted, nothingMore, price);
    expect([other.priced, other.total]).toEqual(["guessed", 70n * perMillion("1") + 30n * perMillion("0.1")]);
  });

  test("prices an answer by what it is made of where the row does", () => {
    const full = { ...row, outputAudio: "12", outputImage: "30" };
    const price = createPriceBook([full]).find("v", "m", november)!;
    const usage = {
      candidatesTokenCount: 100,
      candidatesTokensDetails: [
        { modality: "IMAGE", tokenCount: 60 },
        { modality: "AUDIO", tokenCount: 30 },
      ],
    };
    expect(billOf(price, usage).total).toBe(60n * perMillion("30") + 30n * perMillion("12") + 10n * perMillion("2"));
  });

  test("keeps tool-use tokens on the receipt, at nothing, where a row says they are not billed", () => {
    const free = createPriceBook([{ ...row, billToolInput: false }]).find("v", "m", november)!;
    const { lines } = billOf(free, { promptTokenCount: 1, toolUsePromptTokenCount: 9 });
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
          const [fresh = 0, cachedOfKind = 0] = [split.fresh[kind], split.cached[kind]];
          expect(Math.min(fresh, cachedOfKind)).toBeGreaterThanOrEqual(0);
          expect(fresh + cachedOfKind).toBe(input[kind]!);
          fromCache += cachedOfKind;
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

  test("trap: price change rewrites history — what a receipt keeps is its own row, whole, whatever the book says now", () => {
    const before = priceAt("gemini-4-argon", "2026-11-30T23:59:59.999Z");
    const after = priceAt("gemini-4-argon", "2026-12-01");
    expect(after.id).not.toBe(before.id);
    expect(before.receipt).toMatchObject({ id: before.id, rates: { input: "2", cached: "0.10", output: "10" } });
    expect(billOf(before, { promptTokenCount: 1000 }).total).toBe(1000n * perMillion("2"));
    expect(billOf(after, { promptTokenCount: 1000 }).total).toBe(1000n * perMillion("4"));
  });

  test("trap: alias priced as the wrong model — a retired model's name is its successor's price, audio and searches too", () => {
    const usage = {
      promptTokenCount: 1000,
      promptTokensDetails: [{ modality: "AUDIO", tokenCount: 1000 }],
      cachedContentTokenCount: 400,
      candidatesTokenCount: 10,
    };
    const on = (model: string, day: string) => bill(model, usage, day, searched(2));
    expect(on("gemini-2.5-flash", "2026-12-01")).toBe(on("gemini-3.5-flash-lite", "2026-12-01"));
    expect(on("gemini-2.5-flash", "2026-11-30T23:59:59.999Z")).toBe(
      600n * perMillion("1") + 400n * perMillion("0.10") + 10n * perMillion("2.50") + 35_000_000_000n,
    );
  });

  test("trap: floats — every price of a row is a text, in the book and on the receipt", () => {
    const numbers = (value: unknown): unknown[] =>
      typeof value === "object" && value !== null
        ? Object.entries(value).flatMap(([name, inner]) => (name === "tokens" ? [] : numbers(inner)))
        : typeof value === "number"
          ? [value]
          : [];
    for (const price of book.list(undefined, november).concat(book.list(undefined, Date.parse("2027-01-01"))))
      expect(numbers([price.row, price.receipt])).toEqual([]);
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
    const key = (change: Partial<PriceRow>) =>
      createPriceBook([{ ...row, ...change }]).find("v", "m", november)!.receipt.key;
    expect(key({ source: "elsewhere" })).not.toBe(key({})); // it names the whole row, which receipts are kept with
    expect(key({ billToolInput: true })).toBe(key({}));
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
});
