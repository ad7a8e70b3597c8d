// What storage must do for budgets: the share of door 2 that is theirs. What a turn holds of them it takes and gives in its own transactions.

import type { Budget, BudgetLimit, StandingBudgets } from "./budget.ts";
import type { Pico } from "./money.ts";

/** Whose budget: a scope's, in a project. `global` is in none: its project is ''. */
export interface BudgetScope {
  project: string;
  scope: string;
}

/** Whom a call to a vendor is for. */
export interface BudgetAsker {
  project: string;
  sessionId: string;
  user: string | null;
  keyId: string | null;
}

/** `version` grows with every change of a budget, whichever process makes it. */
export interface FoundBudgets extends StandingBudgets {
  /** Whether there is any budget at all, and whether any session of the project has one. */
  any: boolean;
  bySession: boolean;
}

/** Scopes in the order of their names. `scopes`: these alone; null: all of the project, and with `global` that one too. */
export interface BudgetPage {
  project: string;
  global: boolean;
  scopes: readonly string[] | null;
  after?: string | undefined;
  /** Scopes at most. */
  limit: number;
  at: number;
}

/** A limit as it was set, without what was added for a time. */
export type KeyLimit = Pick<BudgetLimit, "window" | "limit" | "models">;

/** What the scope's limits must be at (`versionOfLimits`), or one of several: else version_mismatch, and nothing is changed. */
export type LimitsVersion = number | readonly number[] | undefined;

export interface BudgetStore {
  findBudgets(asker: BudgetAsker): Promise<FoundBudgets>;
  listBudgets(page: BudgetPage): Promise<{ data: Budget[]; hasMore: boolean }>;
  /** The limits of each of these keys; one without limits is not in the map. */
  listKeyLimits(keyIds: readonly string[]): Promise<ReadonlyMap<string, KeyLimit[]>>;
  /**
   * `by`: the key it is done with, for the audit; null: none was needed.
   * Makes these the limits of the scope. One that was there, for the same window and models, keeps what is settled and held; a new one
   * begins with what the ledger says was spent in its window so far. It holds for every turn that is opened after this resolves.
   */
  putBudgets(
    scope: BudgetScope,
    limits: readonly BudgetLimit[],
    softPpm: number | null,
    by: string | null,
    at: number,
    version?: LimitsVersion,
  ): Promise<Budget[]>;
  /** Adds to every limit of the scope until a moment. not_found | conflict (too many additions at a time). */
  increaseBudgets(
    scope: BudgetScope,
    pico: Pico,
    until: number,
    by: string | null,
    at: number,
    version?: LimitsVersion,
  ): Promise<Budget[]>;
  /** not_found. */
  deleteBudgets(scope: BudgetScope, by: string | null, at: number, version?: LimitsVersion): Promise<void>;
}

/** Of one scope. */
export const mostLimits = 20;
export const mostIncreases = 20;
