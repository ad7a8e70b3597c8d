// The reference that usage is held against: a list of entries, added up in the plainest way.

import type { LedgerEntry } from "../src/money/ledger.ts";
import { worseAccuracy } from "../src/money/ledger.ts";
import { addUsage, noUsage } from "../src/money/usage.ts";
import type { UsageGroup, UsageQuery, UsageRow } from "../src/money/usage-store.ts";

/** An entry with all that it can be added up by. */
export interface Booked extends LedgerEntry {
  project: string;
  session: string;
  turn: string;
  user: string | null;
  key: string | null;
}

const nameBy: Record<Exclude<UsageGroup, "day">, (entry: Booked) => string | null> = {
  project: ({ project }) => project,
  user: ({ user }) => user,
  key: ({ key }) => key,
  session: ({ session }) => session,
  vendor: ({ vendor }) => vendor,
  model: ({ modelServed, modelRequested }) => modelServed ?? modelRequested,
  purpose: ({ purpose }) => purpose,
};

export function addUp(booked: readonly Booked[], query: UsageQuery): UsageRow[] {
  const rows = new Map<string, UsageRow & { total: bigint }>();
  for (const entry of booked) {
    const day = query.days.find(({ since, until }) => entry.at >= since && entry.at < until);
    if (!day || (query.project !== null && entry.project !== query.project)) continue;
    if (query.user !== null && entry.user !== query.user) continue;
    if (query.sessions !== null && !query.sessions.includes(entry.session)) continue;
    const names = Object.fromEntries(
      query.groups.map((group) => [group, group === "day" ? day.name : nameBy[group](entry)]),
    );
    const key = JSON.stringify(Object.entries(names).sort());
    const none = { total: 0n, accuracy: "exact" as const, unpricedTurns: 0 };
    const row = rows.get(key) ?? { ...names, turns: 0, calls: 0, usage: noUsage, cost: none, total: 0n };
    const earlierUnknown = booked.some(
      (other) => other.turn === entry.turn && other.attempt < entry.attempt && other.accuracy === "unknown",
    );
    const accuracy = worseAccuracy(row.cost.accuracy, entry.accuracy);
    const total = row.total + (entry.total ?? 0n);
    rows.set(key, {
      ...row,
      turns: row.turns + (entry.attempt === 1 ? 1 : 0),
      calls: row.calls + 1,
      usage: entry.usage ? addUsage(row.usage, entry.usage) : row.usage,
      total,
      cost: {
        total: total === 0n && accuracy === "unknown" ? null : total,
        accuracy,
        unpricedTurns: row.cost.unpricedTurns + (entry.accuracy === "unknown" && !earlierUnknown ? 1 : 0),
      },
    });
  }
  return [...rows.values()].map(({ total: _, ...row }) => row);
}

/** Rows as one text each, in an order of their own. */
export function printRows(rows: readonly UsageRow[]): string[] {
  const print = (row: UsageRow) =>
    JSON.stringify(
      Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)),
      (_, value) => (typeof value === "bigint" ? `${value}` : value),
    );
  return rows.map(print).sort();
}
