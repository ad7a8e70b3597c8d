// Booking one call: what it costs, how sure that is, and that anybody can compute it again.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { perMillion } from "../src/money/money.ts";
import { createPriceBook } from "../src/money/price.ts";
import { estimateTokens, leastTokens } from "../src/money/tokens.ts";
import { geminiPrices } from "../src/providers/gemini/prices.ts";
import { book, input, output, prose, receiptOf, sumOf, tokensOf } from "./book-call.ts";
import { rawCounted, rawUsage } from "./raw-usage.ts";
import { published, type RawUsage, recompute, recomputeReceipt } from "./recompute.ts";

const flash = published.find((row) => row.model === "gemini-2.5-flash")!;

describe("accuracy", () => {
  test("exact: a finished call costs what its final usage says, whatever text arrived", () => {
    const entry = book({
      usage: { promptTokenCount: 100, candidatesTokenCount: 5, totalTokenCount: 105 },
      text: prose(900),
    });
    expect(entry.total).toBe(100n * input + 5n * output);
    expect(entry.accuracy).toBe("exact");
    expect(entry.usage?.totalTokens).toBe(105);
  });

  test("partial: a broken call costs at least its last totals, and never less than the text must have", () => {
    const usage = { promptTokenCount: 100, candidatesTokenCount: 5, totalTokenCount: 105 };
    const entry = book({ usage, outcome: "broken", text: prose(900), thought: prose(90) });
    expect(entry.accuracy).toBe("partial");
    const raised = entry.lines.find((line) => line.item === "output_unreported")!;
    expect(raised.quantity).toBe(leastTokens(estimateTokens(prose(900))) - 5 + estimateTokens(prose(90)));
    expect(entry.total).toBe(100n * input + 5n * output + BigInt(raised.quantity) * output);
    expect(entry.usage?.totalTokens).toBe(105 + raised.quantity);
    expect(entry.usage?.inputTokens).toBe(100);
  });

  test("partial: an answer the vendor had not counted yet is counted from its text", () => {
    const entry = book({ usage: { promptTokenCount: 100, totalTokenCount: 100 }, outcome: "broken", text: prose(90) });
    expect(entry.total).toBe(100n * input + BigInt(estimateTokens(prose(90))) * output);
    expect(entry.accuracy).toBe("partial");
  });

  test("estimated: without usage the prompt's and the text's estimates are billed, and say so", () => {
    for (const outcome of ["finished", "broken"] as const) {
      const entry = book({ outcome, text: prose(30), thought: prose(9) });
      const expected = 40n * input + BigInt(estimateTokens(prose(30)) + estimateTokens(prose(9))) * output;
      expect([entry.total, entry.accuracy]).toEqual([expected, "estimated"]);
      expect(entry.usageRaw).toBeNull();
    }
  });

  test("estimated: usage without any count is no usage", () => {
    const entry = book({ usage: {}, outcome: "broken", text: prose(30) });
    expect(entry.total).toBe(40n * input + BigInt(estimateTokens(prose(30))) * output);
    expect(entry.accuracy).toBe("estimated");
  });

  test("estimated: a call that was sent and never answered is its prompt, not zero", () => {
    const entry = book({ outcome: "broken", errorCode: "provider_timeout" });
    expect([entry.total, entry.accuracy, entry.errorCode]).toEqual([40n * input, "estimated", "provider_timeout"]);
  });

  test("exact zero: a call the vendor refused costs nothing, whether or not its model has a price", () => {
    for (const modelRequested of ["gemini-2.5-flash", "unheard-of"]) {
      const entry = book({ outcome: "refused", modelRequested, errorCode: "provider_rate_limited" });
      expect([entry.total, entry.accuracy, entry.lines, entry.usage]).toEqual([0n, "exact", [], null]);
    }
  });

  test("unknown: without a price in force the cost is null and the counts are kept", () => {
    for (const change of [{ modelRequested: "unheard-of" }, { at: 0 }, { vendor: "other" }]) {
      const entry = book({ ...change, usage: { promptTokenCount: 100, totalTokenCount: 100 } });
      expect([entry.total, entry.accuracy, entry.lines, entry.price]).toEqual([null, "unknown", [], null]);
      expect(entry.usage?.inputTokens).toBe(100);
    }
  });

  test("unknown: a search the price row knows no price for leaves no honest total", () => {
    const { search: _search, ...bare } = geminiPrices.find((row) => row.model === "gemini-2.5-flash")!;
    const usage = { promptTokenCount: 1, totalTokenCount: 1 };
    const counted = { search: { prompts: 1, queries: 1 }, maps: { prompts: 0 } };
    const entry = book({ prices: createPriceBook([bare]), usage, counted });
    expect([entry.total, entry.accuracy]).toEqual([null, "unknown"]);
    expect(book({ usage, counted }).total).toBe(input + perMillion("35000"));
  });

  test("estimated: a service tier without a price, and a search that nothing counts", () => {
    const usage = { promptTokenCount: 100, totalTokenCount: 100 };
    const priority = book({ usage: { ...usage, serviceTier: "priority" } });
    expect([priority.total, priority.accuracy]).toEqual([100n * input, "estimated"]);
    expect(book({ usage: { ...usage, serviceTier: "flex" } }).accuracy).toBe("exact");
    const counted = { search: { prompts: 1, queries: 0 }, maps: { prompts: 0 } };
    const sources = book({ usage, counted, modelRequested: "gemini-3.8-flash" });
    expect([sources.total, sources.accuracy]).toEqual([100n * perMillion("0.75"), "estimated"]);
    expect(sources.lines.map(({ item }) => item)).toEqual(["input_text"]);
  });
});

