// A person who is erased keeps what was spent for them, under another name, in what is added up too.

import { placeholders } from "../columns.ts";
import type { Tx } from "../tx.ts";
import { holdMark } from "./follow.ts";
import { beginOf, cellSums, steps, summing } from "./usage-roll.ts";

/** The user of these turns has another name from now on: called in the transaction that changes `turn`. */
export async function renameInUsage(
  tx: Tx,
  project: string,
  turnIds: readonly string[],
  user: string,
  alias: string,
): Promise<void> {
  await holdMark(tx, summing);
  const list = JSON.stringify(turnIds);
  const entries = `FROM turn t JOIN ledger e ON e.turn = t.row WHERE t.id ${tx.dialect.inList("$1")}`;
  const calls = await tx.all<{ at: number }>(`SELECT e.at ${entries}`, [list]);
  await tx.run(
    `UPDATE usage_call SET user_name = $3 WHERE user_name IS NOT NULL AND (project, at, turn, number) IN
       (SELECT CAST($2 AS TEXT), e.at, e.turn, e.number ${entries})`,
    [list, project, alias],
  );
  const months = new Set(calls.map(({ at }) => beginOf(at, steps.month)));
  for (const month of months) for (const name of [user, alias]) await addMonthAnew(tx, project, name, month);
}

/** A month's sums of one user, from the calls. */
async function addMonthAnew(tx: Tx, project: string, user: string, month: number): Promise<void> {
  const key = ["user", steps.month, project, month, user];
  await tx.run("DELETE FROM usage_sum WHERE cut = $1 AND step = $2 AND project = $3 AND at = $4 AND name = $5", key);
  const sums = cellSums.map((name) =>
    name === "calls" ? "COUNT(*)" : name === "accuracy_rank" ? `MAX(${name})` : `SUM(${name})`,
  );
  await tx.run(
    `INSERT INTO usage_sum (cut, step, project, at, name, vendor, model, purpose, ${cellSums.join(", ")})
     SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS BIGINT), CAST($5 AS TEXT), vendor, model, purpose, ${sums.join(", ")}
     FROM usage_call WHERE project = $3 AND user_name = $5 AND at >= $4 AND at < ${placeholders(6, 1)} GROUP BY vendor, model, purpose`,
    [...key, beginOf(month + 31 * 86_400_000, steps.month)],
  );
}
