// What Gemini costs: dated rows, each with its source and the day it was read. Data only.
//
// Days begin at midnight UTC. `bookStart` is not a date of the vendor's: it is where this book begins, and no call priced with
// it is older than the copies it was read from.

import type { PriceRow } from "../../money/price.ts";
import type { TokenPrices } from "../../money/price-row.ts";

const bookStart = "2026-01-01";
const vendor = "gemini";
const listPrice = "list price, before any free allowance";

const pricingPage = { source: `vendor pricing page, copy of 2026-10-07; ${listPrice}`, readOn: "2026-10-07" };
const secondHand = { source: `second-hand: third parties quoting the vendor; ${listPrice}`, readOn: "2026-11-23" };
/** Input and output half ("Flex ... 50% of standard pricing", the vendor's page on optimization); cached input as without Flex. */
const withFlex = {
  source: `vendor pricing page, copy of 2026-10-07; Flex: second-hand, cached input is not discounted; ${listPrice}`,
  readOn: "2026-10-07",
};

/** What every row has: whether tools' tokens are billed is disputed among sources, so they are. */
const always = { vendor, effectiveFrom: bookStart, billToolInput: true } satisfies Partial<PriceRow>;

/** 2.5: 35 USD per 1,000 prompts that searched, 25 per 1,000 that asked Maps. */
const older = {
  ...always,
  search: { per: "prompt", price: "35" },
  maps: { per: "prompt", price: "25" },
} satisfies Partial<PriceRow>;
/** 3.x and 4: 14 USD per 1,000 unique non-empty queries, of the web and of Maps. */
const newer = {
  ...always,
  ...pricingPage,
  search: { per: "query", price: "14" },
  maps: { per: "query", price: "14" },
} satisfies Partial<PriceRow>;
const fourth = { ...newer, ...secondHand };

/** 3.5 Flash-Lite. The tiers are stated by one source. */
const flashLite = {
  ...newer,
  source: `vendor pricing page, copy of 2026-10-07; tiers: second-hand, one source; ${listPrice}`,
  model: "gemini-3.5-flash-lite",
  input: "0.30",
  cached: "0.03",
  output: "2.50",
  tier: {
    flex: { input: "0.15", cached: "0.02", output: "1.25" },
    priority: { input: "0.54", cached: "0.05", output: "4.50" },
  },
} satisfies PriceRow;

function above200k(prices: TokenPrices): TokenPrices & { tokens: number } {
  return { tokens: 200_000, ...prices };
}

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
    ...withFlex,
    model: "gemini-2.5-flash",
    input: "0.30",
    inputAudio: "1.00",
    cached: "0.03",
    cachedAudio: "0.10",
    output: "2.50",
    tier: { flex: { input: "0.15", inputAudio: "0.50", cached: "0.03", cachedAudio: "0.10", output: "1.25" } },
  },
  // From its retirement on it is served and billed as its successor, whatever name the answer carries.
  {
    ...flashLite,
    ...secondHand,
    source: `billed as gemini-3.5-flash-lite after its retirement: third parties quoting the vendor; ${listPrice}`,
    model: "gemini-2.5-flash",
    effectiveFrom: "2026-12-01",
  },
  {
    ...older,
    ...withFlex,
    model: "gemini-2.5-flash-lite",
    input: "0.10",
    inputAudio: "0.30",
    cached: "0.01",
    cachedAudio: "0.03",
    output: "0.40",
    tier: { flex: { input: "0.05", inputAudio: "0.15", cached: "0.01", cachedAudio: "0.03", output: "0.20" } },
  },
  {
    ...older,
    ...withFlex,
    model: "gemini-2.5-pro",
    input: "1.25",
    cached: "0.125",
    output: "10",
    above: above200k({ input: "2.50", cached: "0.25", output: "15" }),
    tier: {
      flex: {
        input: "0.625",
        cached: "0.125",
        output: "5",
        above: above200k({ input: "1.25", cached: "0.25", output: "7.50" }),
      },
    },
  },
  flashLite,
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
    ...withFlex,
    model: "gemini-3-flash-preview",
    input: "0.50",
    inputAudio: "1.00",
    cached: "0.05",
    cachedAudio: "0.10",
    output: "3.00",
    tier: { flex: { input: "0.25", inputAudio: "0.50", cached: "0.05", cachedAudio: "0.10", output: "1.50" } },
  },
  { ...newer, model: "gemini-3.5-flash", input: "1.50", cached: "0.15", output: "9.00" },
  ...flashRows("gemini-3.6-flash"),
  ...flashRows("gemini-3.7-flash"),
  ...flashRows("gemini-3.8-flash"),
  {
    ...newer,
    ...withFlex,
    model: "gemini-3.1-pro-preview",
    input: "2",
    cached: "0.20",
    output: "12",
    above: above200k({ input: "4", cached: "0.40", output: "18" }),
    tier: {
      flex: { input: "1", cached: "0.20", output: "6", above: above200k({ input: "2", cached: "0.40", output: "9" }) },
    },
  },
  { ...fourth, model: "gemini-4-hydrogen", input: "1.50", cached: "0.075", output: "7.50" },
  ...fourthRows("gemini-4-argon"),
  ...fourthRows("gemini-4-carbon"),
  { ...fourth, model: "gemini-4-neon", input: "3", cached: "0.15", output: "15" },
];
