// Budgets made when much is spent already: they begin with what the ledger says, however it is read.

import { expect, test } from "bun:test";
import { newId } from "../src/id.ts";
import { budgetWindows } from "../src/money/budget-window.ts";
import { closeInput, entryFor, newSession, type Opened, openInput } from "./store-inputs.ts";
import { storeEngines } from "./stores.ts";

const at = Date.parse("2026-11-25T12:00:00Z"); // a Wednesday

test.each(storeEngines)(
  "a budget of a whole project or of everybody made late begins with the ledger's sum, what is added up already and what is not on %s",
  async (_, openFixture) => {
    const { store } = await openFixture();
    const owner = `late ${newId()}`;
    const session = await newSession(store, {}, owner);
    const spend = async (pico: bigint | null, when: number) => {
      const opened = (await store.openTurn(openInput(session.id, { owner, at: when }))) as Opened;
      await store.closeTurn(closeInput(opened, [entryFor(pico, { at: when })], { owner }));
    };
    const settledOf = async (scope: string) => {
      const of = { project: scope === "global" ? "" : owner, scope };
      const limits = budgetWindows.map((window) => ({ window, limit: 10n ** 15n, models: null, names: null }));
      const made = await store.putBudgets(of, limits, null, null, at);
      await store.deleteBudgets(of, null, at);
      return made.map((budget) => budget.settled);
    };
    const everybody = await settledOf("global");
    await spend(7n, at - 40 * 86_400_000);
    await spend(20n, at - 86_400_000);
    await spend(null, at);
    await store.settleUsage();
    await spend(300n, at - 1_000);
    await spend(4_000n, at + 86_400_000);
    const spent = budgetWindows.map((window) => ({ total: 4_327n, day: 300n, week: 4_320n, month: 4_320n })[window]);
    expect(await settledOf("project")).toEqual(spent);
    expect(await settledOf("global")).toEqual(spent.map((pico, place) => pico + everybody[place]!));
  },
);
