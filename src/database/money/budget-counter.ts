// The budgets that concern somebody, as they are read: what stands until a budget is changed, and what is counted of it in a moment's windows.

import { rankOfScope, type StandingLimit } from "../../money/budget.ts";
import type { BudgetAsker, FoundBudgets } from "../../money/budget-store.ts";
import { type BudgetWindow, startOf } from "../../money/budget-window.ts";
import type { Pico } from "../../money/money.ts";
import { storableText } from "../columns.ts";
import type { Reader, Value } from "../tx.ts";

/** Whom a call is for, and when it was begun: that moment's windows are its. */
export interface Holder extends BudgetAsker {
  at: number;
}

/** A limit in the window of a moment. */
export interface LimitAt {
  number: number;
  startsAt: number;
  /** With what was added for a time. */
  limit: Pico;
  /** Whoever finds that so much is settled tells of it, once; where nobody need, it is more than there can be. */
  softAt: Pico;
}

/** With what is counted of it. */
export interface Counter extends LimitAt, Pick<StandingLimit, "scope" | "window" | "names"> {
  /** Whether anything was counted in this window yet. */
  exists: boolean;
  settled: Pico;
  held: Pico;
  told: boolean;
}

/** The budgets that concern a holder, the narrowest first, at one version of all budgets. */
export interface Counted {
  version: number;
  counters: Counter[];
}

export interface LimitRow {
  version: number;
  number: number | null;
  scope: string;
  period: BudgetWindow;
  names: string | null;
  limit_pico: string;
  soft_ppm: number | null;
  extras: string | null;
}
interface CounterRow extends LimitRow {
  settled_pico: string | null;
  held_pico: string;
  told: number;
}

const columns =
  "v.version, b.number, b.scope, b.period, b.names, CAST(b.limit_pico AS TEXT) AS limit_pico, b.soft_ppm, b.extras";
const tables =
  "budget_version v LEFT JOIN budget b ON b.project IN ($1, '') AND b.scope IN ('global', 'project', $2, $3, $4)";
/** When the window of a budget `b` began: of three parameters, from this one on. */
export const startCase = (first: number) =>
  `CASE b.period WHEN 'day' THEN CAST($${first} AS BIGINT) WHEN 'week' THEN CAST($${first + 1} AS BIGINT) WHEN 'month' THEN CAST($${first + 2} AS BIGINT) ELSE 0 END`;
const selectCounters = `SELECT ${columns}, CAST(w.settled_pico AS TEXT) AS settled_pico, CAST(w.held_pico AS TEXT) AS held_pico, w.told
  FROM ${tables} LEFT JOIN budget_window w ON w.budget = b.number AND w.starts_at = ${startCase(5)} WHERE v.id = 1`;
const selectLimits = `SELECT ${columns}, CASE WHEN EXISTS (SELECT 1 FROM budget) THEN 1 ELSE 0 END AS any_of,
    CASE WHEN EXISTS (SELECT 1 FROM budget s WHERE s.project = $1 AND s.scope >= 'session:' AND s.scope < 'session;') THEN 1 ELSE 0 END AS by_session
  FROM ${tables} WHERE v.id = 1`;

/** One read, whatever there is. */
export async function findCounters(reader: Reader, holder: Holder): Promise<Counted> {
  const { at } = holder;
  const starts = [startOf("day", at), startOf("week", at), startOf("month", at)];
  const rows = await reader.all<CounterRow>(selectCounters, [...scopesOf(holder), ...starts]);
  return { version: rows[0]!.version, counters: limitsFrom(rows, (row, limit) => counterFrom(row, limit, at)) };
}

export async function findBudgets(reader: Reader, asker: BudgetAsker): Promise<FoundBudgets> {
  const rows = await reader.all<LimitRow & { any_of: number; by_session: number }>(selectLimits, scopesOf(asker));
  const { version, any_of, by_session } = rows[0]!;
  return { version, any: any_of === 1, bySession: by_session === 1, limits: limitsFrom(rows, (_, limit) => limit) };
}

export async function readBudgetVersion(reader: Reader): Promise<number> {
  const [row] = await reader.all<{ version: number }>("SELECT version FROM budget_version WHERE id = 1");
  return row!.version;
}

function scopesOf({ project, sessionId, user, keyId }: BudgetAsker): Value[] {
  const ofUser = user === null ? "" : storableText(`user:${user}`);
  return [project, `session:${sessionId}`, ofUser, keyId === null ? "" : `key:${keyId}`];
}

/** The narrowest first. A row without a number says that there is none. */
function limitsFrom<R extends LimitRow, L extends { number: number; scope: string }>(
  rows: readonly R[],
  read: (row: R, limit: StandingLimit) => L,
): L[] {
  const limits = rows.flatMap((row) => (row.number === null ? [] : [read(row, limitFrom(row, row.number))]));
  if (limits.length > 1) limits.sort((a, b) => rankOfScope(a.scope) - rankOfScope(b.scope) || a.number - b.number);
  return limits;
}

function limitFrom(row: LimitRow, number: number): StandingLimit {
  return {
    ...{ number, scope: row.scope, window: row.period, softPpm: row.soft_ppm },
    names: row.names === null ? null : JSON.parse(row.names),
    limit: BigInt(row.limit_pico),
    extras: readExtras(row.extras),
  };
}

function counterFrom(row: CounterRow, limit: StandingLimit, at: number): Counter {
  const { scope, window, names } = limit;
  const exists = row.settled_pico !== null;
  return {
    ...{ scope, window, names, exists },
    ...windowAt(limit, at),
    settled: exists ? BigInt(row.settled_pico!) : 0n,
    held: exists ? BigInt(row.held_pico) : 0n,
    told: row.told === 1,
  };
}

/** The most that an engine holds. */
const never = 2n ** 63n - 1n;

export function windowAt({ number, window, limit, extras, softPpm }: StandingLimit, at: number): LimitAt {
  const whole = limitAt({ limit, extras }, at);
  const softAt = softPpm === null ? never : (whole * BigInt(softPpm) + 999_999n) / 1_000_000n;
  return { number, startsAt: startOf(window, at), limit: whole, softAt };
}

/** With what is added to it for a time. */
export function limitAt({ limit, extras }: Pick<StandingLimit, "limit" | "extras">, at: number): Pico {
  return extras.reduce((sum, { pico, until }) => (at < until ? sum + pico : sum), limit);
}

/** Those that are not over. */
export function extrasAt(extras: StandingLimit["extras"], at: number): StandingLimit["extras"] {
  return extras.filter(({ until }) => at < until);
}

/** As additions are stored: [[pico, until], ...]. */
export function readExtras(text: string | null): StandingLimit["extras"] {
  if (text === null) return [];
  return (JSON.parse(text) as [string, number][]).map(([pico, until]) => ({ pico: BigInt(pico), until }));
}

export function printExtras(extras: StandingLimit["extras"]): string {
  return JSON.stringify(extras.map(({ pico, until }) => [`${pico}`, until]));
}
