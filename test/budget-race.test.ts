// Invariant 3: settled + held is never above a limit, from any number of processes, at any instant. The long run is bench/budget.ts.

import { expect, test } from "bun:test";
import { runBudgetRace } from "./budget-race.ts";
import { engines } from "./engines.ts";

test.each(engines)(
  "invariant 3 on %s: turns at once on a budget for a quarter of them, through faults, stops, kills and steps of the clock",
  async (name, createDatabase) => {
    const processes = name === "SQLite" ? 1 : 2;
    const result = await runBudgetRace({
      databaseUrl: await createDatabase(),
      processes,
      turns: 24,
      kills: 1,
      seed: 7,
    });
    expect(result.problems).toEqual([]);
    // Each caller has one end.
    expect(result.callers).toBe(120);
    expect(Object.values(result.ends).reduce((sum, count) => sum + count, 0)).toBe(120);
    expect(result.ends.refused).toBeGreaterThan(0);
    expect(result.metered + result.cut.turns).toBe(result.granted);
    expect(result.metered).toBeGreaterThan(0);
    expect(result.looks).toBeGreaterThan(0);
    expect(result.kills).toBe(1);
  },
  180_000,
);
