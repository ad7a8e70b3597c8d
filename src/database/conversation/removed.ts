// Deleting one version of what was said: with all that follows it, it is found no more until it is taken back. No turn is touched:
// its range of a branch is noted, so that it costs the same however long it is. What it cost stays in the books.

import { type Session, titleFrom } from "../../conversation/session.ts";
import { AppError, notFound } from "../../errors.ts";
import type { MessagePlace } from "../../store.ts";
import { findPlaceOf, getPath } from "../message.ts";
import { findSession, findState } from "../session.ts";
import { refusalOf } from "../turn-open.ts";
import type { Tx } from "../tx.ts";
import { answerIdIn, questionIdIn } from "./message-ids.ts";
import { findModelTitle } from "./model-title.ts";
import { type ForkRow, listVersions } from "./siblings.ts";
import { chooseTip } from "./tip.ts";

export interface MoveVersion {
  owner: string;
  id: string;
  messageId: string;
  at: number;
  ifVersion: number | undefined;
}

export interface TakenRow {
  row: number;
  title: string | null;
  version: number;
  tip_branch: number;
  tip_position: number;
}

/** Of a chain of places, each with all that follows it: the branches that begin in there. */
export const branchesOff = `SELECT b.branch, b.fork_position FROM chain JOIN branch b
  ON b.session = $1 AND b.parent_branch = chain.branch AND b.fork_position > chain.position`;

/** Throws not_found, turn_in_progress, version_mismatch; conflict in the trash, and where it is the only version. */
export async function removeVersion(tx: Tx, input: MoveVersion): Promise<Session> {
  await removeTaken(tx, await takeSession(tx, input), input);
  return (await findSession(tx, input.owner, input.id))!;
}

/** Throws not_found; conflict where it is the only version. */
export async function removeTaken(tx: Tx, session: TakenRow, { owner, id, messageId, at }: MoveVersion): Promise<void> {
  const place = await findPlaceOf(tx, owner, id, messageId);
  if (!place) throw notFound("message");
  const { these, next, heir } = chooseVersions(await listVersions(tx, session.row, place), place);
  if (next === undefined)
    throw new AppError("conflict", "It is the only version: delete the session, or what it answers.");
  for (const { branch, position } of these)
    await tx.run(
      `INSERT INTO removed_version (session, branch, position, removal, at)
       WITH RECURSIVE chain (branch, position) AS (
         SELECT CAST($2 AS BIGINT), CAST($3 AS BIGINT) UNION ALL ${branchesOff})
       SELECT CAST($1 AS BIGINT), branch, position, CAST($4 AS BIGINT), CAST($5 AS BIGINT) FROM chain WHERE true ON CONFLICT (session, branch, position) DO NOTHING`,
      [session.row, branch, position, session.version, at],
    );
  if (await isRemoved(tx, session.row, session.tip_branch, session.tip_position)) await goThrough(tx, owner, id, next);
  const made = await findModelTitle(tx, session.row);
  if (made && made.title === session.title) {
    if (!made.is_there) await setTitle(tx, owner, session.row, await readFirstTitle(tx, owner, id));
  } else if (heir) await retitle(tx, owner, session, these, heir);
}

/** A session that nobody has named bears the beginning of a question: where that is one of `from`, it bears that of `to` now. */
async function retitle(tx: Tx, owner: string, { row, title }: TakenRow, from: readonly ForkRow[], to: ForkRow) {
  for (const one of from) {
    if ((await readTitle(tx, one)) !== title) continue;
    return setTitle(tx, owner, row, await readTitle(tx, to));
  }
}

async function setTitle(tx: Tx, owner: string, session: number, title: string | null): Promise<void> {
  await tx.run("UPDATE session SET title = $2 WHERE row = $1", [session, title]);
  await tx.indexTitle(session, owner, title);
}

/** The title of a session that nobody has named, from its path as it is now. */
async function readFirstTitle(tx: Tx, owner: string, id: string): Promise<string | null> {
  const { session, segments } = await getPath(tx, owner, id);
  const [first] = await tx.all<{ row: number }>(
    "SELECT row FROM turn WHERE session = $1 AND branch = $2 AND position = 0",
    [session, segments[0]!.branch],
  );
  return readTitle(tx, first!);
}

async function readTitle(tx: Tx, { row }: { row: number }): Promise<string | null> {
  const [turn] = await tx.all<{ question: string }>("SELECT question FROM turn WHERE row = $1", [row]);
  return titleFrom(turn!.question);
}

async function isRemoved(tx: Tx, session: number, branch: number, position: number): Promise<boolean> {
  const select = "SELECT 1 FROM removed_version WHERE session = $1 AND branch = $2 AND position <= $3 LIMIT 1";
  return (await tx.all(select, [session, branch, position])).length > 0;
}

