// One row of the ledger held against what is derived from it: each difference with what it says and what it should say.

import { type BookedCall, deriveCall } from "./derive.ts";
import { holdsAt, type PriceContent, readPriceContent } from "./price-content.ts";

export interface Difference {
  /** Which row: "call 0192.../1", "session 0192...". */
  where: string;
  what: string;
  says: string;
  should: string;
}

/** How a row was checked. `old`: by its lines alone, because the program that wrote it had other rules. */
export type Checked = "derived" | "old";

const columns = ["input_tokens", "cached_tokens", "output_tokens", "thinking_tokens", "tool_tokens", "total_tokens"];
const accuracies = ["exact", "partial", "estimated", "unknown"];
const longestShown = 160;
/** There are a few hundred rows of prices at most; what is beyond is read again. */
const mostPrices = 1_000;

export function printShort(value: unknown): string {
  const text = typeof value === "string" ? value : `${value}`;
  return text.length > longestShown ? `${text.slice(0, longestShown)}...` : text;
}

/** Holds calls against their receipts; `isPriced` says whether a model has prices of its own, under its own name. */
export class CallChecker {
  private readonly prices = new Map<string, PriceContent | undefined>();
  private readonly isPriced: (vendor: string, model: string) => boolean;

  constructor(isPriced: (vendor: string, model: string) => boolean) {
    this.isPriced = isPriced;
  }

  check(call: BookedCall, tell: (difference: Difference) => void): Checked {
    const differ = (what: string, says: unknown, should: unknown) =>
      tell({ where: nameOf(call), what, says: printShort(says), should: printShort(should) });
    if (call.turn === null) differ("turn", "a turn that is not there", "one of the turns");
    if (isUnbillable(call)) return "derived";
    const price = call.price ? this.readPrice(call.price) : undefined;
    if (call.price && !price) {
      differ("price", `a row that does not read (${call.price.key})`, "a price row");
      return "derived";
    }
    if (price?.isOld) {
      checkLines(call, differ);
      return "old";
    }
    if (price) this.checkChoice(call, price, differ);
    try {
      compare(call, deriveCall(call, price), differ);
    } catch (cause) {
      differ("price", cause instanceof Error ? cause.message : cause, "a price row that reads");
    }
    return "derived";
  }

  private readPrice({ key, content }: { key: string; content: string }): PriceContent | undefined {
    if (this.prices.has(key)) return this.prices.get(key);
    if (this.prices.size >= mostPrices) this.prices.clear();
    const price = readPriceContent(key, content);
    this.prices.set(key, price);
    return price;
  }

  /** Whether the row is this vendor's, this model's (another only where the model has no prices under its own name), and of this moment. */
  private checkChoice(call: BookedCall, { rates }: PriceContent, differ: Differ): void {
    const model = call.modelServed ?? call.modelRequested;
    const isOwn = rates.model === model || !this.isPriced(call.vendor, model);
    if (rates.vendor !== call.vendor) differ("vendor", call.vendor, rates.vendor);
    if (!isOwn) differ("price", `a row of ${String(rates.model)}`, `a row of ${model}`);
    if (!holdsAt(rates, call.at))
      differ("price", `a row that did not hold at ${printMoment(call.at)}`, "the row that held then");
  }
}

type Differ = (what: string, says: unknown, should: unknown) => void;

function nameOf({ turn, number }: BookedCall): string {
  return `call ${turn ?? "of no turn"}/${number}`;
}

function printMoment(ms: number): string {
  const moment = new Date(ms);
  return Number.isNaN(moment.getTime()) ? `${ms}` : moment.toISOString();
}

/** A call whose cost could not be told is booked like this, and in no other way: see `asUnknown`. */
function isUnbillable({ price, usage, total, accuracy, balanced, lines }: BookedCall): boolean {
  return (
    price === null &&
    total === null &&
    accuracies[accuracy] === "unknown" &&
    balanced === 0 &&
    lines === "[]" &&
    usage.every((count) => count === null)
  );
}

function compare(call: BookedCall, derived: ReturnType<typeof deriveCall>, differ: Differ): void {
  for (let at = 0; at < columns.length; at++)
    if (call.usage[at] !== derived.usage[at]) differ(columns[at]!, call.usage[at], derived.usage[at]);
  if (call.lines !== derived.lines) differ("lines", call.lines, derived.lines);
  if (call.total !== derived.total) differ("total_pico", call.total, derived.total);
  if (call.accuracy !== derived.accuracy)
    differ("accuracy", accuracies[call.accuracy] ?? call.accuracy, accuracies[derived.accuracy]);
  if (call.balanced !== derived.balanced) differ("balanced", call.balanced, derived.balanced);
}

/** All that can be asked of a row whose rules are gone: that its lines multiply and add up. */
function checkLines({ lines, total, usage, accuracy }: BookedCall, differ: Differ): void {
  let tokens = 0;
  let sum = 0n;
  try {
    for (const [item, quantity, unit, price, amount] of JSON.parse(lines) as [
      string,
      number,
      string,
      string,
      string,
    ][]) {
      const should = BigInt(quantity) * BigInt(price);
      if (BigInt(amount) !== should) differ(`lines, ${item}`, amount, should);
      sum += should;
      if (unit === "token") tokens += quantity;
    }
  } catch {
    differ("lines", lines, "a list of lines");
    return;
  }
  const isUnknown = accuracies[accuracy] === "unknown";
  if (total !== (isUnknown ? null : `${sum}`)) differ("total_pico", total, isUnknown ? null : sum);
  const all = usage[5] ?? 0;
  if (!isUnknown && all !== tokens) differ("total_tokens", all, tokens);
}
