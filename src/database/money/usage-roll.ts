// Adding the ledger up, a step at a time behind the turns. Each step is one transaction, and so is exact whatever happens next.
//
// What is added up: all entries of turns up to the mark, except those that usage_open names. Whoever reads adds the rest.

import { placeholders } from "../columns.ts";
import type { Tx } from "../tx.ts";

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
const selectEntry = Object.entries(entryColumns)
  .map(([name, value]) => `${value} AS ${name}`)
  .join(", ");

export const quarterMs = 15 * 60_000;
/** Steps in minutes, as usage_sum has them. */
export const steps = { quarter: 15, hour: 60, day: 1_440, month: 43_200 } as const;
export type Step = (typeof steps)[keyof typeof steps];
/**
 * Whose sums are kept, and in which steps, the widest first. Those by name are many and lie far apart: a step of 128 turns of 128 users writes
 * as many pages of each.
 */
export const cuts = {
  project: [steps.month, steps.day, steps.hour, steps.quarter],
  key: [steps.month, steps.day],
  user: [steps.month],
} as const;
export type Cut = keyof typeof cuts;

export interface RollUsage {
  /** Where the mark is, as the caller knows it, and where it goes: rows whose transactions are all over. */
  from: number;
  to: number;
  /** Turns of usage_open that are settled by now. */
  settled: readonly number[];
}

/** One step. False: the mark is elsewhere by now; nothing was done. */
export async function rollUsage(tx: Tx, { from, to, settled }: RollUsage): Promise<boolean> {
  // The guard: whoever has moved the mark holds its row until all is added up.
  if ((await tx.run("UPDATE usage_mark SET rolled_to = $2 WHERE id = 1 AND rolled_to = $1", [from, to])) === 0)
    return false;
  const passed = await tx.all<{ row: number; settled: number }>(
    "SELECT row, settled FROM turn WHERE row > $1 AND row <= $2",
    [from, to],
  );
  const open = passed.filter((turn) => turn.settled === 0).map(({ row }) => [row, 0]);
  if (open.length > 0)
    await tx.run(
      `INSERT INTO usage_open (turn, number) SELECT p.turn, p.number FROM ${tx.dialect.rowsOf("$1", ["turn", "number"])} p WHERE true ON CONFLICT (turn) DO NOTHING`,
      [JSON.stringify(open)],
    );
  const ready = passed.filter((turn) => turn.settled === 1).map(({ row }) => [row, 0]);
  if (settled.length > 0) for (const { turn, number } of await takeSettled(tx, settled)) ready.push([turn, number]);
  if (ready.length > 0) await addUp(tx, ready);
  return true;
}

function takeSettled(tx: Tx, turns: readonly number[]): Promise<{ turn: number; number: number }[]> {
  const wanted = `SELECT p.turn FROM ${tx.dialect.rowsOf("$1", ["turn"])} p JOIN turn t ON t.row = p.turn WHERE t.settled = 1`;
  return tx.all(`DELETE FROM usage_open WHERE turn IN (${wanted}) RETURNING turn, number`, [
    JSON.stringify(turns.map((turn) => [turn])),
  ]);
}

/** Adds up these turns' entries, of each from a number on. */
export async function addUp(tx: Tx, turns: readonly (readonly number[])[]): Promise<void> {
  const columns = Object.keys(entryColumns).join(", ");
  const entries = await tx.all<CallRow>(
    `INSERT INTO usage_call (${columns}) SELECT ${selectEntry} FROM ${tx.dialect.rowsOf("$1", ["turn", "number"])} p
       JOIN ledger e ON e.turn = p.turn AND e.number >= p.number JOIN turn t ON t.row = e.turn JOIN session s ON s.row = t.session
     WHERE true RETURNING ${columns}`,
    [JSON.stringify(turns)],
  );
  const added = makeCells(entries).map(({ key, sums }) => tx.run(addCell, [...key, ...sums]));
  const projects = new Set(entries.map(({ project }) => project));
  for (const project of projects)
    added.push(tx.run("INSERT INTO usage_project (id) VALUES ($1) ON CONFLICT (id) DO NOTHING", [project]));
  await Promise.all(added);
}

