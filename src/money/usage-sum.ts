// Adding up what was used and what it cost.

import { type Accuracy, type Cost, worseAccuracy } from "./ledger.ts";
import type { Pico } from "./money.ts";
import { addUsage, noUsage } from "./usage.ts";
import type { UsageSum } from "./usage-store.ts";

export const noSum: UsageSum = {
  turns: 0,
  calls: 0,
  usage: noUsage,
  cost: { total: 0n, accuracy: "exact", unpricedTurns: 0 },
};

/** A total of nothing with a call among it whose price is not known is not nothing: null. */
export function costOf(total: Pico, accuracy: Accuracy, unpricedTurns: number): Cost {
  return { total: total === 0n && accuracy === "unknown" ? null : total, accuracy, unpricedTurns };
}

export function addSums(a: UsageSum, b: UsageSum): UsageSum {
  return {
    turns: a.turns + b.turns,
    calls: a.calls + b.calls,
    usage: addUsage(a.usage, b.usage),
    cost: costOf(
      (a.cost.total ?? 0n) + (b.cost.total ?? 0n),
      worseAccuracy(a.cost.accuracy, b.cost.accuracy),
      a.cost.unpricedTurns + b.cost.unpricedTurns,
    ),
  };
}
