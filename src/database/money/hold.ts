// What turns hold of budgets: taken from all that concern a turn or from none, within the transaction that opens it, and given back in
// the one that books it.

import { AppError } from "../../errors.ts";
import {
  type Ask,
  countsModel,
  type Grant,
  grantWithin,
  type Hold,
  neededFor,
  type SoftLimit,
  type StandingBudgets,
  wholeGrant,
} from "../../money/budget.ts";
import { endOf } from "../../money/budget-window.ts";
import { type Cost, type LedgerEntry, sumCost } from "../../money/ledger.ts";
import { type Pico, printUsd } from "../../money/money.ts";
import { StaleSession } from "../../store.ts";
import type { Tx } from "../tx.ts";
import { type Counted, type Counter, findCounters, type Holder, type LimitAt, windowAt } from "./budget-counter.ts";

export interface Looked extends Counted {
  /** Null where no budget concerns the holder. */
  grant: Grant | null;
  /** Why it cannot be granted anything. */
  refusal: AppError | undefined;
}

/** Where others may write at the same time, what changes budgets waits until this transaction is over, and this one for it (see `changeAlone`). */
export async function holdOffChanges(tx: Tx): Promise<void> {
  if (tx.dialect.shared) await tx.run("LOCK TABLE turn IN ROW EXCLUSIVE MODE");
}

/**
 * What the budgets leave for what is asked, without taking it. Throws StaleSession where there are budgets and nothing was asked of
 * them: whoever opens the turn did not know.
 */
export async function lookAtBudgets(tx: Tx, holder: Holder, ask: Ask | undefined): Promise<Looked> {
  await holdOffChanges(tx);
  const { version, counters } = await findCounters(tx, holder);
  if (counters.length === 0) return { version, counters, grant: null, refusal: undefined };
  if (!ask) throw new StaleSession("There are budgets, and the turn was not planned for them.");
  const mine = counters.filter((counter) => countsModel(counter, [ask.model]));
  if (mine.length === 0) return { version, counters: mine, grant: null, refusal: undefined };
  return { version, counters: mine, ...grantBy(mine, ask) };
}

/** What they leave for what is asked. */
export function grantBy(counters: readonly Counter[], ask: Ask): Pick<Looked, "grant" | "refusal"> {
  const { call, model } = ask;
  if (call === null) {
    const detail = `No price is known for ${model}, so that nothing can be held of the budget that it would be for.`;
    return { grant: null, refusal: new AppError("unpriced_model", detail) };
  }
  const needed = neededFor(call, ask);
  const short = counters.find((counter) => leftOf(counter) < needed);
  if (short) return { grant: null, refusal: exceeded(short, needed) };
  const left = counters.map(leftOf).reduce((least, one) => (one < least ? one : least));
  return { grant: grantWithin(call, ask, left)!, refusal: undefined };
}

function leftOf({ limit, settled, held }: Counter): Pico {
  return limit - settled - held;
}

function exceeded(counter: Counter, needed: Pico): AppError {
  const { scope, window, limit, settled, held, startsAt } = counter;
  const left = leftOf(counter);
  const resetsAt = endOf(window, startsAt);
  const figures = { limit, settled, held, left: left < 0n ? 0n : left, needed };
  const printed = Object.fromEntries(Object.entries(figures).map(([name, pico]) => [name, printUsd(pico)]));
  const of = window === "total" ? scope : `${scope} for this ${window}`;
  return new AppError(
    "budget_exceeded",
    `What is left of the budget of ${of} is less than this needs at least, which is ${printed.needed} USD.`,
    { members: { scope, window, ...printed, resets_at: resetsAt === null ? null : new Date(resetsAt).toISOString() } },
  );
}

export interface Taken {
  grant: Grant;
  holds: Hold[];
  soft: SoftLimit[];
}

/**
 * Holds all that is asked of budgets that are known, and reads nothing. Where it does not fit, or a window must be begun or somebody told of
 * it, they are looked at. Undefined where none concerns it. Throws budget_exceeded; what was written then must not stay.
 */
export async function takeKnown(
  tx: Tx,
  { limits }: StandingBudgets,
  ask: Ask | undefined,
  holder: Holder,
): Promise<Taken | undefined> {
  if (limits.length === 0) return undefined;
  if (ask?.call) {
    const grant = wholeGrant(ask.call, ask);
    const mine = limits.filter((limit) => countsModel(limit, [ask.model]));
    const holds = await takeAll(
      tx,
      mine.map((limit) => windowAt(limit, holder.at)),
      grant.pico,
      takeQuietly,
    );
    if (holds) return holds.length === 0 ? undefined : { grant, holds, soft: [] };
  }
  const looked = await lookAtBudgets(tx, holder, ask);
  if (looked.refusal) throw looked.refusal;
  return looked.grant ? takeHolds(tx, looked, ask!, holder) : undefined;
}

