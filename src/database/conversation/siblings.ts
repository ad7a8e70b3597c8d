// Which messages stand at the same place: the turns that follow one and the same turn. Only where branches fork are there several.

import { noSiblings, type Siblings } from "../../conversation/message.ts";
import type { MessagePlace } from "../../store.ts";
import type { Reader, Tx } from "../tx.ts";
import { answerIdIn, type MessageIds, questionIdIn } from "./message-ids.ts";

export interface TurnSiblings {
  question: Siblings;
  answer: Siblings;
}

export const noTurnSiblings: TurnSiblings = { question: noSiblings, answer: noSiblings };

export interface ForkRow extends MessageIds {
  row: number;
  branch: number;
  parent_branch: number;
  position: number;
  /** The first turn at this place with the same question, where there is one before this. */
  asks: number | null;
}

/** Whether a turn of the table named `of` was not deleted, with a version or with what it follows. */
export const isThere = (of: string) => `NOT EXISTS (SELECT 1 FROM removed_version r
    WHERE r.session = ${of}.session AND r.branch = ${of}.branch AND r.position <= ${of}.position)`;

/** Of the session's turns from position `low` to `high` that are not alone at their place, by their rows. */
export async function listSiblings(
  reader: Reader,
  session: number,
  low: number,
  high: number,
): Promise<Map<number, TurnSiblings>> {
  const siblings = new Map<number, TurnSiblings>();
  for (const place of await listForks(reader, session, low, high)) addPlace(siblings, place);
  return siblings;
}

/** What stands where this message does, in the order it was made: the questions, of each the turns that ask it. Empty where it is alone. */
export async function listVersions(
  reader: Reader,
  session: number,
  { turnRow, position }: MessagePlace,
): Promise<ForkRow[][]> {
  const places = await listForks(reader, session, position, position);
  return places.find((place) => place.some((turns) => turns.some(({ row }) => row === turnRow))) ?? [];
}

/** Place by place, question by question. */
async function listForks(reader: Reader, session: number, low: number, high: number): Promise<ForkRow[][][]> {
  const turns = "t.row, t.id, t.question_id, t.answer_id, t.branch, b.parent_branch, t.position";
  const forks = `(SELECT branch, COALESCE(parent_branch, 0) AS parent_branch, fork_position, asks FROM branch
    WHERE session = $1 AND fork_position BETWEEN $2 AND $3) b`;
  // The turn that was there first stands on the branch that the others left, where that goes on at all.
  const rows = await reader.all<ForkRow>(
    `SELECT ${turns}, b.asks FROM ${forks} JOIN turn t ON t.session = $1 AND t.branch = b.branch AND t.position = b.fork_position AND ${isThere("t")}
     UNION ALL SELECT ${turns}, NULL FROM ${forks} JOIN turn t ON t.session = $1 AND t.branch = b.parent_branch AND t.position = b.fork_position AND ${isThere("t")}`,
    [session, low, high],
  );
  const once = [...new Map(rows.map((row) => [row.row, row])).values()].sort((one, other) => one.row - other.row);
  const byPlace = Map.groupBy(once, (row) => `${row.parent_branch}:${row.position}`);
  return [...byPlace.values()].map((place) => [...Map.groupBy(place, ({ row, asks }) => asks ?? row).values()]);
}

function addPlace(siblings: Map<number, TurnSiblings>, place: readonly ForkRow[][]): void {
  const newest = place.map((turns) => questionIdIn(turns.at(-1)!));
  for (const [question, turns] of place.entries()) {
    const answers = turns.map(answerIdIn);
    for (const [answer, { row }] of turns.entries())
      siblings.set(row, { question: among(newest, question), answer: among(answers, answer) });
  }
}

function among(ids: readonly string[], at: number): Siblings {
  return { index: at + 1, count: ids.length, previousId: ids[at - 1] ?? null, nextId: ids[at + 1] ?? null };
}

export interface Fork {
  session: number;
  branch: number;
  /** Null: it has nothing before it. */
  parentBranch: number | null;
  position: number;
  question: string;
}

/** A branch that begins at a place where others may stand. Whether one of them asks the same is known from now on. */
export function insertBranch(tx: Tx, { session, branch, parentBranch, position, question }: Fork): Promise<number> {
  return tx.run(
    `INSERT INTO branch (session, branch, parent_branch, fork_position, asks) VALUES ($1, $2, $3, $4,
       (SELECT MIN(t.row) FROM turn t WHERE t.session = $1 AND t.position = $4 AND t.question = $5 AND t.branch IN
         (SELECT branch FROM branch WHERE session = $1 AND fork_position = $4 AND COALESCE(parent_branch, 0) = $6 UNION SELECT $6)))`,
    [session, branch, parentBranch, position, question, parentBranch ?? 0],
  );
}
