// Turns as they are read; and words for the process that runs one.

import { AppError, notFound } from "../errors.ts";
import type { BegunCall } from "../money/ledger.ts";
import type { StopRequest, TurnLog } from "../store.ts";
import { firstLogged } from "../turn/event.ts";
import type { Notice, Turn } from "../turn/turn.ts";
import { costFrom, type OutcomeRow, usageColumns, usageFrom } from "./columns.ts";
import { importedProcess } from "./conversation/imported.ts";
import { answerIdIn, questionIdIn } from "./conversation/message-ids.ts";
import { isThere } from "./conversation/siblings.ts";
import { readLog, unpackPieces } from "./event.ts";
import type { Reader, Tx } from "./tx.ts";

/** While a turn runs, its log knows which model serves it. */
const servedSoFar = `(SELECT e.model_served FROM turn_event e WHERE e.turn_id = t.id AND e.model_served IS NOT NULL
  ORDER BY e.first_number DESC LIMIT 1)`;
/** Of `turn t JOIN session s`. */
export const turnColumns = `t.row, t.id, s.id AS session_id, s.project, t.question_id, t.answer_id, t.status, t.model_requested,
  CASE WHEN t.status = 'running' THEN ${servedSoFar} ELSE t.model_served END AS model_served, t.finish_reason,
  t.error_code, t.error_detail, t.notices, ${usageColumns.replace(/\w+/g, "t.$&")}, CAST(t.cost_pico AS TEXT) AS cost_pico, t.accuracy_rank,
  t.started_at, t.first_token_at, t.ended_at, t.last_number, t.settled, t.user_name, t.key_id, t.process_id`;

export interface TurnRow extends OutcomeRow {
  session_id: string;
  project: string;
  first_token_at: number | null;
  ended_at: number | null;
  last_number: number | null;
  settled: number;
  user_name: string | null;
  key_id: string | null;
  process_id: number;
}

export function turnFrom(row: TurnRow): Turn {
  const notices: Notice[] = row.notices === null ? [] : JSON.parse(row.notices);
  return {
    id: row.id,
    sessionId: row.session_id,
    userMessageId: questionIdIn(row),
    replyMessageId: answerIdIn(row),
    status: row.status,
    modelRequested: row.model_requested,
    modelServed: row.model_served,
    finishReason: row.finish_reason,
    usage: usageFrom(row),
    cost: costFrom(row),
    error: row.error_code === null ? null : { code: row.error_code, detail: row.error_detail ?? "" },
    notices,
    settled: row.settled === 1,
    user: row.user_name,
    keyId: row.key_id,
    imported: row.process_id === importedProcess,
    startedAt: row.started_at,
    firstTokenAt: row.first_token_at,
    endedAt: row.ended_at,
  };
}

/** `is_there`: 0 once it was deleted, with a version or with what one led to. */
async function findTurnRow(reader: Reader, owner: string, id: string) {
  const rows = await reader.all<TurnRow & { is_there: 0 | 1 }>(
    `SELECT ${turnColumns}, CASE WHEN ${isThere("t")} THEN 1 ELSE 0 END AS is_there FROM turn t JOIN session s ON s.row = t.session AND s.project = $2 AND s.purged_at IS NULL WHERE t.id = $1`,
    [id, owner],
  );
  return rows[0];
}

export async function findTurn(reader: Reader, owner: string, id: string): Promise<Turn | undefined> {
  const row = await findTurnRow(reader, owner, id);
  return row && turnFrom(row);
}

export async function getTurn(reader: Reader, owner: string, id: string): Promise<Turn> {
  const row = await findTurnRow(reader, owner, id);
  if (!row) throw notFound("turn");
  if (row.is_there === 1) return turnFrom(row);
  const detail = "This turn was deleted with a version of what was said; while that can be restored, so can the turn.";
  throw new AppError("not_found", detail, { members: { turn_id: id, session_id: row.session_id } });
}

/** Of a log that is read on its way to a reader: what the reader has not taken yet stays small. Five batches are a second of an answer. */
const batchesAtOnce = 64;
const charactersAtOnce = 256 * 1024;

/** The turn is read before its events: an end that comes in between shows at the next reading, never an end without its events. */
export async function readTurnLog(
  reader: Reader,
  owner: string,
  turnId: string,
  after: number,
): Promise<TurnLog | undefined> {
  const row = await findTurnRow(reader, owner, turnId);
  if (!row?.is_there) return undefined;
  const log =
    (await readPieces(reader, row, after)) ?? (await readLog(reader, turnId, after, batchesAtOnce, charactersAtOnce));
  return { turn: turnFrom(row), events: log.events, hasMore: log.hasMore, lastNumber: row.last_number };
}

/** The log of a turn that has it in its own row; undefined for one whose log was written while it ran. */
async function readPieces(reader: Reader, { row, status }: TurnRow, after: number) {
  if (status === "running") return undefined;
  const [texts] = await reader.all<{ events: string | null; answer: string; thought: string | null }>(
    "SELECT events, answer, thought FROM turn WHERE row = $1 AND events IS NOT NULL",
    [row],
  );
  if (!texts?.events) return undefined;
  const skipped = Math.max(0, after - firstLogged + 1);
  const long = { answer: texts.answer, thought: texts.thought ?? "" };
  return unpackPieces(texts.events, long, skipped, charactersAtOnce);
}

export interface NoteCalls {
  turnId: string;
  processId: number;
  calls: readonly BegunCall[];
}

export async function noteCalls(tx: Tx, { turnId, processId, calls }: NoteCalls): Promise<void> {
  const noted = await tx.run("UPDATE turn SET calls = $3 WHERE id = $1 AND process_id = $2 AND status = 'running'", [
    turnId,
    processId,
    JSON.stringify(calls),
  ]);
  if (noted === 0) throw new AppError("conflict", "The turn is over, or another process has taken it over.");
}

export interface RequestStop {
  owner: string;
  turnId: string;
  hard: boolean;
}

export async function requestStop(tx: Tx, { owner, turnId, hard }: RequestStop): Promise<boolean> {
  const changed = await tx.run(
    `UPDATE turn SET stop_requested = CASE WHEN stop_requested < $3 THEN $3 ELSE stop_requested END WHERE id = $1 AND settled = 0 
     AND EXISTS (SELECT 1 FROM session s WHERE s.row = turn.session AND s.project = $2)`,
    [turnId, owner, hard ? 2 : 1],
  );
  return changed > 0;
}

export async function listStopRequests(reader: Reader, processId: number): Promise<StopRequest[]> {
  const rows = await reader.all<{ id: string; stop_requested: number }>(
    "SELECT id, stop_requested FROM turn WHERE process_id = $1 AND settled = 0 AND stop_requested > 0",
    [processId],
  );
  return rows.map((row) => ({ turnId: row.id, hard: row.stop_requested === 2 }));
}

export interface RenewLease {
  processId: number;
  turnIds: readonly string[];
  leaseMs: number;
}

export async function renewLease(tx: Tx, { processId, turnIds, leaseMs }: RenewLease): Promise<void> {
  await tx.run(
    `UPDATE turn SET lease_until = ${tx.dialect.now} + $2 WHERE process_id = $1 AND settled = 0 AND id ${tx.dialect.inList("$3")}`,
    [processId, leaseMs, JSON.stringify(turnIds)],
  );
}

export function turnInProgress(runningTurnId: string): AppError {
  return new AppError("turn_in_progress", "Another turn is running in this session.", {
    members: { running_turn_id: runningTurnId },
  });
}
