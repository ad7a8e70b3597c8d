// Another branch of a session becomes the current one.

import { notFound } from "../../errors.ts";
import { findPlaceOf } from "../message.ts";
import { listSegments, sharedLength } from "../path.ts";
import { turnInProgress } from "../turn.ts";
import type { Tx, Value } from "../tx.ts";

interface TipRow {
  row: number;
  version: number;
  running_turn_id: string | null;
  tip_branch: number;
  tip_position: number;
  memory_from: number;
}

interface BranchRow {
  branch: number;
  parent_branch: number | null;
  fork_position: number;
  /** Its newest turn. */
  last_row: number;
  last_position: number;
  /** From here on it was deleted; null: nothing of it. */
  removed_from: number | null;
}

/** Where a path is to end: columns of its session, for as long as that has this version. */
export interface ChosenTip {
  columns: Record<string, Value>;
  version: number;
}

/**
 * The path goes through this message from now on, down to the newest that follows it. What it ends with is always the end of a
 * branch: the next turn is added there. Memory begins anew unless it began before the two paths part.
 * Throws not_found, turn_in_progress (the turn that runs stands on the old path).
 */
export async function chooseTip(tx: Tx, owner: string, sessionId: string, messageId: string): Promise<ChosenTip> {
  const [session] = await tx.all<TipRow>(
    "SELECT row, version, running_turn_id, tip_branch, tip_position, memory_from FROM session WHERE id = $1 AND project = $2 AND purged_at IS NULL",
    [sessionId, owner],
  );
  if (!session) throw notFound("session");
  const place = await findPlaceOf(tx, owner, sessionId, messageId);
  if (!place) throw notFound("message");
  if (session.running_turn_id !== null) throw turnInProgress(session.running_turn_id);
  const end = await findNewestEnd(tx, session.row, place.branch, place.position);
  if (!end) throw notFound("message");
  const [before, after] = await Promise.all([
    listSegments(tx, session.row, session.tip_branch, session.tip_position),
    listSegments(tx, session.row, end.branch, end.last_position),
  ]);
  const keepsMemory = session.memory_from <= sharedLength(before, after);
  const columns = {
    tip_branch: end.branch,
    tip_position: end.last_position,
    memory_from: keepsMemory ? session.memory_from : 0,
  };
  return { columns, version: session.version };
}

/** The newest turn of all that follow the one at this place, or this one; it is the last of its branch. */
async function findNewestEnd(tx: Tx, session: number, branch: number, position: number) {
  const last = (column: string, of: string) =>
    `(SELECT t.${column} FROM turn t WHERE t.session = $1 AND t.branch = ${of} ORDER BY t.position DESC LIMIT 1)`;
  const removed = (of: string) =>
    `(SELECT MIN(r.position) FROM removed_version r WHERE r.session = $1 AND r.branch = ${of})`;
  const branches = await tx.all<BranchRow>(
    `SELECT branch, parent_branch, fork_position, ${last("row", "b.branch")} AS last_row, ${last("position", "b.branch")} AS last_position,
       ${removed("b.branch")} AS removed_from FROM branch b WHERE session = $1
     UNION ALL SELECT 0, NULL, 0, ${last("row", "0")}, ${last("position", "0")}, ${removed("0")}`,
    [session],
  );
  const byParent = Map.groupBy(branches, ({ parent_branch }) => parent_branch);
  let newest: BranchRow | undefined;
  const following = [{ row: branches.find((row) => row.branch === branch)!, after: position }];
  for (let at = 0; at < following.length; at++) {
    const { row, after } = following[at]!;
    if (row.removed_from === null && (newest === undefined || row.last_row > newest.last_row)) newest = row;
    for (const child of byParent.get(row.branch) ?? [])
      if (child.fork_position > after && child.fork_position <= (row.removed_from ?? child.fork_position))
        following.push({ row: child, after: child.fork_position - 1 });
  }
  return newest;
}
