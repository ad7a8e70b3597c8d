// One call to a vendor, booked: what it cost, how sure that is, and what anybody needs to compute it again.

import type { ErrorCode } from "../errors.ts";
import type { Accuracy, LedgerEntry, ReceiptLine } from "./ledger.ts";
import { multiply, type Pico } from "./money.ts";
import {
  billLines,
  isCovered,
  type Price,
  type PriceBook,
  priceOfReceipt,
  ratesFor,
  receiptPrice,
  sumLines,
} from "./price.ts";
import { leastTokens } from "./tokens.ts";
import { type Meter, sumModalities, usageOf } from "./usage.ts";

export interface CallToBook {
  attempt: number;
  /** When the call was made, ms since 1970: chooses the price in force. */
  at: number;
  vendor: string;
  modelRequested: string;
  modelServed: string | null;
  usageRaw: string | null;
  /** `usageRaw` read by the vendor's adapter; null with no usage. */
  meter: Meter | null;
  prices: Pick<PriceBook, "find">;
  /**
   * `finished`: the vendor's stream came to its end. `broken`: it was sent, and then failed, timed out or was cut, or no
   * answer came at all. `refused`: the vendor answered with an HTTP error before any event.
   */
  outcome: "finished" | "broken" | "refused";
  /** Our estimate of the prompt's tokens, for a call that brings no count. */
  promptEstimate: number;
  /** What arrived of the answer, and of its thoughts, in `estimateTokens`' tokens. */
  textEstimate: number;
  thoughtEstimate: number;
  errorCode: ErrorCode | null;
}

/**
 * Books one call. The rules:
 * - refused: nothing, exactly. "If your request fails with a 400 or 500 error, you won't be charged for the tokens used"
 *   (the vendor's billing page; the request still counts against quota).
 * - no price in force: total null, accuracy unknown; the counts are kept.
 * - finished with counts: exact.
 * - broken with counts: partial: the last totals, raised by a line of its own (`output_unreported`) to what the text that
 *   arrived must have cost. Where the vendor had not counted any answer yet, that is the estimate of the text; where it
 *   had, only the least the text can be, so that a stopped answer is not billed an estimate's margin on top.
 * - no counts at all: estimated from the prompt and the text. Also when nothing arrived: a request that
 *   was sent and not answered may have been worked on, and cutting a call does not stop the vendor's bill.
 * - priced by the model that served; where its price is not known, by the one requested, and then at best `estimated`.
 */
export function bookCall(call: CallToBook): LedgerEntry {
  const found = findPrice(call);
  const { meter, accuracy } = measure(call);
  const entry: LedgerEntry = {
    purpose: "chat",
    attempt: call.attempt,
    at: call.at,
    vendor: call.vendor,
    modelRequested: call.modelRequested,
    modelServed: call.modelServed,
    price: found ? receiptPrice(found.price) : null,
    usageRaw: call.usageRaw,
    usage: null,
    lines: [],
    total: 0n,
    accuracy: "exact",
    balanced: call.meter?.balanced ?? true,
    errorCode: call.errorCode,
  };
  if (call.outcome === "refused") return entry;

  const unreported = accuracy === "partial" ? countUnreported(call, meter) : 0;
  const usage = usageOf(meter);
  entry.usage = {
    ...usage,
    outputTokens: usage.outputTokens + unreported,
    totalTokens: usage.totalTokens + unreported,
  };
  if (!found || !isCovered(meter, found.price)) return { ...entry, total: null, accuracy: "unknown" };

  entry.lines = billLines(meter, found.price);
  if (unreported > 0) entry.lines.push(unreportedLine(unreported, meter, found.price));
  entry.total = sumLines(entry.lines);
  entry.accuracy = found.sure || accuracy === "partial" ? accuracy : "estimated";
  return entry;
}

/**
 * The total, computed again from the receipt's own usage and price row and nothing else (only the count of unreported
 * tokens, which no usage can hold, is taken from its line). Equals `total` of every exact and partial receipt.
 * Null where there is nothing to compute from: no usage, no price, or an estimate.
 */
export function rederive(
  receipt: Pick<LedgerEntry, "usageRaw" | "price" | "lines" | "accuracy">,
  readUsage: (usageRaw: string) => Meter,
): Pico | null {
  if (receipt.usageRaw === null || receipt.price === null) return null;
  if (receipt.accuracy === "unknown") return null;
  const meter = readUsage(receipt.usageRaw);
  if (!hasCounts(meter)) return null;
  const price = priceOfReceipt(receipt.price);
  const unreported = receipt.lines.find((line) => line.item === unreportedItem)?.quantity ?? 0;
  return sumLines(billLines(meter, price)) + multiply(unreported, ratesFor(meter, price).output);
}

const unreportedItem = "output_unreported";

/** The counts to bill and how sure they are, leaving the price aside. */
function measure(call: CallToBook): { meter: Meter; accuracy: Accuracy } {
  if (call.meter && hasCounts(call.meter))
    return { meter: call.meter, accuracy: call.outcome === "finished" ? "exact" : "partial" };
  const estimate: Meter = {
    input: { text: call.promptEstimate },
    cached: {},
    tool: {},
    output: { text: call.textEstimate },
    thinking: call.thoughtEstimate,
    total: null,
    balanced: true,
    serviceTier: call.meter?.serviceTier ?? "standard",
    grounding: call.meter?.grounding ?? { search: { prompts: 0, queries: 0 }, maps: { prompts: 0 } },
  };
  return { meter: estimate, accuracy: "estimated" };
}

/** Usage that counts nothing (seen on cut streams) is no count at all. */
function hasCounts(meter: Meter): boolean {
  return usageOf(meter).totalTokens > 0;
}

/** Tokens of what arrived that the vendor's last totals cannot have held yet. */
function countUnreported(call: CallToBook, meter: Meter): number {
  const missing = (estimate: number, counted: number) =>
    Math.max(0, (counted === 0 ? estimate : leastTokens(estimate)) - counted);
  return missing(call.textEstimate, sumModalities(meter.output)) + missing(call.thoughtEstimate, meter.thinking);
}

function unreportedLine(quantity: number, meter: Meter, price: Price): ReceiptLine {
  const unitPrice = ratesFor(meter, price).output;
  return { item: unreportedItem, quantity, unit: "token", unitPrice, amount: multiply(quantity, unitPrice) };
}

/** A numbered version of a model ("name-001") is that model, at its price. */
const versionNumber = /-\d{3}$/;

/** `sure`: the price is of the model that served, as far as the vendor said. */
function findPrice(call: CallToBook): { price: Price; sure: boolean } | undefined {
  const find = (model: string) => call.prices.find(call.vendor, model, call.at);
  const served = call.modelServed ?? call.modelRequested;
  const price = find(served) ?? find(served.replace(versionNumber, ""));
  if (price) return { price, sure: true };
  const requested = find(call.modelRequested);
  return requested && { price: requested, sure: false };
}
