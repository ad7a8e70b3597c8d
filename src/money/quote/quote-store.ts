// What storage must do for a quote: the share of door 2 that is its own.

import type { AppError } from "../../errors.ts";
import type { Ask, Budget, Grant } from "../budget.ts";
import type { BudgetAsker } from "../budget-store.ts";
import type { PastAnswer } from "./quote.ts";

export interface QuoteQuestion {
  owner: string;
  sessionId: string;
  /** The session's row, and where its newest turn stands. */
  session: { row: number; tipBranch: number; tipPosition: number };
  /** The message that the new one follows; null: none; undefined: the newest. */
  parentId: string | null | undefined;
  /** The model whose answers are asked for, as turns name the one that they went to. */
  model: string;
}
/** What a message to a session can be judged by. Answers: of the last turns, the newest first. */
export interface QuoteBasis {
  /** The turn that the message follows; undefined where that is the newest, or none. */
  place: { branch: number; position: number } | undefined;
  here: PastAnswer[];
  /** In the project's other conversations. */
  elsewhere: PastAnswer[];
}

/** Whom the message is for, and when. */
export interface QuoteHolder extends BudgetAsker {
  at: number;
}
/** What the budgets that concern it would grant it now, without taking it. No grant and no refusal: there are none. */
export interface QuoteBudgets {
  budgets: Budget[];
  grant: Grant | null;
  refusal: AppError | undefined;
}

export interface QuoteStore {
  /** not_found (the message) | invalid_request (it is no answer). */
  readQuoteBasis(question: QuoteQuestion): Promise<QuoteBasis>;
  /** Without `ask` all that concern whoever asks, whatever the model: nothing is granted or refused. */
  readQuoteBudgets(holder: QuoteHolder, ask: Ask | null): Promise<QuoteBudgets>;
}
