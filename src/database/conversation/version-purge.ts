// Purging deleted versions: one that somebody names, or all whose time is over. What is noted of them loses its time, after which nothing
// takes them back, and `purgeSome` takes their words. The session stays, and so do the books.

import type { BeginVersionPurge, BegunPurge } from "../../conversation/purge.ts";
import { noteAudit } from "../caller/audit.ts";
import type { Tx } from "../tx.ts";
import { dropErasedTitle } from "./model-title.ts";
import { beginErasure, byUnsettled } from "./purge.ts";
import { branchesOff, findNote, type MoveVersion, removeTaken, takeSession } from "./removed.ts";

/** Of one transaction. */
const placesAtOnce = 64;

/** What was deleted together, with all that follows it: also what had been deleted in there before. $1 is the session, $2 the removal. */
const withAllBehind = `WITH RECURSIVE chain (branch, position) AS (
  SELECT branch, position FROM removed_version WHERE session = $1 AND removal = $2 UNION ${branchesOff})`;

/** Deletes it where it is not deleted yet. */
export async function beginVersionPurge(tx: Tx, input: BeginVersionPurge): Promise<BegunPurge> {
  const { by, messageId, at } = input;
  const { project, keyId } = by;
  const asked: MoveVersion = { ...input, owner: project };
  const before = await findNote(tx, asked);
  if (before?.at === null) return { kind: "gone", row: before.session };
  const session = await takeSession(tx, asked);
  if (!(await findNote(tx, asked))) await removeTaken(tx, session, asked);
  const { removal, at: until } = (await findNote(tx, asked))!;
  if (until === null) return { kind: "gone", row: session.row }; // somebody else was faster
  const busy = await findUnsettledIn(tx, session.row, removal);
  if (busy !== undefined) return { kind: "busy", turnId: busy };
  await closeWayBack(tx, session.row, removal);
  await noteAudit(tx, { at, project, keyId, action: "version.purged", target: messageId, count: 1 });
  return { kind: "begun", row: session.row, messages: 0 };
}

/** Of versions that were deleted then or before some, told to the audit. Returns in which sessions; none: there are no more. */
export async function beginVersionPurges(
  tx: Tx,
  { removedBefore, at }: { removedBefore: number; at: number },
): Promise<string[]> {
  const found = await tx.all<{ session: number; removal: number }>(
    `SELECT session, removal FROM removed_version WHERE at <= $1 ORDER BY at LIMIT ${placesAtOnce}`,
    [removedBefore],
  );
  const sessions = new Set<string>();
  const counts = new Map<string, number>();
  for (const { session, removal } of new Map(found.map((one) => [`${one.session} ${one.removal}`, one])).values()) {
    if ((await findUnsettledIn(tx, session, removal)) !== undefined) continue;
    const { taken, id, project } = await closeWayBack(tx, session, removal);
    if (!taken) continue; // with another one, or by another process
    sessions.add(id);
    counts.set(project, (counts.get(project) ?? 0) + 1);
  }
  for (const [project, count] of counts)
    await noteAudit(tx, { at, project, keyId: null, action: "versions.swept", target: null, count });
  return [...sessions];
}

/** A turn in there that is over and waits for its bill: where it has to be estimated, it is from the words. */
async function findUnsettledIn(tx: Tx, session: number, removal: number): Promise<string | undefined> {
  const [turn] = await tx.all<{ id: string }>(
    `${withAllBehind} SELECT id FROM turn ${byUnsettled(tx)} WHERE settled = 0 AND session = $1
       AND EXISTS (SELECT 1 FROM chain WHERE chain.branch = turn.branch AND chain.position <= turn.position) LIMIT 1`,
    [session, removal],
  );
  return turn?.id;
}

/** The session first: whoever restores a version locks it before its notes, too. `taken`: whether there was a way back. */
async function closeWayBack(tx: Tx, session: number, removal: number) {
  const [of] = await tx.all<{ id: string; project: string }>(
    `UPDATE session SET erased_at = ${tx.dialect.now} WHERE row = $1 RETURNING id, project`,
    [session],
  );
  const taken = await tx.run(
    `${withAllBehind} UPDATE removed_version SET at = NULL WHERE session = $1 AND at IS NOT NULL
       AND EXISTS (SELECT 1 FROM chain WHERE chain.branch = removed_version.branch AND chain.position <= removed_version.position)`,
    [session, removal],
  );
  if (taken > 0) {
    await dropErasedTitle(tx, session);
    await beginErasure(tx, session);
  }
  return { ...of!, taken: taken > 0 };
}
