// One call to a vendor, booked: what it cost, how sure that is, and what anybody needs to compute it again.

import { makeBill, type Unreported } from "./bill.ts";
import type { Accuracy, CallOutcome, LedgerEntry, Purpose } from "./ledger.ts";
import type { Price } from "./price.ts";
import { leastTokens } from "./tokens.ts";
import { type EstimatedTokens, type Meter, nothingCounted, noUsage, type Usage, usageOf } from "./usage.ts";

/** What goes into its entry as it is, and what the rest of the entry is made of. */
export interface CallToBook
  extends Pick<
    LedgerEntry,
    "attempt" | "at" | "vendor" | "modelRequested" | "modelServed" | "usageRaw" | "counted" | "errorCode"
  > {
  /** Default: chat. */
  purpose?: Purpose | undefined;
  /** `usageRaw` read by the vendor's adapter; null with no usage. */
  meter: Meter | null;
  /** Of the model that served, or was requested where the vendor named none, when the call was made; undefined: nobody knows. */
  price: Price | undefined;
  outcome: CallOutcome;
  /** Our estimate of the prompt's tokens, for a call that brings no count. */
  promptEstimate: number;
  /** What arrived of the answer, and of its thoughts, in `estimateTokens`' tokens. */
  textEstimate: number;
  thoughtEstimate: number;
}

/**
 * Books one call. Never throws on anything that a vendor says. The rules:
 * - refused: nothing, exactly. "If your request fails with a 400 or 500 error, you won't be charged for the tokens used"
 *   (the vendor's billing page; the request still counts against quota).
 * - priced by the model that served, and by the one requested only where the vendor named none. No price in force: total null,
 *   accuracy unknown; the counts are kept.
 * - finished, with counts that fit each other and the answer: exact. Only `estimated` where the price or a count of searches is a guess.
 * - broken, or finished with counts that do not fit: partial: what they say, raised by lines of their own (`input_unreported`,
 *   `output_unreported`) to what must have been used. See `findUnreported`.
 * - no counts at all: estimated from the prompt and the text. Also when nothing arrived: a request that
 *   was sent and not answered may have been worked on, and cutting a call does not stop the vendor's bill.
 */
export function bookCall(call: CallToBook): LedgerEntry {
  const { price } = call;
  const entry: LedgerEntry = {
    purpose: call.purpose ?? "chat",
    attempt: call.attempt,
    at: call.at,
    vendor: call.vendor,
    modelRequested: call.modelRequested,
    modelServed: call.modelServed,
    price: price?.receipt ?? null,
    usageRaw: call.usageRaw,
    counted: call.counted,
    usage: null,
    lines: [],
    total: 0n,
    accuracy: "exact",
    balanced: call.meter?.balanced ?? true,
    outcome: call.outcome,
    errorCode: call.errorCode,
  };
  if (call.outcome === "refused") return entry;

  const { meter, usage, unreported, accuracy } = measure(call);
  entry.usage = usage;
  if (accuracy !== "exact") entry.counted = { ...(call.counted ?? nothingCounted), tokens: estimatesOf(call) };
  const bill = price && makeBill(meter, call.counted ?? nothingCounted, unreported, price);
  if (!bill || bill.priced === "none") return { ...entry, total: null, accuracy: "unknown" };

  entry.lines = bill.lines;
  entry.total = bill.total;
  entry.accuracy = bill.priced === "guessed" ? "estimated" : accuracy;
  return entry;
}

/** Kept with the call, so that the receipt alone is enough to make it again. */
function estimatesOf({ promptEstimate, textEstimate, thoughtEstimate }: CallToBook): EstimatedTokens {
  return { prompt: promptEstimate, answer: textEstimate, thoughts: thoughtEstimate };
}

interface Measured {
  meter: Meter;
  /** With what is unreported. */
  usage: Usage;
  unreported: Unreported;
  /** Leaving the price aside. */
  accuracy: Accuracy;
}

const nothingUnreported: Unreported = { input: 0, output: 0 };

function measure(call: CallToBook): Measured {
  const { meter } = call;
  const usage = meter ? usageOf(meter) : noUsage;
  if (!meter || usage.totalTokens + (meter.total ?? 0) === 0) {
    const estimated = estimateMeter(call);
    return { meter: estimated, usage: usageOf(estimated), unreported: nothingUnreported, accuracy: "estimated" };
  }
  const unreported = findUnreported(call, meter, usage);
  const isAll = unreported.input + unreported.output === 0;
  const isWhole = call.outcome === "finished" && meter.balanced && isAll;
  const accuracy = isWhole ? "exact" : "partial";
  return { meter, usage: isAll ? usage : addUnreported(usage, unreported), unreported, accuracy };
}

/** Usage that counts nothing (seen on cut streams) is no count at all. */
function estimateMeter({ meter, promptEstimate, textEstimate, thoughtEstimate }: CallToBook): Meter {
  return {
    input: { text: promptEstimate },
    cached: {},
    tool: {},
    output: { text: textEstimate },
    thinking: thoughtEstimate,
    total: null,
    balanced: true,
    serviceTier: meter?.serviceTier ?? "standard",
  };
}

/**
 * Tokens that the vendor's counts lack.
 * - A total above its parts says that there were more. Without a prompt count they are the prompt, else the answer.
 * - There is no call without a prompt: where nothing counts it, it is our estimate.
 * - What arrived must have cost something: where no answer was counted, the estimate of it; where one was counted and the call
 *   broke, only the least the text can be, so that a stopped answer is not billed an estimate's margin on top. A whole and
 *   balanced usage that counts the answer is the vendor's last word.
 */
function findUnreported(call: CallToBook, meter: Meter, counted: Usage): Unreported {
  const isAnswerCounted = counted.outputTokens + counted.thinkingTokens > 0;
  const gap = Math.max(0, (meter.total ?? 0) - counted.totalTokens);
  let input = 0;
  if (counted.inputTokens === 0)
    input = (isAnswerCounted ? gap : Math.min(gap, call.promptEstimate)) || call.promptEstimate;
  const left = Math.max(0, gap - input);
  if (
    call.outcome === "finished" &&
    meter.balanced &&
    (counted.outputTokens > 0 || call.textEstimate === 0) &&
    isAnswerCounted
  )
    return { input, output: left };
  const answer = missing(call.textEstimate, counted.outputTokens, left);
  const thoughts = missing(call.thoughtEstimate, counted.thinkingTokens, left);
  return { input, output: Math.max(left, answer + thoughts) };
}

/** `left`: tokens of the total that may be these. */
function missing(estimate: number, counted: number, left: number): number {
  const least = counted + left === 0 ? estimate : leastTokens(estimate);
  return Math.max(0, least - counted);
}

function addUnreported(usage: Usage, { input, output }: Unreported): Usage {
  return {
    ...usage,
    inputTokens: usage.inputTokens + input,
    outputTokens: usage.outputTokens + output,
    totalTokens: usage.totalTokens + input + output,
  };
}
