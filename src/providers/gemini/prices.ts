// What Gemini costs: dated rows, each with its source and the day it was read. Data only.
//
// List prices, before any free allowance. Days begin at midnight UTC. `bookStart` is not a date of the vendor's: it is
// where this book begins, and no call priced with it is older than the copies it was read from.

import type { PriceRow } from "../../money/price.ts";

const bookStart = "2026-01-01";
const vendor = "gemini";

const pricingPage = { source: "vendor pricing page, copy of 2026-10-07", readOn: "2026-10-07" };
const secondHand = { source: "second-hand: third parties quoting the vendor", readOn: "2026-11-23" };

/** Search: 2.5 and older 35 USD per 1,000 prompts that searched; 3.x and newer 14 USD per 1,000 unique non-empty queries. */
const groundingByPrompt: PriceRow["grounding"] = { search: { per: "prompt", price: "35" }, maps: { price: "25" } };
const groundingByQuery: PriceRow["grounding"] = { search: { per: "query", price: "14" }, maps: { price: "25" } };

/** What every row has: whether tools' tokens are billed is disputed among sources, so they are; the tiers of service. */
const always = {
  vendor,
  effectiveFrom: bookStart,
  billToolInput: true,
  tierMultipliers: { batch: [1, 2], flex: [1, 2], priority: [9, 5] },
} satisfies Partial<PriceRow>;

const older = { ...always, ...pricingPage, grounding: groundingByPrompt };
const newer = { ...always, ...pricingPage, grounding: groundingByQuery };
const fourth = { ...always, ...secondHand, grounding: groundingByQuery };

/** 3.6, 3.7 and 3.8 Flash double on 2027-01-01. */
function flashRows(model: string): PriceRow[] {
  return [
    { ...newer, model, input: "0.75", cached: "0.075", output: "3.75" },
    { ...newer, model, effectiveFrom: "2027-01-01", input: "1.50", cached: "0.15", output: "7.50" },
  ];
}

/** Argon and Carbon double on 2026-12-01. */
function fourthRows(model: string): PriceRow[] {
  return [
    { ...fourth, model, input: "2", cached: "0.10", output: "10" },
    { ...fourth, model, effectiveFrom: "2026-12-01", input: "4", cached: "0.20", output: "20" },
  ];
}

export const geminiPrices: readonly PriceRow[] = [
  {
    ...older,
    model: "gemini-2.5-flash",
    input: "0.30",
    inputAudio: "1.00",
    cached: "0.03",
    cachedAudio: "0.10",
    output: "2.50",
  },
  {
    ...older,
    model: "gemini-2.5-flash-lite",
    input: "0.10",
    inputAudio: "0.30",
    cached: "0.01",
    cachedAudio: "0.03",
    output: "0.40",
  },
  {
    ...older,
    model: "gemini-2.5-pro",
    input: "1.25",
    cached: "0.125",
    output: "10",
    above200k: { input: "2.50", cached: "0.25", output: "15" },
  },
  { ...newer, model: "gemini-3.5-flash-lite", input: "0.30", cached: "0.03", output: "2.50" },
  {
    ...newer,
    model: "gemini-3.1-flash-lite",
    input: "0.25",
    inputAudio: "0.50",
    cached: "0.025",
    cachedAudio: "0.05",
    output: "1.50",
  },
  {
    ...newer,
    model: "gemini-3-flash-preview",
    input: "0.50",
    inputAudio: "1.00",
    cached: "0.05",
    cachedAudio: "0.10",
    output: "3.00",
  },
  { ...newer, model: "gemini-3.5-flash", input: "1.50", cached: "0.15", output: "9.00" },
  ...flashRows("gemini-3.6-flash"),
  ...flashRows("gemini-3.7-flash"),
  ...flashRows("gemini-3.8-flash"),
  {
    ...newer,
    model: "gemini-3.1-pro-preview",
    input: "2",
    cached: "0.20",
    output: "12",
    above200k: { input: "4", cached: "0.40", output: "18" },
  },
  { ...fourth, model: "gemini-4-hydrogen", input: "1.50", cached: "0.075", output: "7.50" },
  ...fourthRows("gemini-4-argon"),
  ...fourthRows("gemini-4-carbon"),
  { ...fourth, model: "gemini-4-neon", input: "3", cached: "0.15", output: "15" },
];
