// The vendor's usage becomes a meter by the stated rules, and nothing it sends can break or inflate it.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { type ByModality, modalities, mostTokens, sumModalities, usageOf } from "../src/money/usage.ts";
import { readGeminiUsage } from "../src/providers/gemini/usage.ts";

const read = (usage: unknown) => readGeminiUsage(JSON.stringify(usage));

test("cached stays inside the prompt, thoughts outside the answer, tool use outside the prompt", () => {
  const meter = read({
    promptTokenCount: 3000,
    cachedContentTokenCount: 2048,
    candidatesTokenCount: 40,
    thoughtsTokenCount: 60,
    toolUsePromptTokenCount: 90,
    totalTokenCount: 3190,
    promptTokensDetails: [
      { modality: "TEXT", tokenCount: 2900 },
      { modality: "AUDIO", tokenCount: 100 },
    ],
    cacheTokensDetails: [{ modality: "TEXT", tokenCount: 2048 }],
    serviceTier: "flex",
  });
  expect(meter).toEqual({
    input: { text: 2900, audio: 100 },
    cached: { text: 2048 },
    tool: { text: 90 },
    output: { text: 40 },
    thinking: 60,
    total: 3190,
    balanced: true,
    serviceTier: "flex",
  });
  expect(usageOf(meter)).toMatchObject({ inputTokens: 3000, cachedTokens: 2048, outputTokens: 40, totalTokens: 3190 });
});

test("a total that does not add up is told, not hidden", () => {
  expect(read({ promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 16 }).balanced).toBe(false);
  expect(read({ promptTokenCount: 10 })).toMatchObject({ total: null, balanced: false });
  expect(read({})).toMatchObject({ total: null, balanced: true });
});

test("the counter wins over its details: what they lack is text, what they have too much is cut", () => {
  const details = [
    { modality: "TEXT", tokenCount: 1 },
    { modality: "IMAGE", tokenCount: 258 },
  ];
  expect(read({ promptTokenCount: 300, promptTokensDetails: details }).input).toEqual({ image: 258, text: 42 });
  expect(read({ promptTokenCount: 100, promptTokensDetails: details }).input).toEqual({ image: 100 });
  expect(read({ promptTokensDetails: details }).input).toEqual({});
});

test("cached tokens that fit no modality of the prompt move to one that has room, and never exceed it", () => {
  const prompt = { promptTokenCount: 100, promptTokensDetails: [{ modality: "AUDIO", tokenCount: 80 }] };
  expect(read({ ...prompt, cachedContentTokenCount: 50 }).cached).toEqual({ text: 20, audio: 30 });
  expect(read({ ...prompt, cachedContentTokenCount: 500 }).cached).toEqual({ text: 20, audio: 80 });
});

test("what no vendor means is not believed, and the meter is not balanced", () => {
  for (const count of [-1, 1.5, 1e300, Number.MAX_SAFE_INTEGER, mostTokens + 1, "12", true, [], {}]) {
    const meter = read({ promptTokenCount: count, candidatesTokenCount: 5, totalTokenCount: 5 });
    expect([count, meter.balanced, meter.input, meter.output]).toEqual([count, false, {}, { text: 5 }]);
    expect(read({ promptTokenCount: 5, totalTokenCount: 5, cachedContentTokenCount: count }).balanced).toBe(false);
    expect(read({ promptTokenCount: 5, totalTokenCount: count })).toMatchObject({ total: null, balanced: false });
  }
  expect(read({ promptTokenCount: mostTokens, totalTokenCount: mostTokens }).balanced).toBe(true);
  expect(read({ promptTokenCount: 5, totalTokenCount: 5, candidatesTokenCount: null }).balanced).toBe(true);
  expect(read({ promptTokenCount: 5, totalTokenCount: 5, cachedContentTokenCount: 6 })).toMatchObject({
    cached: { text: 5 },
    balanced: false,
  });
});

test("what cannot be read at all is no counts, and not balanced", () => {
  const deep = `${"[".repeat(8_000)}${"]".repeat(8_000)}`;
  for (const text of ["", "{", "null", "[]", "7", '"x"', deep, `{"promptTokenCount":${deep}}`]) {
    const meter = readGeminiUsage(text);
    expect([text.slice(0, 9), meter.balanced, usageOf(meter).totalTokens]).toEqual([text.slice(0, 9), false, 0]);
  }
});

