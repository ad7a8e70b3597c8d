// Booking one call: what it costs, how sure that is, and that anybody can compute it again.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { LedgerEntry } from "../src/money/ledger.ts";
import { perMillion } from "../src/money/money.ts";
import { createPriceBook } from "../src/money/price.ts";
import { bookCall, type CallToBook, rederive } from "../src/money/receipt.ts";
import { estimateTokens, leastTokens } from "../src/money/tokens.ts";
import { geminiPrices } from "../src/providers/gemini/prices.ts";
import { readGeminiUsage } from "../src/providers/gemini/usage.ts";
import { rawUsage } from "./raw-usage.ts";
import { published, type RawUsage, recompute } from "./recompute.ts";

const prices = createPriceBook(geminiPrices);
const november = Date.parse("2026-11-23T12:00:00Z");
const flash = published.find((row) => row.model === "gemini-2.5-flash")!;
const input = perMillion("0.30");
const output = perMillion("2.50");

/** Text of about `words` tokens. */
const prose = (words: number) => "word ".repeat(words);

function book(change: Partial<CallToBook> & { usage?: RawUsage; text?: string; thought?: string }): LedgerEntry {
  const { usage, text = "", thought = "", ...rest } = change;
  const usageRaw = usage === undefined ? null : JSON.stringify(usage);
  return bookCall({
    attempt: 1,
    at: november,
    vendor: "gemini",
    modelRequested: "gemini-2.5-flash",
    modelServed: null,
    usageRaw,
    meter: usageRaw === null ? null : readGeminiUsage(usageRaw),
    prices,
    outcome: "finished",
    promptEstimate: 40,
    textEstimate: estimateTokens(text),
    thoughtEstimate: estimateTokens(thought),
    errorCode: null,
    ...rest,
  });
}

const sumOf = (entry: LedgerEntry) => entry.lines.reduce((sum, line) => sum + line.amount, 0n);
const tokensOf = (entry: LedgerEntry) =>
  entry.lines.filter((line) => line.unit === "token").reduce((sum, line) => sum + line.quantity, 0);

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
    const { grounding: _grounding, ...bare } = geminiPrices.find((row) => row.model === "gemini-2.5-flash")!;
    const usage = {
      promptTokenCount: 1,
      totalTokenCount: 1,
      _grounding: { searchPrompts: 1, searchQueries: 1, mapsPrompts: 0 },
    };
    const entry = book({ prices: createPriceBook([bare]), usage });
    expect([entry.total, entry.accuracy]).toEqual([null, "unknown"]);
  });

  test("the receipt says when the vendor's counts do not add up, and bills them all the same", () => {
    const entry = book({ usage: { promptTokenCount: 100, candidatesTokenCount: 5, totalTokenCount: 999 } });
    expect([entry.balanced, entry.accuracy, entry.total]).toEqual([false, "exact", 100n * input + 5n * output]);
    expect(book({ usage: { promptTokenCount: 100, totalTokenCount: 100 } }).balanced).toBe(true);
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

  test("a numbered version of a model costs what the model does", () => {
    const entry = book({ usage, modelServed: "gemini-2.5-flash-001" });
    expect([entry.total, entry.accuracy]).toEqual([1000n * input, "exact"]);
  });

  test("an unknown model that served is priced as the one requested, and never called exact", () => {
    const entry = book({ usage, modelServed: "gemini-9-oganesson" });
    expect([entry.total, entry.accuracy]).toEqual([1000n * input, "estimated"]);
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

  test("trap: price change rewrites history — a receipt is re-derived from itself, without a price book", () => {
    const outcome = fc.constantFrom("finished" as const, "broken" as const);
    fc.assert(
      fc.property(
        rawUsage,
        fc.constantFrom(...published),
        outcome,
        fc.string({ maxLength: 2000 }),
        (usage, row, how, text) => {
          const made = book({ usage, modelRequested: row.model, at: Date.parse(row.from), outcome: how, text });
          const entry = { ...made, price: JSON.parse(JSON.stringify(made.price)) };
          expect(sumOf(entry)).toBe(entry.total!);
          expect(tokensOf(entry)).toBe(entry.usage!.totalTokens);
          const again = rederive(entry, readGeminiUsage);
          if (entry.accuracy === "estimated") return expect(again).toBeNull();
          expect(again).toBe(entry.total);
          if (how === "finished") expect(again).toBe(recompute(row, usage));
        },
      ),
      { numRuns: 3000 },
    );
  });

  test("what was estimated or never priced is not re-derived into a number", () => {
    expect(rederive(book({ text: "hello" }), readGeminiUsage)).toBeNull();
    expect(
      rederive(book({ usage: { promptTokenCount: 5 }, modelRequested: "unheard-of" }), readGeminiUsage),
    ).toBeNull();
    expect(rederive(book({ outcome: "refused" }), readGeminiUsage)).toBeNull();
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
