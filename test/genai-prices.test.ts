// Our bills beside those of an independent price library (floats, so compared within 1e-9).

import { expect, test } from "bun:test";
import { calcPrice } from "@pydantic/genai-prices";
import fc from "fast-check";
import { printUsd } from "../src/money/money.ts";
import { billLines, createPriceBook, sumLines } from "../src/money/price.ts";
import { geminiModels } from "../src/providers/gemini/models.ts";
import { geminiPrices } from "../src/providers/gemini/prices.ts";
import { readGeminiUsage } from "../src/providers/gemini/usage.ts";
import { rawUsage } from "./raw-usage.ts";
import type { RawUsage } from "./recompute.ts";

const book = createPriceBook(geminiPrices);
const at = new Date("2026-11-23T12:00:00Z");

/** The library's bill in USD; it knows neither service tiers nor grounding, and takes tool tokens as input. */
function theirBill(model: string, usage: RawUsage): number | undefined {
  const audio = (details: RawUsage["promptTokensDetails"]) =>
    details?.find(({ modality }) => modality === "AUDIO")?.tokenCount ?? 0;
  const counts = {
    input_tokens: usage.promptTokenCount ?? 0,
    cache_read_tokens: usage.cachedContentTokenCount ?? 0,
    input_audio_tokens: audio(usage.promptTokensDetails),
    cache_audio_read_tokens: audio(usage.cacheTokensDetails),
    output_tokens: (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0),
  };
  return calcPrice(counts, model, { providerId: "google", timestamp: at })?.total_price;
}

function ourBill(model: string, usage: RawUsage): number {
  const price = book.find("gemini", model, at.getTime())!;
  return Number(printUsd(sumLines(billLines(readGeminiUsage(JSON.stringify(usage)), price))));
}

test("our bill agrees with theirs for every model they know", () => {
  const known = geminiModels.filter(({ id }) => theirBill(id, { promptTokenCount: 1 }) !== undefined);
  const unknown = geminiModels.filter((model) => !known.includes(model));
  console.log(
    `${known.length} models compared; not known to the library: ${unknown.map(({ id }) => id).join(", ") || "none"}`,
  );
  expect(known.length).toBeGreaterThanOrEqual(11);
  for (const { id } of known) {
    fc.assert(
      fc.property(rawUsage, ({ serviceTier: _tier, _grounding, toolUsePromptTokenCount: _tool, ...usage }) => {
        const theirs = theirBill(id, usage)!;
        const difference = Math.abs(ourBill(id, usage) - theirs);
        expect(difference).toBeLessThanOrEqual(1e-9 * Math.max(theirs, 1e-12));
      }),
      { numRuns: 200 },
    );
  }
});