/** The path goes through it again, as long as it has its words. What is there already stays as it is. Throws the same. */
export async function restoreVersion(tx: Tx, input: MoveVersion): Promise<Session> {
  const { owner, id, messageId } = input;
  if (await findPlaceOf(tx, owner, id, messageId)) {
    const state = await findState(tx, owner, id);
    const refusal = refusalOf(state, input.ifVersion);
    if (refusal) throw refusal;
    return (await findSession(tx, owner, id))!;
  }
  const session = await takeSession(tx, input);
  const note = await findNote(tx, input);
  if (!note) throw notFound("message");
  const back = await tx.run("DELETE FROM removed_version WHERE session = $1 AND removal = $2 AND at IS NOT NULL", [
    ...[session.row, note.removal],
  ]);
  if (back === 0) throw notFound("message");
  // What it follows may have been deleted after it: then that comes back first.
  for (const { branch, high } of (await getPath(tx, owner, id, messageId)).segments)
    if (await isRemoved(tx, session.row, branch, high))
      throw new AppError("not_found", "What this message follows is deleted itself: restore that first.");
  await goThrough(tx, owner, id, messageId);
  const made = await findModelTitle(tx, session.row);
  if (made?.is_there) {
    if (made.title !== session.title) await setTitle(tx, owner, session.row, made.title);
    return (await findSession(tx, owner, id))!;
  }
  // What was asked here later may have given its name meanwhile.
  const versions = await listVersions(tx, session.row, note.place);
  const at = versions.findIndex((turns) => turns.some(({ row }) => row === note.place.turnRow));
  if (at !== -1) await retitle(tx, owner, session, versions.slice(at + 1).flat(), versions[at]![0]!);
  return (await findSession(tx, owner, id))!;
}

export interface Note {
  session: number;
  removal: number;
  /** Null: its words are gone, or are going. */
  at: number | null;
  place: MessagePlace;
}

/** What is noted of a version that was deleted by its own name; undefined where it went with another, or is there. */
export async function findNote(tx: Tx, { owner, id, messageId }: MoveVersion): Promise<Note | undefined> {
  const place = await findPlaceOf(tx, owner, id, messageId, "removed too");
  if (!place) return undefined;
  const [note] = await tx.all<Omit<Note, "place">>(
    `SELECT r.session, r.removal, r.at FROM turn t
       JOIN removed_version r ON r.session = t.session AND r.branch = t.branch AND r.position = t.position
     WHERE t.row = $1 AND NOT EXISTS (SELECT 1 FROM branch b
       JOIN removed_version o ON o.session = b.session AND o.branch = b.parent_branch AND o.position < b.fork_position AND o.removal = r.removal
       WHERE b.session = r.session AND b.branch = r.branch AND b.fork_position = r.position)`,
    [place.turnRow],
  );
  return note && { ...note, place };
}

/** From here on nobody else changes the session: what is read of it holds until the end. */
export async function takeSession(tx: Tx, { owner, id, at, ifVersion }: MoveVersion): Promise<TakenRow> {
  const [taken] = await tx.all<TakenRow>(
    `UPDATE session SET version = version + 1, updated_at = $3 WHERE id = $1 AND project = $2 AND purged_at IS NULL AND deleted_at IS NULL
       AND running_turn_id IS NULL AND (CAST($4 AS BIGINT) = -1 OR version = $4) RETURNING row, title, version, tip_branch, tip_position`,
    [id, owner, at, ifVersion ?? -1],
  );
  if (taken) return taken;
  const state = await findState(tx, owner, id);
  throw refusalOf(state, ifVersion) ?? new AppError("conflict", "The session changes hands too fast; try again.");
}

/** A question goes with all its answers. `next` is the neighbour that takes its place, `heir` its first turn where that is another question. */
function chooseVersions(place: readonly ForkRow[][], { turnRow, role }: MessagePlace) {
  const at = place.findIndex((turns) => turns.some(({ row }) => row === turnRow));
  const question = place[at] ?? [];
  if (role === "user") {
    const neighbour = place[at - 1] ?? place[at + 1];
    return { these: question, next: neighbour && questionIdIn(neighbour.at(-1)!), heir: neighbour?.[0] };
  }
  const answer = question.findIndex(({ row }) => row === turnRow);
  const neighbour = question[answer - 1] ?? question[answer + 1];
  return { these: question.slice(answer, answer + 1), next: neighbour && answerIdIn(neighbour) };
}

async function goThrough(tx: Tx, owner: string, id: string, messageId: string): Promise<void> {
  const { columns } = await chooseTip(tx, owner, id, messageId);
  const sets = Object.keys(columns).map((name, index) => `${name} = $${index + 3}`);
  await tx.run(`UPDATE session SET ${sets.join(", ")} WHERE id = $1 AND project = $2`, [
    ...[id, owner],
    ...Object.values(columns),
  ]);
}
