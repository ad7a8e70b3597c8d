// Imports that came to no end: their ids are free again, and their words are taken as a purge takes them.

import { newId } from "../../id.ts";
import type { Tx } from "../tx.ts";

export interface ListLeftImports {
  processId: number;
  leaseMs: number;
}

export interface LeftImport {
  row: number;
  /** What its process knows it by. */
  token: string;
}

/** Those whose process is gone, and all of the caller's own. */
export async function listLeftImports(tx: Tx, { processId, leaseMs }: ListLeftImports): Promise<LeftImport[]> {
  const begun = await tx.all<LeftImport & { process_id: number }>(
    "SELECT session AS row, token, process_id FROM import_begun",
  );
  const others = [...new Set(begun.map((one) => one.process_id).filter((id) => id !== processId))];
  const gone = new Set(others.length === 0 ? [] : await tx.listGone(others, processId, leaseMs));
  return begun
    .filter((one) => one.process_id === processId || gone.has(one.process_id))
    .map(({ row, token }) => ({ row, token }));
}

/** What is being put into the project comes to no end. */
export async function giveUpImports(tx: Tx, project: string): Promise<void> {
  await tx.run(
    "UPDATE import_begun SET turns = -1 WHERE session IN (SELECT i.session FROM import_begun i CROSS JOIN session s WHERE s.row = i.session AND s.project = $1)",
    [project],
  );
}

/** Of one transaction. */
const turnsAtOnce = 64;

/** True when nothing is left but words, which the purge of the session takes from now on. */
export async function undoImport(tx: Tx, { row }: { row: number }): Promise<boolean> {
  const [begun] = await tx.all<{ revives: number; left_to: number | null }>(
    "UPDATE import_begun SET turns = -1, left_to = COALESCE(left_to, 0) WHERE session = $1 RETURNING revives, left_to",
    [row],
  );
  if (!begun) return true;
  const isOver = begun.revives === 1 || (await renameSome(tx, row, begun.left_to ?? 0));
  if (!isOver) return false;
  await tx.run("DELETE FROM idempotency WHERE target_id = (SELECT id FROM session WHERE row = $1)", [row]);
  if (begun.revives === 0)
    await tx.run(
      "UPDATE session SET id = $2, imported_from = NULL, title = NULL, system = NULL, params = '{}', metadata = '{}', user_name = NULL WHERE row = $1",
      [row, newId()],
    );
  await tx.run("DELETE FROM import_begun WHERE session = $1", [row]);
  await tx.run("INSERT INTO erasure (session, branch, position) VALUES ($1, -1, -1)", [row]);
  await tx.wipe();
  return true;
}

/** Rows stay, because their numbers are never given twice; their ids and names go. */
async function renameSome(tx: Tx, session: number, after: number): Promise<boolean> {
  const turns = await tx.all<{ row: number }>(
    "SELECT row FROM turn WHERE session = $1 AND row > $2 ORDER BY row LIMIT $3",
    [session, after, turnsAtOnce],
  );
  for (const { row } of turns)
    await tx.run("UPDATE turn SET id = $2, question_id = NULL, answer_id = NULL, user_name = NULL WHERE row = $1", [
      row,
      newId(),
    ]);
  await tx.run("UPDATE import_begun SET left_to = $2 WHERE session = $1", [session, turns.at(-1)?.row ?? after]);
  return turns.length < turnsAtOnce;
}
