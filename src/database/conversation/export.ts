// A whole session, read a few turns at a time: branch by branch, so that each turn stands behind the one that it follows.

import type { ExportedSession, ExportedTurn } from "../../conversation/export.ts";
import { answerIdOf } from "../../id.ts";
import type { TurnStatus } from "../../turn/turn.ts";
import { costFrom, usageFrom } from "../columns.ts";
import { type MessagesRow, messageColumns } from "../message.ts";
import { listEntriesOf } from "../money/ledger.ts";
import { findState } from "../session.ts";
import type { TurnRow } from "../turn.ts";
import type { Reader } from "../tx.ts";
import { answerIdIn, type MessageIds, questionIdIn } from "./message-ids.ts";
import { isThere } from "./siblings.ts";

/** At a time, one turn excepted that is longer. */
const turnsAtOnce = 32;
const bytesAtOnce = 256 * 1024;

/** All that is there, and over when the session is read: a branch begins behind an older turn, so none of them is missing. */
export async function exportSession(reader: Reader, owner: string, id: string): Promise<ExportedSession | undefined> {
  const session = await findState(reader, owner, id);
  if (!session) return undefined;
  const [newest] = await reader.all<{ row: number | null }>("SELECT MAX(row) AS row FROM turn WHERE session = $1", [
    session.row,
  ]);
  const tip = await findTip(reader, session);
  return { session, tip, turns: readTurns(reader, session.row, newest?.row ?? 0) };
}

/** The turn that runs is left out, and what it follows is the newest then. */
async function findTip(reader: Reader, session: { row: number; tipRow: number | null }): Promise<string | null> {
  const [row] = await reader.all<MessageIds & { status: TurnStatus; parent: number | null }>(
    "SELECT id, question_id, answer_id, status, parent FROM turn WHERE row = $1",
    [session.tipRow],
  );
  if (!row) return null;
  return row.status === "running" ? findTip(reader, { ...session, tipRow: row.parent }) : answerIdIn(row);
}

interface PlaceRow {
  branch: number;
  position: number;
  bytes: number;
}

/** As many as are read together, at least one. */
function cutByBytes(places: PlaceRow[]): PlaceRow[] {
  let bytes = 0;
  const beyond = places.findIndex((place, index) => {
    bytes += Number(place.bytes);
    return bytes > bytesAtOnce && index > 0;
  });
  return beyond === -1 ? places : places.slice(0, beyond);
}

async function* readTurns(reader: Reader, session: number, newest: number): AsyncGenerator<ExportedTurn[], void, void> {
  let after: [branch: number, position: number] = [-1, -1];
  for (;;) {
    const places = await reader.all<PlaceRow>(
      `SELECT branch, position, octet_length(question) + octet_length(answer) + COALESCE(octet_length(thought), 0) + COALESCE(octet_length(vendor_parts), 0) AS bytes
       FROM turn WHERE session = $1 AND (branch, position) > ($2, $3) ORDER BY branch, position LIMIT ${turnsAtOnce}`,
      [session, ...after],
    );
    const last = cutByBytes(places).at(-1);
    if (!last) return;
    const turns = await readSome(reader, session, after, last, newest);
    if (turns.length > 0) yield turns;
    after = [last.branch, last.position];
  }
}

interface ExportedRow extends MessagesRow, Pick<TurnRow, "user_name" | "first_token_at" | "ended_at"> {
  vendor_parts: string | null;
  calls: string | null;
}

const columns = `${messageColumns}, t.vendor_parts, t.user_name, t.first_token_at, t.ended_at, i.calls`;

async function readSome(
  reader: Reader,
  session: number,
  after: readonly [number, number],
  last: PlaceRow,
  newest: number,
): Promise<ExportedTurn[]> {
  const rows = await reader.all<ExportedRow>(
    `SELECT ${columns} FROM turn t LEFT JOIN turn p ON p.row = t.parent LEFT JOIN imported_turn i ON i.turn = t.row
     WHERE t.session = $1 AND (t.branch, t.position) > ($2, $3) AND (t.branch, t.position) <= ($4, $5) AND t.row <= $6 AND t.status <> 'running' AND ${isThere("t")}
     ORDER BY t.branch, t.position`,
    [session, ...after, last.branch, last.position, newest],
  );
  const entries = await listEntriesOf(
    reader,
    rows.map(({ row }) => row),
  );
  return rows.map((row) => turnFrom(row, entries.get(row.row) ?? []));
}

function turnFrom(row: ExportedRow, entries: ExportedTurn["entries"]): ExportedTurn {
  return {
    id: row.id,
    parentId: row.parent_answer_id ?? (row.parent_turn_id === null ? null : answerIdOf(row.parent_turn_id)),
    questionId: questionIdIn(row),
    answerId: answerIdIn(row),
    question: row.question,
    answer: row.answer,
    thought: row.thought,
    vendorParts: row.vendor_parts,
    status: row.status,
    modelRequested: row.model_requested,
    modelServed: row.model_served,
    finishReason: row.finish_reason,
    error: row.error_code === null ? null : { code: row.error_code, detail: row.error_detail ?? "" },
    notices: row.notices === null ? [] : JSON.parse(row.notices),
    usage: usageFrom(row),
    cost: costFrom(row),
    user: row.user_name,
    startedAt: row.started_at,
    firstTokenAt: row.first_token_at,
    endedAt: row.ended_at,
    entries,
    importedCalls: row.calls,
  };
}