/**
 * Holds what was granted, of all these budgets or of none, each by an update that is only made where it fits. Where others were faster, it is
 * looked at once more, with nobody else at them. Throws budget_exceeded; what was written then must not stay.
 */
export async function takeHolds(tx: Tx, { counters, grant }: Looked, ask: Ask, holder: Holder): Promise<Taken> {
  const taken = await takeAll(tx, counters, grant!.pico);
  if (taken) return { grant: grant!, holds: taken, soft: await tellSoft(tx, counters) };
  for (const { number, startsAt } of counters)
    await tx.all(
      `SELECT 1 AS one FROM budget_window WHERE budget = $1 AND starts_at = $2${tx.dialect.shared ? " FOR UPDATE" : ""}`,
      [number, startsAt],
    );
  const again = await lookAtBudgets(tx, holder, ask);
  if (again.refusal) throw again.refusal;
  const holds = again.grant && (await takeAll(tx, again.counters, again.grant.pico));
  if (!again.grant || !holds) throw new Error("a budget changed while it was locked");
  return { grant: again.grant, holds, soft: await tellSoft(tx, again.counters) };
}

const take = `UPDATE budget_window SET held_pico = held_pico + $3
  WHERE budget = $1 AND starts_at = $2 AND settled_pico + held_pico + $3 <= $4`;
/** Not where somebody must be told of what is settled. */
const takeQuietly = `${take} AND (told = 1 OR settled_pico < $5)`;

/** Always in the same order, the beginning of a window too. Undefined: it did not fit into one of them any more, and nothing is held of any. */
async function takeAll(
  tx: Tx,
  windows: readonly (LimitAt & { exists?: boolean })[],
  pico: Pico,
  sql = take,
): Promise<Hold[] | undefined> {
  const holds: Hold[] = [];
  for (const window of windows) {
    const { number, startsAt, limit, softAt } = window;
    if (window.exists === false) await beginWindow(tx, window);
    const values = [number, startsAt, pico, limit];
    if (sql === takeQuietly) values.push(softAt);
    if ((await tx.run(sql, values)) === 0) {
      await giveBack(tx, holds);
      return undefined;
    }
    holds.push({ budget: number, startsAt, pico });
  }
  return holds;
}

async function giveBack(tx: Tx, holds: readonly Hold[]): Promise<void> {
  for (const { budget, startsAt, pico } of holds)
    await tx.run("UPDATE budget_window SET held_pico = held_pico - $3 WHERE budget = $1 AND starts_at = $2", [
      ...[budget, startsAt, pico],
    ]);
}

/** Windows that are over, and in which nothing is held, are kept this long: a clock may go back. */
const keptMs = 70 * 86_400_000;

/** The first one in a window makes it. Every turn since the budget was made has: nothing can have been spent in it before. */
async function beginWindow(tx: Tx, { number, startsAt }: Pick<Counter, "number" | "startsAt">): Promise<void> {
  await tx.run(
    `INSERT INTO budget_window (budget, starts_at, settled_pico, held_pico, ledger_until) VALUES ($1, $2, 0, 0, 0) ON CONFLICT (budget, starts_at) DO NOTHING`,
    [number, startsAt],
  );
  await tx.run("DELETE FROM budget_window WHERE budget = $1 AND starts_at < $2 AND held_pico = 0", [
    ...[number, startsAt - keptMs],
  ]);
}

/** Those past their soft limit of which nobody has been told in this window; now somebody is. */
async function tellSoft(tx: Tx, counters: readonly Counter[]): Promise<SoftLimit[]> {
  const soft: SoftLimit[] = [];
  for (const { number, startsAt, scope, window, limit, settled, softAt, told } of counters) {
    if (told || settled < softAt) continue;
    const first = "UPDATE budget_window SET told = 1 WHERE budget = $1 AND starts_at = $2 AND told = 0";
    if ((await tx.run(first, [number, startsAt])) > 0) soft.push({ scope, window, settled, limit });
  }
  return soft;
}

const settle = `UPDATE budget_window SET held_pico = held_pico - $3, settled_pico = settled_pico + $4, beyond_pico = beyond_pico + $5
  WHERE budget = $1 AND starts_at = $2`;

