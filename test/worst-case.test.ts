// The worst case of a call is above every bill that the call can become, and no higher than the dearest of them.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { makeBill } from "../src/money/bill.ts";
import { type Ask, grantWithin, neededFor } from "../src/money/budget.ts";
import { createPriceBook, type Price, type PriceRow } from "../src/money/price.ts";
import { type ByModality, type Meter, modalities, nothingCounted } from "../src/money/usage.ts";
import { billedCalls, findWorstCall, tokensWithin, worstCost } from "../src/money/worst-case.ts";
import { geminiPrices } from "../src/providers/gemini/prices.ts";

const usd = fc.integer({ min: 0, max: 30_000_000 }).map((micro) => (micro / 1e6).toFixed(6));
const tokenPrices = {
  input: usd,
  inputAudio: usd,
  cached: usd,
  cachedAudio: usd,
  output: usd,
  outputAudio: usd,
  outputImage: usd,
};
const written = { cacheWrite: fc.record({ "5m": usd, "1h": usd }) };
const search = fc.record({
  per: fc.constantFrom("prompt" as const, "query" as const),
  price: fc.constantFrom("35", "14"),
});
const priceRow: fc.Arbitrary<PriceRow> = fc.record({
  ...{ vendor: fc.constant("v"), model: fc.constant("m"), effectiveFrom: fc.constant("2026-01-01") },
  ...{ source: fc.constant("a test"), readOn: fc.constant("2026-11-27"), ...tokenPrices, ...written },
  above: fc.record({ tokens: fc.integer({ min: 1, max: 20_000 }), ...tokenPrices, ...written }),
  ...{ billToolInput: fc.boolean(), search, maps: search },
});
const priceOf = (row: PriceRow): Price => createPriceBook([row]).find("v", "m", Date.parse("2026-11-27"))!;
const tokens = fc.integer({ min: 0, max: 10_000 });
const byModality: fc.Arbitrary<ByModality> = fc.record({
  text: tokens,
  audio: tokens,
  image: tokens,
  video: tokens,
  document: tokens,
});

/** Some way to use what was planned, or less of it. */
const use = fc.record({
  ...{ share: fc.double({ min: 0, max: 1, noNaN: true }), cached: byModality, write5m: tokens, write1h: tokens },
  ...{ kind: fc.constantFrom(...modalities), thinks: fc.double({ min: 0, max: 1, noNaN: true }) },
});

function meterOf(
  planned: ByModality,
  tool: number,
  most: number,
  { share, cached, ...how }: typeof use extends fc.Arbitrary<infer T> ? T : never,
): Meter {
  const input = Object.fromEntries(modalities.map((kind) => [kind, Math.floor((planned[kind] ?? 0) * share)]));
  const thinking = Math.floor(most * how.thinks);
  return {
    ...{ input, cached, cacheWrite: { "5m": how.write5m, "1h": how.write1h }, tool: { text: tool } },
    ...{ output: { [how.kind]: most - thinking }, thinking, total: null, balanced: true, serviceTier: "standard" },
  };
}

