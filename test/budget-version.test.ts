// Limits that several change at once: a change for other limits than there are is refused, and additions stay with their limit.

import { expect, test } from "bun:test";
import { newId } from "../src/id.ts";
import { type BudgetLimit, versionOfLimits } from "../src/money/budget.ts";
import type { BudgetWindow } from "../src/money/budget-window.ts";
import { codeOf, storeEngines } from "./stores.ts";

const at = Date.parse("2026-11-25T12:00:00Z"); // a Wednesday
const project = "anna";
const limitOf = (limit: bigint, window: BudgetWindow = "total"): BudgetLimit => ({
  ...{ window, limit, models: null, names: null },
});

test.each(storeEngines)(
  "a change that was made for other limits changes nothing; a limit set again keeps what was added to it, or gets what is named, on %s",
  async (_, openFixture) => {
    const { store } = await openFixture();
    const scope = `user:${newId()}`;
    const of = { project, scope };
    const look = async () => (await store.listBudgets({ project, global: false, scopes: [scope], limit: 1, at })).data;
    await store.putBudgets(of, [limitOf(20n, "day"), limitOf(90n, "month")], null, null, at);
    await store.increaseBudgets(of, 5n, at + 9_000, null, at);
    const before = await look();
    const version = versionOfLimits(before);
    const stale = [version + 1, version - 1];
    for (const change of [
      () => store.putBudgets(of, [limitOf(1n)], null, null, at, stale),
      () => store.increaseBudgets(of, 1n, at + 9_000, null, at, stale),
      () => store.deleteBudgets(of, null, at, stale[0]),
    ])
      expect(await codeOf(change())).toBe("version_mismatch");
    expect(await look()).toEqual(before);
    const [month] = await store.putBudgets(of, [limitOf(90n, "month")], null, null, at, [...stale, version]);
    expect(month).toMatchObject({ window: "month", limit: 95n, increases: [{ pico: 5n, until: at + 9_000 }] });
    const increases = [{ pico: 7n, until: at + 8_000 }];
    const named = await store.putBudgets(
      ...([of, [limitOf(90n, "month"), { ...limitOf(20n, "day"), increases }], null, null, at] as const),
    );
    expect(named.map(({ window, limit }) => [window, limit])).toEqual([
      ["month", 95n],
      ["day", 27n],
    ]);
    await store.deleteBudgets(of, null, at, versionOfLimits(named));
    // Where there are none, that too is a version.
    expect(await codeOf(store.putBudgets(of, [limitOf(1n)], null, null, at, version))).toBe("version_mismatch");
    await store.putBudgets(of, [limitOf(1n)], null, null, at, versionOfLimits([]));
  },
);
