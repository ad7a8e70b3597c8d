// The books: what a call cost, line by line, as it is kept for ever.

import type { ErrorCode } from "../errors.ts";
import type { Pico } from "./money.ts";
import { addUsage, type Counted, type Usage } from "./usage.ts";

/**
 * How sure a cost is. `exact`: the vendor's final usage arrived. `partial`: the stream broke after some usage had arrived, or the
 * counts do not fit each other or the answer. `estimated`: no usage arrived, counted from the text; or a price or a count of
 * searches is a guess. `unknown`: no price was in force.
 */
export const accuracies = ["exact", "partial", "estimated", "unknown"] as const;
export type Accuracy = (typeof accuracies)[number];

export interface Cost {
  /** Null when nothing of it could be priced. */
  total: Pico | null;
  accuracy: Accuracy;
  unpricedTurns: number;
}

export interface ReceiptLine {
  item: string;
  quantity: number;
  unit: "token" | "request" | "query";
  unitPrice: Pico;
  amount: Pico;
}

/** The price row a receipt was made with; `rates` is the whole row, so that the receipt can be re-derived alone. */
export interface ReceiptPrice {
  /** Made from all that is in it: the same key, the same row. It is what a row is kept under. */
  key: string;
  id: string;
  effectiveFrom: string;
  source: string;
  readOn: string;
  rates: Record<string, unknown>;
}

/**
 * How a call ended. `finished`: the vendor's stream came to its end. `broken`: it was sent, and then failed, timed out or was cut, or no
 * answer came at all. `refused`: the vendor answered with an HTTP error before any event.
 */
export type CallOutcome = "finished" | "broken" | "refused";

/** What a call was made for: the answer itself, or a title of its session. */
export const purposes = ["chat", "title"] as const;
export type Purpose = (typeof purposes)[number];

/** A call that has been made, or is about to make, as it is written down before it is sent. */
export interface BegunCall {
  at: number;
  model: string;
  status: number | null;
  errorCode: ErrorCode | null;
}

/** One provider call, booked. Written once, never changed. */
export interface LedgerEntry {
  purpose: Purpose;
  /** 1 for the turn's first call to the vendor, 2 for its first retry, ... Together with the turn it names the entry. */
  attempt: number;
  /** When the call was made, ms since 1970: the price that held then is its price, whenever it is booked. */
  at: number;
  vendor: string;
  modelRequested: string;
  modelServed: string | null;
  price: ReceiptPrice | null;
  /** As the vendor sent it, byte for byte. */
  usageRaw: string | null;
  /** What we counted beside it; null for nothing. */
  counted: Counted | null;
  usage: Usage | null;
  lines: ReceiptLine[];
  total: Pico | null;
  accuracy: Accuracy;
  balanced: boolean;
  /** Null where an older program did not keep it. */
  outcome: CallOutcome | null;
  /** Why the call delivered nothing, for a call the vendor refused. */
  errorCode: ErrorCode | null;
}

/** The less sure of two. */
export function worseAccuracy(a: Accuracy, b: Accuracy): Accuracy {
  return accuracies.indexOf(a) >= accuracies.indexOf(b) ? a : b;
}

/** What several bookings of one turn cost together; a turn that made no call cost nothing. */
export function sumCost(entries: readonly Pick<LedgerEntry, "total" | "accuracy">[]): Cost {
  let total: Pico | null = entries.length === 0 ? 0n : null;
  let accuracy: Accuracy = "exact";
  for (const entry of entries) {
    if (entry.total !== null) total = (total ?? 0n) + entry.total;
    accuracy = worseAccuracy(accuracy, entry.accuracy);
  }
  return { total, accuracy, unpricedTurns: accuracy === "unknown" ? 1 : 0 };
}

/** Bookings of one turn, and what they used and cost together. */
export interface Booked {
  entries: readonly LedgerEntry[];
  usage: Usage | null;
  cost: Cost;
}

export function sumUp(entries: readonly LedgerEntry[]): Booked {
  return { entries, usage: sumUsage(entries), cost: sumCost(entries) };
}

/** What several bookings of one turn used together; null where nothing is known of any. */
export function sumUsage(entries: readonly Pick<LedgerEntry, "usage">[]): Usage | null {
  let sum: Usage | null = null;
  for (const { usage } of entries) if (usage) sum = sum ? addUsage(sum, usage) : usage;
  return sum;
}
