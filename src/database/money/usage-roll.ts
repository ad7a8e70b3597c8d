// Adding the ledger up, a step at a time behind the turns. Each step is one transaction, and so is exact whatever happens next.
// Whoever reads adds the rest.

import { placeholders } from "../columns.ts";
import type { Tx } from "../tx.ts";
import { type Entries, type Follow, type FollowStep, follow } from "./follow.ts";

/** All entries of turns up to the mark are added up, except those that are open. */
export const summing: Follow = { mark: "usage_mark", column: "rolled_to", open: "usage_open" };

const sums = ["input_tokens", "cached_tokens", "output_tokens", "thinking_tokens", "tool_tokens", "total_tokens"];
export const sumColumns = ["turns", "unpriced_turns", "accuracy_rank", "cost_million", "cost_rest", ...sums];

/** An entry `e` of turn `t` in session `s`, with the columns of usage_call. Entries never change, so what each adds never does either. */
export const entryColumns: Record<string, string> = {
  project: "s.project",
  at: "e.at",
  turn: "e.turn",
  number: "e.number",
  session: "t.session",
  user_name: "t.user_name",
  key_id: "t.key_id",
  vendor: "e.vendor",
  model: "COALESCE(e.model_served, e.model_requested)",
  purpose: "e.purpose",
  turns: "CASE WHEN e.number = 1 THEN 1 ELSE 0 END",
  unpriced_turns: `CASE WHEN e.accuracy_rank = 3 AND NOT EXISTS
    (SELECT 1 FROM ledger f WHERE f.turn = e.turn AND f.number < e.number AND f.accuracy_rank = 3) THEN 1 ELSE 0 END`,
  accuracy_rank: "e.accuracy_rank",
  cost_million: "COALESCE(e.total_pico, 0) / 1000000",
  cost_rest: "COALESCE(e.total_pico, 0) % 1000000",
  ...Object.fromEntries(sums.map((name) => [name, `COALESCE(e.${name}, 0)`])),
};
const callColumns = Object.keys(entryColumns).join(", ");
const selectEntry = Object.entries(entryColumns)
  .map(([name, value]) => `${value} AS ${name}`)
  .join(", ");

export const quarterMs = 15 * 60_000;
/** Steps in minutes, as usage_sum has them. */
export const steps = { quarter: 15, hour: 60, sixHours: 360, day: 1_440, month: 43_200 } as const;
export type Step = (typeof steps)[keyof typeof steps];
/**
 * Whose sums are kept, and in which steps, the widest first. Those by name are many and lie far apart: a step of 128 turns of 128 users writes
 * as many pages of each.
 */
export const cuts = {
  project: [steps.month, steps.day, steps.sixHours, steps.hour, steps.quarter],
  key: [steps.month, steps.day],
  user: [steps.month],
} as const;
export type Cut = keyof typeof cuts;

/** One step: returns how many open turns were in it. Undefined: the mark is elsewhere by now; nothing was done. */
export async function rollUsage(tx: Tx, step: FollowStep): Promise<number | undefined> {
  const followed = await follow(tx, summing, step);
  if (!followed) return undefined;
  for (const entries of followed.entries) await addUp(tx, entries);
  return followed.reopened;
}

/** What a row of sums is made of, where each row that is added up is one call. */
export function sumsOf(value: (name: string) => string): string[] {
  const sums = sumColumns.map((name) =>
    name === "accuracy_rank" ? `MAX(${value(name)}) AS ${name}` : `CAST(SUM(${value(name)}) AS BIGINT) AS ${name}`,
  );
  return ["COUNT(*) AS calls", ...sums];
}

const names = ["project", "user_name", "key_id", "vendor", "model", "purpose"];
const selectSums = [
  ...names.map((name) => `${entryColumns[name]} AS ${name}`),
  `e.at - e.at % ${quarterMs} AS at`,
  ...sumsOf((name) => entryColumns[name]!),
].join(", ");
const byName = [...names, "at"].map((_, place) => place + 1).join(", ");

/** Adds up these entries: what is alike, and of the same quarter of an hour, first. */
export async function addUp(tx: Tx, { from, where, params }: Entries): Promise<void> {
  const found = `FROM ${from} CROSS JOIN turn t CROSS JOIN session s WHERE ${where} AND t.row = e.turn AND s.row = t.session`;
  await tx.run(`INSERT INTO usage_call (${callColumns}) SELECT ${selectEntry} ${found}`, params);
  const sums = await tx.all<Sums>(`SELECT ${selectSums} ${found} GROUP BY ${byName}`, params);
  const added: Promise<unknown>[] = [];
  for (const cut of Object.keys(cuts) as Cut[]) {
    let finer: readonly Sums[] = sums;
    for (const step of cuts[cut].toReversed()) {
      finer = fold(finer, cut, step);
      for (const cell of finer) added.push(tx.run(addCell, cellValues(cell, cut, step)));
    }
  }
  for (const project of new Set(sums.map((row) => row.project)))
    added.push(tx.run("INSERT INTO usage_project (id) VALUES ($1) ON CONFLICT (id) DO NOTHING", [project]));
  await Promise.all(added);
}

interface Sums extends Record<string, number | string | null> {
  project: string;
  at: number;
  user_name: string | null;
  key_id: string | null;
  vendor: string;
  model: string;
  purpose: string;
}

const cellKey = "cut, step, project, at, name, vendor, model, purpose";
export const cellSums = ["calls", ...sumColumns];
const addCell = `INSERT INTO usage_sum (${cellKey}, ${cellSums.join(", ")}) VALUES (${placeholders(1, 8 + cellSums.length)})
  ON CONFLICT (${cellKey}) DO UPDATE SET ${cellSums
    .map((name) =>
      name === "accuracy_rank"
        ? `${name} = CASE WHEN usage_sum.${name} < excluded.${name} THEN excluded.${name} ELSE usage_sum.${name} END`
        : `${name} = usage_sum.${name} + excluded.${name}`,
    )
    .join(", ")}`;

function cellValues(cell: Sums, cut: Cut, step: Step): (string | number)[] {
  const { project, at, vendor, model, purpose } = cell;
  const key = [cut, step, project, at, nameIn(cell, cut), vendor, model, purpose];
  return [...key, ...cellSums.map((sum) => cell[sum] as number)];
}

function nameIn({ key_id: key, user_name: user }: Sums, cut: Cut): string {
  return cut === "project" ? "" : ((cut === "key" ? key : user) ?? "");
}

/** What is in the same step, and of the same name, becomes one. */
function fold(finer: readonly Sums[], cut: Cut, step: Step): Sums[] {
  const folded = new Map<string, Sums>();
  for (const row of finer) {
    const at = beginOf(row.at, step);
    const id = `${at}\0${row.project}\0${nameIn(row, cut)}\0${row.vendor}\0${row.model}\0${row.purpose}`;
    const cell = folded.get(id);
    if (cell) addSums(cell, row);
    else folded.set(id, { ...row, at });
  }
  return [...folded.values()];
}

function addSums(cell: Sums, row: Sums): void {
  for (const name of cellSums) {
    const [kept, more] = [cell[name] as number, row[name] as number];
    cell[name] = name === "accuracy_rank" ? Math.max(kept, more) : kept + more;
  }
}

/** When the step began that a moment is in. */
export function beginOf(at: number, step: Step): number {
  if (step !== steps.month) return at - (at % (step * 60_000));
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
}