describe("which price", () => {
  const usage = { promptTokenCount: 1000, totalTokenCount: 1000 };

  test("trap: alias priced as the wrong model — the model that served decides, and both names are kept", () => {
    const entry = book({ usage, modelRequested: "gemini-3.5-flash", modelServed: "gemini-3.6-flash" });
    expect(entry.total).toBe(1000n * perMillion("0.75"));
    expect([entry.modelRequested, entry.modelServed]).toEqual(["gemini-3.5-flash", "gemini-3.6-flash"]);
    expect(entry.accuracy).toBe("exact");
  });

  test("trap: an unknown model that served is not the one requested: no total, and the counts are kept", () => {
    const entry = book({ usage, modelServed: "gemini-9-oganesson" });
    expect([entry.total, entry.accuracy, entry.price, entry.lines]).toEqual([null, "unknown", null, []]);
    expect(entry.usage?.inputTokens).toBe(1000);
    const known = book({ usage, modelRequested: "gemini-flash-latest", modelServed: "gemini-3.8-flash" });
    expect([known.total, known.accuracy]).toEqual([1000n * perMillion("0.75"), "exact"]);
  });

  test("is the one in force when the call was made", () => {
    const at = (when: string) => book({ usage, modelRequested: "gemini-3.7-flash", at: Date.parse(when) }).total;
    expect(at("2026-12-31T23:59:59.999Z")).toBe(1000n * perMillion("0.75"));
    expect(at("2027-01-01T00:00:00Z")).toBe(1000n * perMillion("1.50"));
  });
});

describe("traps", () => {
  test("trap: aborted streams at 0 or x1.15 — counts that cover the text are billed as they are", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 9 }), (words, perToken) => {
        const text = prose(words);
        const counted = Math.ceil(text.length / perToken); // any tokenizer with up to 9 characters to a token
        const usage = { promptTokenCount: 10, candidatesTokenCount: counted, totalTokenCount: 10 + counted };
        const entry = book({ usage, outcome: "broken", text });
        expect(entry.accuracy).toBe("partial");
        expect(entry.total).toBe(10n * input + BigInt(counted) * output);
      }),
      { numRuns: 500 },
    );
  });

  test("trap: a broken call is never cheaper than its usage, nor free", () => {
    fc.assert(
      fc.property(rawUsage, fc.string({ maxLength: 3000 }), fc.string({ maxLength: 300 }), (usage, text, thought) => {
        const entry = book({ usage, outcome: "broken", text, thought });
        expect(entry.total! >= recompute(flash, usage)).toBe(true);
        expect(entry.total! > 0n).toBe(true);
        expect(entry.accuracy).not.toBe("exact");
      }),
      { numRuns: 1000 },
    );
  });

  test("trap: price change rewrites history — a receipt is computed again from itself, in another way, without a price book", () => {
    const outcome = fc.constantFrom("finished" as const, "broken" as const);
    const lost = fc.constantFrom(...[[], ["candidatesTokenCount"], ["totalTokenCount"]], [
      "promptTokenCount",
      "promptTokensDetails",
      "cachedContentTokenCount",
      "cacheTokensDetails",
    ]);
    fc.assert(
      fc.property(
        ...([
          rawUsage,
          rawCounted,
          fc.constantFrom(...published),
          outcome,
          lost,
          fc.string({ maxLength: 2000 }),
        ] as const),
        (given, counted, row, how, missing, text) => {
          const usage: RawUsage = Object.fromEntries(
            Object.entries(given).filter(([name]) => !(missing as string[]).includes(name)),
          );
          fc.pre(Object.values(usage).some((value) => typeof value === "number" && value > 0)); // else it is an estimate
          const entry = book({
            usage,
            counted,
            modelRequested: row.model,
            at: Date.parse(row.from),
            outcome: how,
            text,
          });
          expect(sumOf(entry)).toBe(entry.total!);
          expect(tokensOf(entry)).toBe(entry.usage!.totalTokens);
          expect(recomputeReceipt(receiptOf(entry))).toBe(entry.total!);
          if (entry.accuracy === "exact") expect(entry.total).toBe(recompute(row, usage, counted));
        },
      ),
      { numRuns: 3000 },
    );
  });

  test("a hundred-line script is enough: price row and usage of a receipt, as JSON, give its total", () => {
    const usage = {
      promptTokenCount: 700,
      cachedContentTokenCount: 200,
      candidatesTokenCount: 30,
      thoughtsTokenCount: 20,
      toolUsePromptTokenCount: 9,
      totalTokenCount: 759,
    };
    const entry = book({ usage, modelRequested: "gemini-3.8-flash" });
    const { rates } = JSON.parse(JSON.stringify(entry.price));
    const raw = JSON.parse(entry.usageRaw!);
    const pico = (usd: string) => BigInt(Math.round(Number(usd) * 1e6)); // six decimals: a script may do it like this
    const fresh =
      raw.promptTokenCount - raw.cachedContentTokenCount + (rates.bill_tool_input ? raw.toolUsePromptTokenCount : 0);
    const answer = raw.candidatesTokenCount + raw.thoughtsTokenCount;
    const total =
      BigInt(fresh) * pico(rates.input) +
      BigInt(raw.cachedContentTokenCount) * pico(rates.cached) +
      BigInt(answer) * pico(rates.output);
    expect(total).toBe(entry.total!);
  });
});