test("a tier of service is kept by its name, the standard one under whichever it has", () => {
  const tier = (serviceTier: unknown) => read({ serviceTier }).serviceTier;
  expect(["PRIORITY", "new-tier", "standard", undefined, 7].map(tier)).toEqual([
    "priority",
    "new-tier",
    "standard",
    "standard",
    "standard",
  ]);
  expect(tier("SERVICE_TIER_UNSPECIFIED")).toBe("standard");
  expect(tier("x".repeat(1_000_000))).toHaveLength(32);
});

const names = ["TEXT", "AUDIO", "IMAGE", "VIDEO", "DOCUMENT"];
const count = fc.oneof(fc.nat(2_000_000), fc.constant(undefined));
const garbage = fc.constantFrom(-1, 1.5, "12", Number.MAX_VALUE, true, [], {});
const details = fc.option(
  fc.array(fc.record({ modality: fc.constantFrom(...names), tokenCount: fc.oneof(count, garbage) }), { maxLength: 6 }),
  { nil: undefined },
);
const usageObject = fc.record({
  promptTokenCount: fc.oneof(count, garbage),
  cachedContentTokenCount: fc.oneof(count, garbage),
  candidatesTokenCount: fc.oneof(count, garbage),
  thoughtsTokenCount: fc.oneof(count, garbage),
  toolUsePromptTokenCount: fc.oneof(count, garbage),
  totalTokenCount: fc.oneof(count, garbage),
  promptTokensDetails: fc.oneof(details, garbage),
  cacheTokensDetails: fc.oneof(details, garbage),
  candidatesTokensDetails: fc.oneof(details, garbage),
});

/** The rule once more, from the other end: tokens one by one, taken by the modalities that claim them. */
function recount(counter: unknown, detail: unknown): ByModality {
  const valid = (value: unknown) => (Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : 0);
  const claims = new Map<string, number>();
  for (const { modality, tokenCount } of Array.isArray(detail) ? detail : [])
    claims.set(modality, (claims.get(modality) ?? 0) + valid(tokenCount));
  const result: ByModality = {};
  let free = valid(counter);
  for (const modality of modalities.slice(1)) {
    const claimed = claims.get(modality.toUpperCase()) ?? 0;
    const taken = Math.min(claimed, free);
    if (taken) result[modality] = taken;
    free -= taken;
  }
  return free ? { ...result, text: free } : result;
}

test("for any usage the counts equal an independent recount, and no cached count exceeds its input", () => {
  fc.assert(
    fc.property(usageObject, (usage) => {
      const meter = read(usage);
      expect(meter.input).toEqual(recount(usage.promptTokenCount, usage.promptTokensDetails));
      expect(meter.output).toEqual(recount(usage.candidatesTokenCount, usage.candidatesTokensDetails));
      const cachedStated = sumModalities(recount(usage.cachedContentTokenCount, usage.cacheTokensDetails));
      expect(sumModalities(meter.cached)).toBe(Math.min(cachedStated, sumModalities(meter.input)));
      for (const modality of modalities)
        expect(meter.cached[modality] ?? 0).toBeLessThanOrEqual(meter.input[modality] ?? 0);
      const counters = Object.entries(usage).filter(([name]) => name.endsWith("Count"));
      const isCount = (value: unknown) => Number.isInteger(value) && Math.abs(value as number) <= mostTokens;
      const isClean = counters.every(([, value = 0]) => isCount(value) && (value as number) >= 0);
      const {
        promptTokenCount = 0,
        cachedContentTokenCount = 0,
        totalTokenCount = 0,
      } = usage as Record<string, number>;
      const fits = usageOf(meter).totalTokens === totalTokenCount && cachedContentTokenCount <= promptTokenCount;
      expect(meter.balanced).toBe(isClean && fits);
    }),
    { numRuns: 2000 },
  );
});

test("any text at all is read without an error, as whole counts of zero or more", () => {
  const texts = fc.oneof(fc.string(), fc.json(), fc.constantFrom("", "null", "[]", "7", '"x"'));
  fc.assert(
    fc.property(texts, (text) => {
      for (const value of Object.values(usageOf(readGeminiUsage(text)))) {
        expect(Number.isSafeInteger(value) && value >= 0).toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
});
