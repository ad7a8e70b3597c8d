// A turn's calls to the vendor, booked: every attempt becomes one ledger entry.

import { AppError } from "../errors.ts";
import type { Catalogue } from "../model/model.ts";
import type { Cost, LedgerEntry, Purpose } from "../money/ledger.ts";
import { sumCost, sumUsage } from "../money/ledger.ts";
import type { Price, PriceBook } from "../money/price.ts";
import { bookCall, type CallToBook } from "../money/receipt.ts";
import type { Usage } from "../money/usage.ts";
import type { Attempt, Provider } from "../provider.ts";
import { asUnknown } from "./close.ts";

/** What booking needs: who reads usage, and what things cost. */
export interface Books {
  provider: Pick<Provider, "vendor" | "readUsage">;
  /** The price of a model when a call was made, also under another name that the catalogue states. */
  findPrice(model: string, atMs: number): Price | undefined;
  /** Every price that may be the price of a call to one of these models in that time; undefined where the first has none now. */
  listPrices(models: readonly string[], fromMs: number, toMs: number): Price[] | undefined;
  /** Throws unpriced_model when the model has no price today and such models are not allowed. */
  requirePrice(model: string): void;
}

export function createBooks(
  provider: Pick<Provider, "vendor" | "readUsage">,
  prices: Pick<PriceBook, "find">,
  catalogue: Pick<Catalogue, "nameOf">,
  allowUnpriced: boolean,
  now: () => number,
): Books {
  const find = (model: string, atMs: number) => prices.find(provider.vendor, model, atMs);
  const findPrice: Books["findPrice"] = (model, atMs) => find(model, atMs) ?? find(catalogue.nameOf(model), atMs);
  return {
    provider,
    findPrice,
    listPrices(models, fromMs, toMs) {
      if (!findPrice(models[0]!, fromMs)) return undefined;
      const prices = new Set(models.flatMap((model) => [findPrice(model, fromMs), findPrice(model, toMs)]));
      return [...prices].filter((price) => price !== undefined);
    },
    requirePrice(model) {
      if (allowUnpriced || findPrice(model, now())) return;
      throw new AppError(
        "unpriced_model",
        `No price is known for ${model}, so what it costs could not be said. The operator can add one (PRICES_FILE), or allow such models (ALLOW_UNPRICED_MODELS).`,
      );
    },
  };
}

/** The calls of a turn, or of a title that is made for its session. */
export interface TurnToBook {
  /** Default: chat. */
  purpose?: Purpose | undefined;
  /** How the last call ended. */
  outcome: "finished" | "broken";
  /** Oldest first. */
  attempts: readonly Attempt[];
  promptEstimate: number;
  /** What arrived, in `estimateTokens`' tokens. */
  textEstimate: number;
  thoughtEstimate: number;
  /** Answer and thoughts together cannot have more, however they are estimated. Absent: not known. */
  mostAnswerTokens?: number | undefined;
}

/**
 * One entry for each attempt, oldest first, dated and priced at the moment it was made; the last one carries the answer, if there
 * was one. None if none was sent. Never throws: a call whose usage cannot be counted is booked as of unknown cost.
 */
export function bookTurn(books: Books, toBook: TurnToBook): LedgerEntry[] {
  const entries: LedgerEntry[] = [];
  for (const attempt of toBook.attempts) entries.push(bookAttempt(books, toBook, attempt, entries.length + 1));
  return entries;
}

function bookAttempt(books: Books, toBook: TurnToBook, attempt: Attempt, number: number): LedgerEntry {
  const call = describeCall(toBook, attempt, number);
  try {
    if (attempt.usageRaw !== null) call.meter = books.provider.readUsage(attempt.usageRaw);
    call.price = books.findPrice(call.modelServed ?? call.modelRequested, call.at);
    return bookCall(call);
  } catch {
    return asUnknown(bookCall({ ...call, outcome: "refused", modelServed: null }));
  }
}

/** The last attempt is the one that the answer came with, unless it was refused. */
function describeCall(toBook: TurnToBook, attempt: Attempt, number: number): CallToBook {
  const { modelServed, model, errorCode, status } = attempt;
  const refused = errorCode !== null && status !== null && status !== 200;
  const delivered = number === toBook.attempts.length && !refused;
  const most = toBook.mostAnswerTokens ?? Number.POSITIVE_INFINITY;
  const textEstimate = delivered ? Math.min(toBook.textEstimate, most) : 0;
  return {
    purpose: toBook.purpose,
    attempt: number,
    at: attempt.at,
    vendor: attempt.vendor,
    modelRequested: model,
    modelServed: delivered ? (modelServed ?? model) : null,
    usageRaw: attempt.usageRaw,
    meter: null,
    counted: attempt.counted,
    price: undefined,
    outcome: refused ? "refused" : delivered ? toBook.outcome : "broken",
    promptEstimate: toBook.promptEstimate,
    textEstimate,
    thoughtEstimate: delivered ? Math.min(toBook.thoughtEstimate, most - textEstimate) : 0,
    errorCode,
  };
}

/** What a running turn has used so far; undefined before anything is known. */
export function usageSoFar(books: Books, toBook: TurnToBook): { usage: Usage; cost: Cost } | undefined {
  const entries = bookTurn(books, toBook);
  const usage = sumUsage(entries);
  return usage ? { usage, cost: sumCost(entries) } : undefined;
}
