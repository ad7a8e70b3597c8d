// Our bills beside those of an independent price library (floats, so compared within 1e-9).

import { expect, test } from "bun:test";
import { calcPrice } from "@pydantic/genai-prices";
import fc from "fast-check";
import { makeBill } from "../src/money/bill.ts";
import { printUsd } from "../src/money/money.ts";
import { createPriceBook } from "../src/money/price.ts";
import { nothingCounted } from "../src/money/usage.ts";
import { geminiModels } from "../src/providers/gemini/models.ts";
import { geminiPrices } from "../src/providers/gemini/prices.ts";
import { readGeminiUsage } from "../src/providers/gemini/usage.ts";
import { rawUsage } from "./raw-usage.ts";
import type { RawUsage } from "./recompute.ts";

const book = createPriceBook(geminiPrices);
/** On both sides of the days on which prices change. */
const days = ["2026-11-23", "2026-12-02", "2027-01-02"];
/** What the library does not know: that this model is billed as its successor, audio too, from its retirement on. */
const isUnknownToThem = (model: string, day: string) => model === "gemini-2.5-flash" && day >= "2026-12-01";

/** The library's bill in USD; it knows neither service tiers nor grounding, and takes tool tokens as input. */
function theirBill(model: string, usage: RawUsage, day: string): number | undefined {
  const audio = (details: RawUsage["promptTokensDetails"]) =>
    details?.find(({ modality }) => modality === "AUDIO")?.tokenCount ?? 0;
  const counts = {
    input_tokens: usage.promptTokenCount ?? 0,
    cache_read_tokens: usage.cachedContentTokenCount ?? 0,
    input_audio_tokens: audio(usage.promptTokensDetails),
    cache_audio_read_tokens: audio(usage.cacheTokensDetails),
    output_tokens: (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0),
  };
  return calcPrice(counts, model, { providerId: "google", timestamp: new Date(day) })?.total_price;
}

function ourBill(model: string, usage: RawUsage, day: string): number {
  const price = book.find("gemini", model, Date.parse(day))!;
  const bill = makeBill(readGeminiUsage(JSON.stringify(usage)), nothingCounted, { input: 0, output: 0 }, price);
  return Number(printUsd(bill.total));
}

for (const day of days)
  test(`on ${day} our bill agrees with theirs for every model they know`, () => {
    const known = geminiModels.filter(({ id }) => theirBill(id, { promptTokenCount: 1 }, day) !== undefined);
    const compared = known.filter(({ id }) => !isUnknownToThem(id, day));
    expect(compared.length).toBeGreaterThanOrEqual(10);
    for (const { id } of compared) {
      fc.assert(
        fc.property(rawUsage, ({ serviceTier: _tier, toolUsePromptTokenCount: _tool, ...usage }) => {
          const theirs = theirBill(id, usage, day)!;
          const difference = Math.abs(ourBill(id, usage, day) - theirs);
          expect(difference).toBeLessThanOrEqual(1e-9 * Math.max(theirs, 1e-12));
        }),
        { numRuns: 100 },
      );
    }
  });
