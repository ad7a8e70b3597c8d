// Usage as the page adds it up: by day and by group, the largest groups by themselves, the others together.

import type { UsageRow } from "../api/rooms.ts";
import { addUsd, compareUsd } from "../text/money.ts";
import { printLocalDay } from "../text/time.ts";

export interface Group {
  /** Null: nobody's, or none. */
  name: string | null;
  turns: number;
  input: number;
  output: number;
  cost: string;
  /** Calls without a price are in it. */
  unpriced: boolean;
}

/** Groups that have a colour of their own. */
export const mostColours = 5;

export function listGroups(rows: readonly UsageRow[], nameOf: (row: UsageRow) => string | null): Group[] {
  const groups = new Map<string | null, Group>();
  for (const row of rows) {
    const name = nameOf(row);
    const known = groups.get(name) ?? { name, turns: 0, input: 0, output: 0, cost: "0", unpriced: false };
    groups.set(name, {
      name,
      turns: known.turns + row.turns,
      input: known.input + row.input_tokens,
      output: known.output + row.output_tokens + row.thinking_tokens,
      cost: addUsd(known.cost, row.cost ?? "0"),
      unpriced: known.unpriced || row.cost === null || row.unpriced_turns > 0,
    });
  }
  return [...groups.values()].sort((one, other) => compareUsd(other.cost, one.cost));
}

export interface Day {
  day: string;
  total: string;
  /** In the order of the groups that have colours, and the others at the end. */
  parts: string[];
}

/** Every day of the stretch, also those without anything. */
export function listDays(
  rows: readonly UsageRow[],
  days: readonly string[],
  groups: readonly Group[],
  nameOf: (row: UsageRow) => string | null,
): Day[] {
  const colour = new Map(groups.slice(0, mostColours).map(({ name }, index) => [name, index]));
  const count = Math.min(groups.length, mostColours + 1);
  const byDay = new Map(days.map((day) => [day, { day, total: "0", parts: Array<string>(count).fill("0") }]));
  for (const row of rows) {
    const day = byDay.get(row.day ?? "");
    if (!day || row.cost === null) continue;
    const at = colour.get(nameOf(row)) ?? mostColours;
    day.parts[at] = addUsd(day.parts[at] ?? "0", row.cost);
    day.total = addUsd(day.total, row.cost);
  }
  return [...byDay.values()];
}

/** Local dates, `count` of them up to today. */
export function lastDays(count: number, now = new Date()): string[] {
  return Array.from({ length: count }, (_, index) =>
    printLocalDay(new Date(now.getFullYear(), now.getMonth(), now.getDate() - (count - 1 - index))),
  );
}
