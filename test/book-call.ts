// One call booked in a test: in November 2026, by the built-in prices, of the model whose input and output stand here.

import type { LedgerEntry } from "../src/money/ledger.ts";
import { perMillion } from "../src/money/money.ts";
import { createPriceBook } from "../src/money/price.ts";
import { bookCall, type CallToBook } from "../src/money/receipt.ts";
import { estimateTokens } from "../src/money/tokens.ts";
import { geminiPrices } from "../src/providers/gemini/prices.ts";
import { readGeminiUsage } from "../src/providers/gemini/usage.ts";
import type { CallReceipt, RawUsage } from "./recompute.ts";

export const prices = createPriceBook(geminiPrices);
const november = Date.parse("2026-11-23T12:00:00Z");
export const input = perMillion("0.30");
export const output = perMillion("2.50");

/** Text of about `words` tokens. */
export const prose = (words: number) => "word ".repeat(words);

interface Change extends Partial<CallToBook> {
  usage?: RawUsage;
  raw?: string;
  text?: string;
  thought?: string;
  prices?: typeof prices;
}

export function book(change: Change): LedgerEntry {
  const { usage, raw, text = "", thought = "", prices: ownPrices = prices, ...rest } = change;
  const usageRaw = raw ?? (usage === undefined ? null : JSON.stringify(usage));
  const at = rest.at ?? november;
  const vendor = rest.vendor ?? "gemini";
  return bookCall({
    attempt: 1,
    at,
    vendor,
    modelRequested: "gemini-2.5-flash",
    modelServed: null,
    usageRaw,
    meter: usageRaw === null ? null : readGeminiUsage(usageRaw),
    counted: null,
    price: ownPrices.find(vendor, rest.modelServed ?? rest.modelRequested ?? "gemini-2.5-flash", at),
    outcome: "finished",
    promptEstimate: 40,
    textEstimate: estimateTokens(text),
    thoughtEstimate: estimateTokens(thought),
    errorCode: null,
    ...rest,
  });
}

/** The entry as the API answers it, without what the booking had beside it. */
export function receiptOf(entry: LedgerEntry): CallReceipt {
  const { price, counted, lines } = entry;
  const usage_raw = entry.usageRaw === null ? null : JSON.parse(entry.usageRaw);
  const shown = { price, usage_raw, counted, lines: lines.map(({ item, quantity }) => ({ item, quantity })) };
  return JSON.parse(JSON.stringify(shown));
}

export const sumOf = (entry: LedgerEntry) => entry.lines.reduce((sum, line) => sum + line.amount, 0n);
export const tokensOf = (entry: LedgerEntry) =>
  entry.lines.filter((line) => line.unit === "token").reduce((sum, line) => sum + line.quantity, 0);
