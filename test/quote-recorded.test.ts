// How far a quote's guesses are from what a real vendor counted: measured on recordings, and held to what the docs say of it.

import { expect, test } from "bun:test";
import { messageTokens } from "../src/conversation/path.ts";
import { createPriceBook } from "../src/money/price.ts";
import { likelyAnswerTokens, likelyCost } from "../src/money/quote/quote.ts";
import { prices } from "../src/providers/index.ts";
import { type Tape, tapes } from "./tapes.ts";

interface Recorded {
  model: string;
  /** By our rule, and by the vendor. */
  estimate: number;
  input: number;
  answer: number;
}
type Asked = Tape & {
  model: string;
  request_body: unknown;
  usageMetadata?: { promptTokenCount?: number; candidatesTokenCount?: number; thoughtsTokenCount?: number };
};

/** Text alone, in one or more messages, that was counted and answered. */
function readRecorded({ model, request_body, usageMetadata }: Asked): Recorded[] {
  const body = (typeof request_body === "string" ? parse(request_body) : request_body) as Record<
    string,
    unknown
  > | null;
  const { promptTokenCount: input = 0, candidatesTokenCount = 0, thoughtsTokenCount = 0 } = usageMetadata ?? {};
  const answer = candidatesTokenCount + thoughtsTokenCount;
  if (input === 0 || answer === 0 || !body || body.tools || !Array.isArray(body.contents)) return [];
  const system = body.systemInstruction ?? body.system_instruction;
  const messages = [...(system ? [system] : []), ...body.contents] as { parts?: { text?: unknown }[] }[];
  const texts = messages.map(({ parts = [] }) => parts.map(({ text }) => text));
  if (texts.flat().some((text) => typeof text !== "string")) return [];
  const estimate = texts.reduce((sum, parts) => sum + messageTokens(parts.join("")), 0);
  return [{ model, estimate, input, answer }];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const recorded = (tapes as Asked[]).flatMap(readRecorded);
const share = (errors: readonly number[], within: number) =>
  errors.filter((one) => one <= within).length / errors.length;

test.skipIf(recorded.length === 0)(
  "an estimate of the input is never below the vendor's count, and at most 40 tokens above it",
  () => {
    expect(recorded.length).toBeGreaterThan(40);
    for (const { estimate, input } of recorded) {
      expect(estimate).toBeGreaterThanOrEqual(input);
      expect(estimate - input).toBeLessThanOrEqual(40);
    }
  },
);

test.skipIf(recorded.length === 0)(
  "the likely cost is within a factor of 3.5 for half of the recordings, and of 12 for three quarters",
  () => {
    const book = createPriceBook(prices);
    const at = Date.parse("2026-11-23T12:00:00Z");
    const usual = book.find("gemini", "gemini-2.5-flash", at)!;
    const errors = recorded.map(({ model, estimate, input, answer }, index) => {
      const others = recorded.filter((other, at) => at !== index && other.model === model);
      const past = others.map((other) => ({ inputTokens: 0, cachedTokens: 0, answerTokens: other.answer, endedAt: 0 }));
      const price = book.find("gemini", model, at) ?? usual;
      const guess = { inputTokens: estimate, cachedTokens: 0, answerTokens: likelyAnswerTokens([], past, 65_536) };
      const likely = Number(likelyCost(price, guess)!);
      const real = Number(likelyCost(price, { inputTokens: input, cachedTokens: 0, answerTokens: answer })!);
      return Math.max(likely / real, real / likely);
    });
    const sorted = errors.toSorted((a, b) => a - b);
    console.log(
      `quotes of ${errors.length} recordings: off by a factor of ${[0.5, 0.75, 0.9].map((part) => sorted[Math.floor(sorted.length * part)]!.toFixed(1)).join(", ")} (50, 75, 90 %)`,
    );
    expect(share(errors, 3.5)).toBeGreaterThanOrEqual(0.5);
    expect(share(errors, 12)).toBeGreaterThanOrEqual(0.75);
  },
);
