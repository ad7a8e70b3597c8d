// Budgets as data: whom they are for, what a turn asks of them, and what they can grant it. The money is kept in database/money. Pure.

import { createHash } from "node:crypto";
import type { BudgetWindow } from "./budget-window.ts";
import type { Pico } from "./money.ts";
import { billedCalls, tokensWithin, type WorstCall, worstCost } from "./worst-case.ts";

/** From the narrowest to the widest: the order in which they are asked, the one that all turns share at last. */
export const scopeKinds = ["session", "user", "key", "project", "global"] as const;
export type ScopeKind = (typeof scopeKinds)[number];

/** `global` and `project` are whole names; of the others a name follows: `key:<id>`. Undefined: it is no scope. */
export function readScope(text: string): { kind: ScopeKind; name: string } | undefined {
  const at = text.indexOf(":");
  const kind = scopeKinds.find((one) => one === (at === -1 ? text : text.slice(0, at)));
  const isWhole = kind === "global" || kind === "project";
  if (kind === undefined || isWhole !== (at === -1)) return undefined;
  return { kind, name: isWhole ? "" : text.slice(at + 1) };
}

export function rankOfScope(scope: string): number {
  return scopeKinds.indexOf(readScope(scope)?.kind ?? "global");
}

/** One limit of a scope, as it is set. */
export interface BudgetLimit {
  window: BudgetWindow;
  limit: Pico;
  /** Counts the calls to these models alone, by the catalogue's names; null: to all. */
  models: readonly string[] | null;
  /** All names that these models go by. */
  names: readonly string[] | null;
  /** What is added to it, each until its time, in ms; undefined: what was before, and nothing to a new one. */
  increases?: Budget["increases"] | undefined;
}

/** A limit with what is spent and held of it now. */
export interface Budget {
  scope: string;
  window: BudgetWindow;
  models: readonly string[] | null;
  /** With what was added for a time. */
  limit: Pico;
  /** What was added to it and is not over yet, each until its time, in ms. */
  increases: readonly { pico: Pico; until: number }[];
  settled: Pico;
  held: Pico;
  /** Of what is settled: what was billed beyond what had been held for it. */
  beyond: Pico;
  /** Null for all of time. */
  startsAt: number | null;
  resetsAt: number | null;
  /** In millionths of the limit: past it, whoever asks is told. Null: nobody is. */
  softPpm: number | null;
}

/**
 * The version of a scope's limits, by what is set and what is added: it is another after every change, and the same again where they are. What is
 * spent changes nothing. 48 bits, so that a number holds it.
 */
export function versionOfLimits(limits: readonly Budget[]): number {
  const set = limits.map(({ window, models, limit, increases, softPpm }) => [
    ...[window, models, `${limit}`, softPpm],
    increases.map(({ pico, until }) => [`${pico}`, until]),
  ]);
  return createHash("sha256").update(JSON.stringify(set)).digest().readUIntBE(0, 6);
}

/** What a turn, or any other call to a vendor, asks of its budgets. */
export interface Ask {
  /** By the catalogue's own name; budgets may be for some models only. */
  model: string;
  /** Null: the model has no price, so nothing can be held. */
  call: WorstCall | null;
  /** Of the answer, thoughts included: as many as were asked for, or as the model gives. */
  tokens: number;
  /** With fewer there is no use in asking. */
  leastTokens: number;
}

export interface Grant {
  /** `max_output_tokens` of what is sent. */
  tokens: number;
  /** How many calls that the vendor may bill are held. */
  calls: number;
  /** What is held for them. */
  pico: Pico;
}

/** What is held of one budget, in the window in which it was held. */
export interface Hold {
  budget: number;
  startsAt: number;
  pico: Pico;
}

/** A budget of which so much is spent that somebody should know, and nobody was told in this window. */
export type SoftLimit = Pick<Budget, "scope" | "window" | "settled" | "limit">;

/** A limit as it stands until some budget is changed: what need not be read anew for every turn. */
export interface StandingLimit {
  number: number;
  scope: string;
  window: BudgetWindow;
  names: readonly string[] | null;
  /** With what was added to it, each until a moment. */
  limit: Pico;
  extras: readonly { pico: Pico; until: number }[];
  softPpm: number | null;
}

/** The limits that concern somebody at one version of all budgets. */
export interface StandingBudgets {
  version: number;
  limits: readonly StandingLimit[];
}

/** Whether a budget counts calls to one of these models. */
export function countsModel({ names }: Pick<StandingLimit, "names">, models: readonly string[]): boolean {
  return names === null || models.some((model) => names.includes(model));
}

/** Everything that is asked for, as long as the budgets have room for it. */
export function wholeGrant(call: WorstCall, { tokens }: Ask): Grant {
  return { tokens, calls: billedCalls, pico: worstCost(call, tokens, billedCalls) };
}

/** What a turn has of its budgets when it is opened. */
export interface Held {
  /** The count of budgets' changes by which these are all. */
  budgetVersion: number;
  holds: readonly Hold[];
  /** Null where no budget concerns it: then nothing limits it. */
  grant: Grant | null;
  soft: readonly SoftLimit[];
}

/**
 * What fits into `left`: everything; or with no room for a second try; or that with a shorter answer, as long as it is of use.
 * Undefined: nothing of use does.
 */
export function grantWithin(call: WorstCall, { tokens, leastTokens }: Ask, left: Pico): Grant | undefined {
  for (let calls = billedCalls; calls > 0; calls--) {
    const pico = worstCost(call, tokens, calls);
    if (pico <= left) return { tokens, calls, pico };
  }
  const fitting = Math.min(tokens, tokensWithin(call, left));
  if (fitting < leastTokens) return undefined;
  return { tokens: fitting, calls: 1, pico: worstCost(call, fitting, 1) };
}

/** The least that must be left for it. */
export function neededFor(call: WorstCall, { leastTokens }: Ask): Pico {
  return worstCost(call, leastTokens, 1);
}
