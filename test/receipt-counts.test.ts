// Booking counts that do not fit each other or the answer: raised to what must have been used, never exact, never beyond 64 bits.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { perMillion } from "../src/money/money.ts";
import { createPriceBook } from "../src/money/price.ts";
import { estimateTokens } from "../src/money/tokens.ts";
import { type Meter, mostTokens } from "../src/money/usage.ts";
import { geminiPrices } from "../src/providers/gemini/prices.ts";
import { book, input, output, sumOf } from "./book-call.ts";
import { rawCounted } from "./raw-usage.ts";
import type { RawUsage } from "./recompute.ts";

describe("counts that do not fit", () => {
  const text = "x".repeat(4200);
  const whole = estimateTokens(text);

  test("an answer whose count is missing costs what its text must have, and is never exact", () => {
    for (const usage of [
      { promptTokenCount: 100, totalTokenCount: 100 },
      { promptTokenCount: 100, thoughtsTokenCount: 30, totalTokenCount: 130 },
      { promptTokenCount: 100 },
    ]) {
      const entry = book({ usage, text });
      const thinking = BigInt(usage.thoughtsTokenCount ?? 0);
      expect(entry.total).toBe(100n * input + (BigInt(whole) + thinking) * output);
      expect([entry.accuracy, entry.usage?.outputTokens]).toEqual(["partial", whole]);
    }
  });

  test("an answer of thoughts alone whose count is missing costs them", () => {
    const entry = book({ usage: { promptTokenCount: 100, totalTokenCount: 100 }, thought: text });
    expect([entry.total, entry.accuracy]).toEqual([100n * input + BigInt(whole) * output, "partial"]);
  });

  test("a total above its parts is billed: as the answer, or as the prompt where that is what is missing", () => {
    const over = book({ usage: { promptTokenCount: 100, candidatesTokenCount: 5, totalTokenCount: 999 } });
    expect([over.balanced, over.accuracy, over.total]).toEqual([false, "partial", 100n * input + 899n * output]);
    expect(over.lines.map(({ item, quantity }) => [item, quantity])).toEqual([
      ["input_text", 100],
      ["output_text", 5],
      ["output_unreported", 894],
    ]);
    const answer = book({ usage: { promptTokenCount: 100, totalTokenCount: 1600 }, text });
    expect([answer.accuracy, answer.total]).toEqual(["partial", 100n * input + 1500n * output]);
    const prompt = book({ usage: { candidatesTokenCount: 5, totalTokenCount: 999 }, text: "hello" });
    expect([prompt.accuracy, prompt.total]).toEqual(["partial", 994n * input + 5n * output]);
    const both = book({ usage: { totalTokenCount: 999 }, text: "hello" });
    expect([both.accuracy, both.total]).toEqual(["partial", 40n * input + 959n * output]);
  });

  test("a call without a prompt's count had a prompt all the same", () => {
    const entry = book({ usage: { candidatesTokenCount: 5, totalTokenCount: 5 }, text: "hello" });
    expect([entry.accuracy, entry.total]).toEqual(["partial", 40n * input + 5n * output]);
    expect(entry.usage).toMatchObject({ inputTokens: 40, outputTokens: 5, totalTokens: 45 });
  });

  test("a total below its parts, none at all, and more cached than prompt, are billed by the parts and not exact", () => {
    for (const totalTokenCount of [50, undefined]) {
      const entry = book({ usage: { promptTokenCount: 100, candidatesTokenCount: 5, totalTokenCount } as RawUsage });
      expect([entry.balanced, entry.accuracy, entry.total]).toEqual([false, "partial", 100n * input + 5n * output]);
    }
    const cached = {
      promptTokenCount: 100,
      cachedContentTokenCount: 101,
      candidatesTokenCount: 5,
      totalTokenCount: 105,
    };
    const entry = book({ usage: cached });
    expect([entry.balanced, entry.accuracy, entry.total]).toEqual([
      false,
      "partial",
      100n * perMillion("0.03") + 5n * output,
    ]);
  });

  test("that no vendor means are not believed: the text and our estimate of the prompt are billed instead", () => {
    for (const count of ["9007199254740991", "1e300", "-5", "1.5", '"12"', "true", "[]", "{}", `${mostTokens + 1}`]) {
      const raw = `{"promptTokenCount":${count},"candidatesTokenCount":${count},"totalTokenCount":${count}}`;
      const entry = book({ raw, text });
      expect([count, entry.balanced, entry.accuracy]).toEqual([count, false, "estimated"]);
      expect(entry.total).toBe(40n * input + BigInt(whole) * output);
      const answer = book({
        raw: `{"promptTokenCount":100,"candidatesTokenCount":${count},"totalTokenCount":100}`,
        text,
      });
      expect([count, answer.balanced, answer.accuracy]).toEqual([count, false, "partial"]);
      expect(answer.total).toBe(100n * input + BigInt(whole) * output);
    }
  });

  test("of a usage that is nested beyond all reading, or is no object, are none", () => {
    const deep = `${"[".repeat(8_000)}${"]".repeat(8_000)}`;
    for (const raw of [`{"promptTokenCount":${deep}}`, deep, '"a text"', "7", "{", "null"]) {
      const entry = book({ raw, text });
      expect([entry.balanced, entry.accuracy]).toEqual([false, "estimated"]);
    }
  });

  test("any usage at all, at any price, is booked: nothing throws, all of it fits 64 bits, and what does not fit is not exact", () => {
    const number = fc.oneof(
      fc.nat(mostTokens),
      fc.constantFrom(mostTokens, mostTokens + 1, Number.MAX_SAFE_INTEGER, 1e300, -1, 1.5, -0, 4e13),
    );
    const value = fc.oneof({ weight: 4, arbitrary: number }, fc.jsonValue());
    const details = fc.array(fc.record({ modality: fc.constantFrom("TEXT", "AUDIO", "X"), tokenCount: value }));
    const names = ["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount"];
    const counters = [...names, "cachedContentTokenCount", "totalTokenCount"].map((name) => [name, value] as const);
    const usage = fc.record(
      {
        ...Object.fromEntries(counters),
        promptTokensDetails: fc.oneof(details, fc.jsonValue()),
        cacheTokensDetails: fc.oneof(details, fc.jsonValue()),
        candidatesTokensDetails: fc.oneof(details, fc.jsonValue()),
        serviceTier: fc.oneof(fc.constantFrom("flex", "toString", ""), fc.jsonValue()),
      },
      { requiredKeys: [] },
    );
    const raws = fc.oneof(
      { weight: 5, arbitrary: usage.map((object) => JSON.stringify(object)) },
      fc.json(),
      fc.string(),
    );
    const dearest = { input: "99999.999999", cached: "99999.999999", output: "99999.999999" };
    const dear = createPriceBook([
      { ...geminiPrices[0]!, ...dearest, inputAudio: "99999", cachedAudio: "99999", tier: {} },
    ]);
    const outcome = fc.constantFrom("finished" as const, "broken" as const);
    const most = 2n ** 63n - 1n;
    fc.assert(
      fc.property(raws, outcome, fc.string(), rawCounted, (raw, how, words, counted) => {
        const entry = book({ raw, outcome: how, text: words, counted, prices: dear });
        expect(entry.total! >= 0n && entry.total! <= most).toBe(true);
        expect(sumOf(entry)).toBe(entry.total!);
        for (const count of Object.values(entry.usage!)) expect(Number.isSafeInteger(count) && count >= 0).toBe(true);
        for (const line of entry.lines) expect(line.amount >= 0n && line.amount <= most).toBe(true);
        if (!entry.balanced || how === "broken") expect(entry.accuracy).not.toBe("exact");
      }),
      { numRuns: 5000 },
    );
    const greatest: Meter = {
      ...{ input: { text: mostTokens }, cached: {}, tool: { text: mostTokens }, output: { text: mostTokens } },
      ...{ thinking: mostTokens, total: mostTokens, balanced: false, serviceTier: "standard" },
    };
    const counted = { search: { prompts: 1, queries: 1000 }, maps: { prompts: 1 } };
    expect(book({ meter: greatest, counted, prices: dear }).total! <= most).toBe(true);
  });
});
