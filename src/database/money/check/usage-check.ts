// How what is added up for `GET /usage` is added up again: each sum of the finest step from the ledger, and each wider one from those. It
// shares nothing with what adds up.

import type { Dialect } from "../../tx.ts";
import type { SumCheck } from "./sum-check.ts";

type Cut = "project" | "key" | "user";
const month = 43_200;
/** Whose sums there are, and in steps of how many minutes, the finest first. */
const kept: Record<Cut, readonly number[]> = {
  project: [15, 60, 360, 1_440, month],
  key: [1_440, month],
  user: [month],
};
const names: Record<Cut, string> = {
  project: "''",
  key: "COALESCE(t.key_id, '')",
  user: "COALESCE(t.user_name, '')",
};

const keys = ["project", "at", "name", "vendor", "model", "purpose"];
const byKeys = keys.map((_, place) => place + 1).join(", ");
const tokens = ["input", "cached", "output", "thinking", "tool", "total"].map((name) => `${name}_tokens`);
const columns = ["calls", "turns", "unpriced_turns", "accuracy_rank", "cost_pico", ...tokens];
const listSums = (value: (column: string) => string) =>
  columns.map((name) => `${name === "accuracy_rank" ? "MAX" : "SUM"}(${value(name)}) AS ${name}`).join(", ");
const pico = "cost_million * 1000000 + cost_rest AS cost_pico";

/** When the step began that a moment is in. */
function beginIn({ name }: Dialect, at: string, step: number): string {
  if (step !== month) return `${at} - ${at} % ${step * 60_000}`;
  if (name === "sqlite") return `1000 * unixepoch(${at} / 1000, 'unixepoch', 'start of month')`;
  const begin = `date_trunc('month', to_timestamp(${at} / 1000) AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'`;
  return `CAST(EXTRACT(EPOCH FROM ${begin}) AS BIGINT) * 1000`;
}

/** A turn counts at its first call, one without a price at the first of its calls that has none. */
function bookedAs(column: string): string {
  if (column === "calls") return "1";
  if (column === "turns") return "CASE e.number WHEN 1 THEN 1 ELSE 0 END";
  if (column === "cost_pico") return "COALESCE(e.total_pico, 0)";
  if (column === "unpriced_turns")
    return `CASE WHEN e.accuracy_rank <> 3 THEN 0
      WHEN e.number = (SELECT MIN(f.number) FROM ledger f WHERE f.turn = e.turn AND f.accuracy_rank = 3) THEN 1 ELSE 0 END`;
  return column === "accuracy_rank" ? "e.accuracy_rank" : `COALESCE(e.${column}, 0)`;
}

/** Of entries up to the mark, those that are open left out. */
function fromLedger(dialect: Dialect, cut: Cut, step: number): string {
  return `SELECT s.project, ${beginIn(dialect, "e.at", step)} AS at, ${names[cut]} AS name, e.vendor,
      COALESCE(e.model_served, e.model_requested) AS model, e.purpose, ${listSums(bookedAs)}
    FROM ledger e CROSS JOIN turn t CROSS JOIN session s WHERE t.row = e.turn AND s.row = t.session
      AND e.turn <= (SELECT rolled_to FROM usage_mark WHERE id = 1)
      AND NOT EXISTS (SELECT 1 FROM usage_open o WHERE o.turn = e.turn AND o.number <= e.number) GROUP BY ${byKeys}`;
}

const ofStep = (cut: Cut, step: number) =>
  `SELECT ${[...keys, ...columns.filter((name) => name !== "cost_pico"), pico].join(", ")} FROM usage_sum WHERE cut = '${cut}' AND step = ${step}`;

function fromFiner(dialect: Dialect, cut: Cut, step: number, finer: number): string {
  const key = (one: string) => (one === "at" ? `${beginIn(dialect, "c.at", step)} AS at` : `c.${one}`);
  return `SELECT ${keys.map(key).join(", ")}, ${listSums((column) => `c.${column}`)} FROM (${ofStep(cut, finer)}) c GROUP BY ${byKeys}`;
}

function checkOf(cut: Cut, step: number, finer: number | undefined): SumCheck {
  const either = (one: string) => `COALESCE(u.${one}, b.${one})`;
  const place = ["project", "name", "vendor", "model", "purpose"].map(either).join(" || ' ' || ");
  const pairs = columns.map((one) => `COALESCE(u.${one}, 0) AS ${one}, COALESCE(b.${one}, 0) AS ${one}_booked`);
  return {
    name: "usage",
    columns,
    sql: (
      dialect,
    ) => `SELECT 'by ${cut}, ${step} minutes from ' || ${either("at")} || ': ' || ${place} AS name, ${pairs.join(", ")}
      FROM (${ofStep(cut, step)}) u
      FULL JOIN (${finer === undefined ? fromLedger(dialect, cut, step) : fromFiner(dialect, cut, step, finer)}) b
        ON ${keys.map((one) => `u.${one} = b.${one}`).join(" AND ")}`,
  };
}

export const usageChecks: readonly SumCheck[] = (Object.keys(kept) as Cut[]).flatMap((cut) =>
  kept[cut].map((step, at) => checkOf(cut, step, kept[cut][at - 1])),
);
