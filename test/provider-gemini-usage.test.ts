// The vendor's usage becomes a meter by the stated rules, and nothing it sends can break or inflate it.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { type ByModality, modalities, sumModalities, usageOf } from "../src/money/usage.ts";
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
    grounding: { search: { prompts: 0, queries: 0 }, maps: { prompts: 0 } },
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

test("searches counted under our own key come back as grounding", () => {
  const grounding = { searchPrompts: 1, searchQueries: 3, mapsPrompts: 1 };
  expect(read({ promptTokenCount: 1, _grounding: grounding }).grounding).toEqual({
    search: { prompts: 1, queries: 3 },
    maps: { prompts: 1 },
  });
});

const names = ["TEXT", "AUDIO", "IMAGE", "VIDEO", "DOCUMENT"];
const count = fc.oneof(fc.nat(2_000_000), fc.constant(undefined));
const garbage = fc.constantFrom(-1, 1.5, "12", null, Number.MAX_VALUE, true, [], {});
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
      const { totalTokens } = usageOf(meter);
      expect(meter.balanced).toBe(totalTokens === (meter.total ?? 0));
    }),
    { numRuns: 2000 },
  );
});

test("any text at all is read without an error, as whole counts of zero or more", () => {
  const texts = fc.oneof(fc.string(), fc.json(), fc.constantFrom("", "null", "[]", "7", '"x"', '{"_grounding":null}'));
  fc.assert(
    fc.property(texts, (text) => {
      for (const value of Object.values(usageOf(readGeminiUsage(text)))) {
        expect(Number.isSafeInteger(value) && value >= 0).toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
});