interface CallRow extends Record<string, number | string | null> {
  project: string;
  at: number;
  user_name: string | null;
  key_id: string | null;
  vendor: string;
  model: string;
  purpose: string;
}
/** A row of usage_sum, or what is added to one. */
interface Cell {
  key: (string | number)[];
  sums: number[];
}

const cellKey = "cut, step, project, at, name, vendor, model, purpose";
export const cellSums = ["calls", ...sumColumns];
const worst = cellSums.indexOf("accuracy_rank");
const addCell = `INSERT INTO usage_sum (${cellKey}, ${cellSums.join(", ")}) VALUES (${placeholders(1, 8 + cellSums.length)})
  ON CONFLICT (${cellKey}) DO UPDATE SET ${cellSums
    .map((name) =>
      name === "accuracy_rank"
        ? `${name} = CASE WHEN usage_sum.${name} < excluded.${name} THEN excluded.${name} ELSE usage_sum.${name} END`
        : `${name} = usage_sum.${name} + excluded.${name}`,
    )
    .join(", ")}`;

/** What these entries add to the sums: to those of each cut's finest step, and from these to the wider ones. */
function makeCells(entries: readonly CallRow[]): Cell[] {
  const cells: Cell[] = [];
  for (const cut of Object.keys(cuts) as Cut[]) {
    let finer = entries.map((entry) => cellOf(cut, entry));
    for (const step of cuts[cut].toReversed()) {
      finer = foldCells(finer, step);
      cells.push(...finer);
    }
  }
  return cells;
}

function cellOf(cut: Cut, entry: CallRow): Cell {
  const name = cut === "project" ? "" : ((cut === "key" ? entry.key_id : entry.user_name) ?? "");
  return {
    key: [cut, 0, entry.project, entry.at, name, entry.vendor, entry.model, entry.purpose],
    sums: cellSums.map((sum) => (sum === "calls" ? 1 : (entry[sum] as number))),
  };
}

function foldCells(cells: readonly Cell[], step: Step): Cell[] {
  const folded = new Map<string, Cell>();
  for (const { key: finer, sums } of cells) {
    const key = finer.with(1, step).with(3, beginOf(finer[3] as number, step));
    const id = key.join("\0");
    const cell = folded.get(id);
    if (!cell) folded.set(id, { key, sums: [...sums] });
    else
      for (let at = 0; at < sums.length; at++)
        cell.sums[at] = at === worst ? Math.max(cell.sums[at]!, sums[at]!) : cell.sums[at]! + sums[at]!;
  }
  return [...folded.values()];
}

/** When the step began that a moment is in. */
export function beginOf(at: number, step: Step): number {
  if (step !== steps.month) return at - (at % (step * 60_000));
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
}

/** Nothing is added up until the transaction is over. */
export async function holdMark(tx: Tx): Promise<void> {
  await tx.all(`SELECT rolled_to FROM usage_mark WHERE id = 1 ${tx.dialect.lockRows}`);
}

/** An entry comes to a turn that may be added up already: called in the transaction that books it, before or after. */
export async function noteLateEntry(tx: Tx, turn: number, number: number): Promise<void> {
  await holdMark(tx);
  await tx.run(
    `INSERT INTO usage_open (turn, number) SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT) FROM usage_mark WHERE id = 1 AND rolled_to >= $1
     ON CONFLICT (turn) DO NOTHING`,
    [turn, number],
  );
}

export interface RollState {
  mark: number;
  newest: number;
  begun: number;
  over: number;
}

/** Where the mark stands, and the newest turn that can be seen. */
export function rollStateQuery({ dialect }: Pick<Tx, "dialect">): string {
  const { begun, over } = dialect.horizon;
  return `SELECT rolled_to AS mark, COALESCE((SELECT MAX(row) FROM turn), 0) AS newest, ${begun} AS begun, ${over} AS over FROM usage_mark WHERE id = 1`;
}
