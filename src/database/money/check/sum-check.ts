// Every sum that the database keeps beside the ledger, and how it is added up again: a list. A sum that is kept somewhere new is a new
// entry here.

import type { Difference } from "../../../money/verify/compare.ts";
import type { Dialect, Reader } from "../../tx.ts";
import { budgets } from "./budget-check.ts";

export interface SumCheck {
  /** What its rows are called: "turn", "session". */
  name: string;
  /** A SELECT with a row for each sum: `name`, each of `columns` as it is kept, and the same with `_booked` as it is added up from the ledger. */
  sql: string | ((dialect: Dialect) => string);
  columns: readonly string[];
}

const counts = ["input", "cached", "output", "thinking", "tool", "total"].map((name) => `${name}_tokens`);
const sums = (from: string) => counts.map((count) => `SUM(${from}.${count}) AS ${count}`).join(", ");
const pairs = (kept: string, booked: (count: string) => string) =>
  counts.map((count) => `${kept}.${count}, ${booked(count)} AS ${count}_booked`).join(", ");

/** What either knows, together. */
const plus = (one: string, other: string) =>
  `CASE WHEN ${one} IS NULL THEN ${other} WHEN ${other} IS NULL THEN ${one} ELSE ${one} + ${other} END`;
const larger = (one: string, other: string) =>
  `CASE WHEN ${one} IS NULL OR ${one} < ${other} THEN ${other} ELSE ${one} END`;

/** What an imported turn cost before it came is in its sums and its session's, and in no ledger. A turn whose bill is there: without a call it cost nothing, or it is not known what it cost. */
const turns: SumCheck = {
  name: "turn",
  // Calls are numbered without a gap.
  columns: ["last_call", "cost_pico", "accuracy_rank", ...counts],
  sql: `SELECT t.id AS name, b.last_call, b.calls AS last_call_booked, t.cost_pico, t.accuracy_rank, ${pairs("t", (count) => plus(`b.${count}`, `i.${count}`))},
      CASE WHEN i.turn IS NOT NULL THEN ${plus("b.cost_pico", "i.cost_pico")}
        WHEN b.calls IS NULL AND t.accuracy_rank <> 3 THEN 0 ELSE b.cost_pico END AS cost_pico_booked,
      CASE WHEN i.turn IS NOT NULL THEN ${larger("b.accuracy_rank", "i.accuracy_rank")}
        ELSE COALESCE(b.accuracy_rank, t.accuracy_rank) END AS accuracy_rank_booked
    FROM turn t LEFT JOIN imported_turn i ON i.turn = t.row LEFT JOIN (SELECT turn, COUNT(*) AS calls, MAX(number) AS last_call, SUM(total_pico) AS cost_pico, MAX(accuracy_rank) AS accuracy_rank, ${sums("e")}
      FROM ledger e GROUP BY turn) b ON b.turn = t.row
    WHERE t.settled = 1`,
};

const sessions: SumCheck = {
  name: "session",
  columns: ["cost_pico", "accuracy_rank", "unpriced_turns", ...counts],
  sql: `SELECT s.id AS name, s.cost_pico, s.accuracy_rank, s.unpriced_turns, ${pairs("s", (count) => `COALESCE(b.${count}, 0)`)},
      COALESCE(b.cost_pico, 0) AS cost_pico_booked, COALESCE(b.accuracy_rank, 0) AS accuracy_rank_booked, COALESCE(b.unpriced_turns, 0) AS unpriced_turns_booked
    FROM session s LEFT JOIN (SELECT t.session, SUM(${plus("e.cost_pico", "i.cost_pico")}) AS cost_pico, ${counts.map((count) => `SUM(${plus(`e.${count}`, `i.${count}`)}) AS ${count}`).join(", ")}, MAX(CASE WHEN t.settled = 1 THEN t.accuracy_rank END) AS accuracy_rank,
        SUM(CASE WHEN t.settled = 1 AND t.accuracy_rank = 3 THEN 1 ELSE 0 END) AS unpriced_turns
      FROM turn t LEFT JOIN imported_turn i ON i.turn = t.row LEFT JOIN (SELECT turn, SUM(total_pico) AS cost_pico, ${sums("c")} FROM ledger c GROUP BY turn) e ON e.turn = t.row
      GROUP BY t.session) b ON b.session = s.row`,
};

/** How much of the chain of seals is each project's. */
const sealed: SumCheck = {
  name: "project",
  columns: ["sealed"],
  sql: `SELECT COALESCE(p.project, b.project) AS name, p.entries AS sealed, b.entries AS sealed_booked
    FROM seal_project p FULL JOIN (SELECT s.project, COUNT(*) AS entries FROM ledger e JOIN turn t ON t.row = e.turn JOIN session s ON s.row = t.session
      WHERE e.turn <= (SELECT sealed_to FROM seal_mark WHERE id = 1) AND NOT EXISTS (SELECT 1 FROM seal_open o WHERE o.turn = e.turn AND o.number <= e.number)
      GROUP BY s.project) b ON b.project = p.project`,
};

export const sumChecks: readonly SumCheck[] = [turns, sessions, sealed, budgets];

type Row = Record<string, string | null>;

/** What differs, at most `limit` rows of it; `more`: there are others. */
export async function checkSums(
  reader: Reader,
  { name, sql, columns }: SumCheck,
  limit: number,
): Promise<{ differences: Difference[]; more: boolean }> {
  const shown = columns.flatMap((column) => [column, `${column}_booked`]);
  const differs = columns.map((column) => `${column} IS DISTINCT FROM ${column}_booked`).join(" OR ");
  const texts = shown.map((column) => `CAST(${column} AS TEXT) AS ${column}`).join(", ");
  const rows = await reader.all<Row>(
    `SELECT name, ${texts} FROM (${typeof sql === "string" ? sql : sql(reader.dialect)}) sums WHERE ${differs} LIMIT $1`,
    [limit + 1],
  );
  const differences = rows.slice(0, limit).flatMap((row) =>
    columns
      .filter((column) => row[column] !== row[`${column}_booked`])
      .map((column) => ({
        ...{ where: `${name} ${row.name}`, what: column },
        ...{ says: String(row[column]), should: String(row[`${column}_booked`]) },
      })),
  );
  return { differences, more: rows.length > limit };
}
