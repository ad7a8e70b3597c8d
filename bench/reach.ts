// What is to be reached, as numbers with names: what must be so at least, and what is aimed at then.

import { printInterval } from "./bench.ts";
import { ourName } from "./checkout.ts";
import type { Interval } from "./statistics.ts";

interface Goal {
  what: string;
  /** Which way is better. */
  better: "more" | "less";
  least: number;
  best: number;
  unit: string;
}

const relay = "of the relay's turns per CPU-second";
const prompt = "times the CPU of a relay that sends the same prompt";

export const goals = {
  "json-turn": { what: "JSON turn", better: "more", least: 0.25, best: 0.33, unit: relay },
  "stream-turn": { what: "stream of 100 deltas", better: "more", least: 0.3, best: 0.38, unit: relay },
  "stored-bytes": { what: "a JSON turn in SQLite", better: "less", least: 1_500, best: 950, unit: "bytes" },
  "behind-200": { what: "a turn with 200 messages behind it", better: "less", least: 4, best: 2, unit: prompt },
  "behind-2000": { what: "a turn with 2,000 messages behind it", better: "less", least: 4, best: 2, unit: prompt },
  "loaded-rss": { what: "RSS under load, short turns", better: "less", least: 160, best: 110, unit: "MB" },
  // 8,052 before a turn was one row.
  lines: { what: "`src` without `providers/` and `http/`", better: "less", least: 8_052, best: 6_440, unit: "lines" },
} as const satisfies Record<string, Goal>;

export type GoalName = keyof typeof goals;

/** What was measured for a goal, by target. */
export interface Reach {
  goal: GoalName;
  measured: Record<string, Interval>;
}

/** A number that is counted, not sampled. */
export function exactly(value: number): Interval {
  return { value, low: value, high: value };
}

export interface ReachedRow {
  what: string;
  /** Of the other checkout, if one was measured beside ours. */
  before: string | null;
  measured: string;
  least: string;
  best: string;
}

/** A goal is reached when the measured value itself is there; its interval says how sure that is. */
export function describeReach({ goal, measured }: Reach, before: string): ReachedRow {
  const { what, better, least, best, unit }: Goal = goals[goal];
  const value = measured[ourName]!.value;
  const verdict = (aim: number) => {
    const reached = better === "more" ? value >= aim : value <= aim;
    return `${aim.toLocaleString("en-US")} ${reached ? "yes" : "**no**"}`;
  };
  const print = (interval: Interval | undefined) => interval && printReached(interval);
  return {
    what: `${what}, ${unit}`,
    before: print(measured[before]) ?? null,
    measured: printReached(measured[ourName]!),
    least: verdict(least),
    best: verdict(best),
  };
}

function printReached(interval: Interval): string {
  const { value, low, high } = interval;
  if (low !== high) return printInterval(interval);
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3);
}
