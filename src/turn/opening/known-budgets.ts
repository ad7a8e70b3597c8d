// The budgets that concern those who asked lately, in memory: as long as none is changed, a turn reads nothing of them.

import type { Ask, Grant, StandingBudgets } from "../../money/budget.ts";
import { wholeGrant } from "../../money/budget.ts";
import type { BudgetAsker, BudgetStore } from "../../money/budget-store.ts";

/** Whose budgets are known at a time: some 10 MB. */
const mostKnown = 10_000;

export interface Known {
  budgets: StandingBudgets;
  /** Whether any session of the project has one: then each session's are known for itself. */
  bySession: boolean;
  /**
   * One of them had no room for all that was asked, the last time: they are looked at before anything of the next turn is written, so that
   * refusing it undoes nothing.
   */
  isTight: boolean;
}

/** No version of the budgets: a turn is not opened with it, and its opening says why. */
export const noBudgets: StandingBudgets = { version: -1, limits: [] };

export class KnownBudgets {
  private readonly store: Pick<BudgetStore, "findBudgets">;
  private readonly known = new Map<string, Known>();
  private version: number | undefined;
  /** There are no budgets at all; undefined: not known. */
  none: Known | undefined;

  constructor(store: Pick<BudgetStore, "findBudgets">) {
    this.store = store;
  }

  /** What is known; whether it still holds, the opening of a turn finds out. */
  recall(asker: BudgetAsker): Known | undefined {
    if (this.none) return this.none;
    const known = this.known.get(nameOf(asker));
    return known?.bySession ? this.known.get(nameOf(asker, asker.sessionId)) : known;
  }

  async read(asker: BudgetAsker): Promise<Known> {
    const { any, bySession, version, limits } = await this.store.findBudgets(asker);
    const known = { budgets: { version, limits }, bySession, isTight: false };
    this.expect(version);
    if (!any) this.none = known;
    else {
      this.keep(nameOf(asker), known);
      if (bySession) this.keep(nameOf(asker, asker.sessionId), known);
    }
    return known;
  }

  /** The budgets are at this version: nothing stays known of another one. */
  expect(version: number): void {
    if (version !== this.version) this.forget();
    this.version = version;
  }

  /** The budgets have changed, here or elsewhere. */
  forget(): void {
    this.version = undefined;
    this.none = undefined;
    this.known.clear();
  }

  /** The one that came first gives way. */
  private keep(name: string, known: Known): void {
    const [oldest] = this.known.keys();
    if (this.known.size >= mostKnown && oldest !== undefined) this.known.delete(oldest);
    this.known.set(name, known);
  }
}

/** Whether less was granted than was asked. */
export function isShort(grant: Grant | null, ask: Ask): boolean {
  return grant !== null && ask.call !== null && grant.pico < wholeGrant(ask.call, ask).pico;
}

/** Ids and the names of projects have no space. */
function nameOf({ project, keyId, user }: BudgetAsker, sessionId = ""): string {
  return `${project} ${keyId ?? ""} ${sessionId} ${user === null ? "" : `:${user}`}`;
}