/** What a turn cost, as budgets count it. */
export interface Spent {
  entries: readonly LedgerEntry[];
  cost: Pick<Cost, "total" | "accuracy">;
}

/** Ends what a turn holds, and counts what it cost. What it cost beyond that is counted too, and said. */
export async function settleHolds(tx: Tx, holds: readonly Hold[], spent: Spent): Promise<void> {
  for (const hold of holds) await settleHold(tx, hold, spent);
}

/** An unknown cost is counted as what was held for it; where a part of it is known, as no less than that. */
async function settleHold(tx: Tx, { budget, startsAt, pico }: Hold, { cost }: Spent): Promise<void> {
  const known = cost.total ?? 0n;
  const counted = cost.accuracy === "unknown" || cost.total === null ? (known > pico ? known : pico) : known;
  await tx.run(settle, [budget, startsAt, pico, counted, counted > pico ? counted - pico : 0n]);
}

/**
 * The same for a turn that may have begun before some of its budgets were made: those count what it cost, all of it beyond what was held.
 * In the order of the budgets, as they are taken. Returns what it was counted against, 0 where nothing was held: whoever checks the books
 * finds it by that, so it must be kept.
 */
export async function settleLate(
  tx: Tx,
  holder: Holder,
  holds: readonly Hold[],
  spent: Spent,
): Promise<readonly Hold[]> {
  const { counters } = await findCounters(tx, holder);
  const all: Hold[] = [];
  for (const counter of counters) {
    const { number, startsAt } = counter;
    const held = holds.find(({ budget }) => budget === number);
    if (!held && !counter.exists) await beginWindow(tx, counter);
    const hold = held ?? { budget: number, startsAt, pico: 0n };
    await settleHold(tx, hold, { ...spent, cost: costFor(counter, spent) });
    all.push(hold);
  }
  return all;
}

/** What a turn was counted against, where its row does not say so yet. */
export async function settleTurnLate(
  tx: Tx,
  row: number,
  holder: Holder,
  holds: readonly Hold[],
  spent: Spent,
): Promise<void> {
  const all = await settleLate(tx, holder, holds, spent);
  if (all.every((hold) => holds.includes(hold))) return;
  await tx.run("UPDATE turn SET holds = $2 WHERE row = $1", [row, printHolds({ grant: nothingGranted, holds: all })]);
}

/** Of what is over nobody asks what was granted. */
const nothingGranted: Grant = { tokens: 0, calls: 0, pico: 0n };

/** The calls of a turn, the first to the last of these, that were made for a title, and what they were counted against. */
export async function noteTitleHolds(
  tx: Tx,
  turn: number,
  calls: [number, number],
  holds: readonly Hold[],
): Promise<void> {
  if (holds.length === 0) return;
  await tx.run("INSERT INTO title_hold (turn, first_call, last_call, holds) VALUES ($1, $2, $3, $4)", [
    ...[turn, ...calls, printHolds({ grant: nothingGranted, holds })],
  ]);
}

/** Of calls to several models those that the budget counts. */
function costFor({ names }: Pick<Counter, "names">, { entries, cost }: Spent): Spent["cost"] {
  if (names === null) return cost;
  const counted = entries.filter(({ modelRequested }) => names.includes(modelRequested));
  return counted.length === entries.length ? cost : sumCost(counted);
}

/** Whether calls were made to more models than the one that was asked for the hold. */
export function hasSeveralModels(entries: readonly LedgerEntry[]): boolean {
  return entries.length > 1 && entries.some(({ modelRequested }) => modelRequested !== entries[0]!.modelRequested);
}

/** As a turn's row keeps what it holds. */
export function printHolds({ grant, holds }: { grant: Grant; holds: readonly Hold[] }): string {
  const { tokens, calls } = grant;
  return JSON.stringify({ tokens, calls, holds: holds.map((hold) => [hold.budget, hold.startsAt, `${hold.pico}`]) });
}

export function readHolds(text: string | null): { grant: Grant | null; holds: Hold[] } {
  if (text === null) return { grant: null, holds: [] };
  const { tokens, calls, holds } = JSON.parse(text) as {
    tokens: number;
    calls: number;
    holds: [number, number, string][];
  };
  const read = holds.map(([budget, startsAt, pico]) => ({ budget, startsAt, pico: BigInt(pico) }));
  return { grant: { tokens, calls, pico: read[0]?.pico ?? 0n }, holds: read };
}