describe("the worst case of a call", () => {
  test("no bill is above it: whatever was cached or written, at any of the prices, of any kind of answer", () => {
    fc.assert(
      fc.property(
        ...([fc.array(priceRow, { minLength: 1, maxLength: 3 }), byModality, tokens, tokens] as const),
        ...([use, fc.nat({ max: 5 }), fc.nat(), fc.integer({ min: 1, max: 5 })] as const),
        (rows, input, toolTokens, most, how, queries, which, calls) => {
          const prices = rows.map(priceOf);
          const searches = { search: { prompts: queries > 0 ? 1 : 0, queries }, maps: { prompts: queries % 2 } };
          const worst = worstCost(findWorstCall(prices, { input, toolTokens, searches }), most, calls);
          const meter = meterOf(input, toolTokens, most, how);
          const { total } = makeBill(meter, searches, { input: 0, output: 0 }, prices[which % prices.length]!);
          expect(total * BigInt(calls)).toBeLessThanOrEqual(worst);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("some bill reaches it: a text read anew, from a cache or into one, with the dearest kind of answer", () => {
    fc.assert(
      fc.property(priceRow, tokens, tokens, (row, text, most) => {
        const price = priceOf(row);
        const none = {
          cached: {},
          cacheWrite: {},
          tool: {},
          thinking: 0,
          total: null,
          balanced: true,
          serviceTier: "standard",
        };
        const ways = [{}, { cached: { text } }, { cacheWrite: { "5m": text } }, { cacheWrite: { "1h": text } }];
        // Where the vendor's count may be above the step of the price, one below it and one above it count.
        const step = row.above!.tokens;
        const prompts = text * 1.5 > step ? [Math.min(text, step), step + 1] : [text];
        const cost = (prompt: number, way: object, kind: string) => {
          const scaled = JSON.parse(JSON.stringify(way), (_, value) => (value === text ? prompt : value));
          const meter = { ...none, ...scaled, input: { text: prompt }, output: { [kind]: most } } as Meter;
          return makeBill(meter, nothingCounted, { input: 0, output: 0 }, price).lines;
        };
        // The prompt's dearest way and the answer's dearest kind, each by itself; counts above the step only choose the price.
        const highest = (amounts: bigint[]) => amounts.reduce((most, one) => (one > most ? one : most), 0n);
        const prompt = highest(
          prompts.flatMap((of) =>
            ways.map((way) => {
              const [line] = cost(of, way, "text");
              return line === undefined || line.item.startsWith("output") ? 0n : line.unitPrice * BigInt(text);
            }),
          ),
        );
        const answer = highest(
          prompts.flatMap((of) =>
            modalities
              .map((kind) => cost(of, {}, kind).at(-1)!)
              .flatMap((line) => (line?.item.startsWith("output") ? [line.amount] : [])),
          ),
        );
        expect(worstCost(findWorstCall([price], { input: { text } }), most, 1)).toBe(prompt + answer);
      }),
      { numRuns: 300 },
    );
  });

  test("by hand: 1,000 tokens to 2.5 Flash with an answer of 2,000 are at most 0.0053 USD a call", () => {
    const price = createPriceBook(geminiPrices).find("gemini", "gemini-2.5-flash", Date.parse("2026-11-23"))!;
    const call = findWorstCall([price], { input: { text: 1_000 } });
    expect(call).toEqual({ promptPico: 300_000_000n, tokenPico: 2_500_000n });
    expect(worstCost(call, 2_000, 1)).toBe(5_300_000_000n);
    expect(worstCost(call, 2_000, 2)).toBe(10_600_000_000n);
  });

  test("a prompt that may be counted above the step of the price is held at the price above it", () => {
    const pro = createPriceBook(geminiPrices).find("gemini", "gemini-2.5-pro", Date.parse("2026-11-23"))!;
    const dearer = (text: number) => findWorstCall([pro], { input: { text } }).tokenPico === 15_000_000n;
    expect([133_333, 133_334, 200_001].map(dearer)).toEqual([false, true, true]);
  });

  test("of several prices that may hold when it is made, the dearest of each kind is taken", () => {
    const book = createPriceBook(geminiPrices);
    const at = (day: string) => book.find("gemini", "gemini-3.6-flash", Date.parse(day))!;
    const both = findWorstCall([at("2026-12-31"), at("2027-01-01")], { input: { text: 10 } });
    expect(both).toEqual(findWorstCall([at("2027-01-01")], { input: { text: 10 } }));
  });

  test("what has no price has no worst case", () => {
    expect(() => findWorstCall([], { input: { text: 1 } })).toThrow(RangeError);
  });
});

describe("what a budget can grant", () => {
  const amount = fc.bigInt({ min: 0n, max: 10n ** 14n });
  const call = fc.record({
    promptPico: fc.bigInt({ min: 0n, max: 10n ** 10n }),
    tokenPico: fc.bigInt({ min: 0n, max: 30_000_000n }),
  });
  const asked = fc.record({ tokens: fc.integer({ min: 1, max: 65_536 }), least: fc.integer({ min: 1, max: 256 }) });

  test("is never more than is left, the most of that, and nothing where what is needed is not there", () => {
    fc.assert(
      fc.property(call, asked, amount, (worst, { tokens: most, least }, left) => {
        const ask: Ask = { model: "m", call: worst, tokens: most, leastTokens: Math.min(most, least) };
        const granted = grantWithin(worst, ask, left);
        const cost = (answer: number, calls: number) =>
          BigInt(calls) * (worst.promptPico + BigInt(answer) * worst.tokenPico);
        if (!granted) {
          expect(neededFor(worst, ask)).toBe(cost(ask.leastTokens, 1));
          expect(cost(ask.leastTokens, 1)).toBeGreaterThan(left);
          return;
        }
        expect(granted.pico).toBe(cost(granted.tokens, granted.calls));
        expect(granted.pico).toBeLessThanOrEqual(left);
        expect(granted.tokens).toBeGreaterThanOrEqual(ask.leastTokens);
        if (granted.tokens < most) expect(cost(granted.tokens + 1, 1)).toBeGreaterThan(left);
        else if (granted.calls < billedCalls) expect(cost(most, granted.calls + 1)).toBeGreaterThan(left);
      }),
      { numRuns: 1_000 },
    );
  });

  test("a model that costs nothing is granted all it gives, whatever is left", () => {
    const free = { promptPico: 0n, tokenPico: 0n };
    expect(tokensWithin(free, 0n)).toBeGreaterThan(1_000_000);
    expect(grantWithin(free, { model: "m", call: free, tokens: 8_192, leastTokens: 256 }, 0n)).toEqual({
      ...{ tokens: 8_192, calls: billedCalls, pico: 0n },
    });
    expect(tokensWithin({ promptPico: 1n, tokenPico: 1n }, 0n)).toBe(-1);
  });
});
