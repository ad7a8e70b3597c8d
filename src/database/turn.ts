// Turns: opened, closed and settled, each in one transaction that is guarded by a conditional update.

import type { Message } from "../conversation/message.ts";
import { AppError, type ErrorCode, notFound } from "../errors.ts";
import { type Cost, type LedgerEntry, sumCost } from "../money/ledger.ts";
import type { Usage } from "../money/usage.ts";
import type { ClosedTurn, CloseTurn, SessionState, StopRequest, TurnLog } from "../store.ts";
import type { Notice, Turn, TurnStatus } from "../turn/turn.ts";
import {
  type CostRow,
  costFrom,
  rankOf,
  storableText,
  type UsageRow,
  usageColumns,
  usageFrom,
  usageValues,
} from "./columns.ts";
import { insertBatch, readLog } from "./event.ts";
import { addToTotals, addTotals, insertEntries, totalsValues } from "./ledger.ts";
import { findState } from "./session.ts";
import { type Awaitable, allOf, type Reader, type Tx, type Value } from "./tx.ts";

/** While a turn runs, its log knows which model serves it. */
const servedSoFar = `(SELECT e.model_served FROM turn_event e WHERE e.turn_id = turn.id AND e.model_served IS NOT NULL
  ORDER BY e.first_number DESC LIMIT 1)`;
export const turnColumns = `id, session_id, owner, user_message_id, reply_message_id, status, model_requested,
  COALESCE(model_served, ${servedSoFar}) AS model_served, finish_reason,
  error_code, error_detail, notices, ${usageColumns}, CAST(cost_pico AS TEXT) AS cost_pico, accuracy_rank,
  started_at, first_token_at, ended_at, last_number, settled`;

export interface TurnRow extends UsageRow, CostRow {
  id: string;
  session_id: string;
  owner: string;
  user_message_id: string;
  reply_message_id: string;
  status: TurnStatus;
  model_requested: string;
  model_served: string | null;
  finish_reason: string | null;
  error_code: ErrorCode | null;
  error_detail: string | null;
  notices: string | null;
  started_at: number;
  first_token_at: number | null;
  ended_at: number | null;
  last_number: number | null;
  settled: number;
}

export function turnFrom(row: TurnRow): Turn {
  const notices: Notice[] = row.notices === null ? [] : JSON.parse(row.notices);
  return {
    id: row.id,
    sessionId: row.session_id,
    userMessageId: row.user_message_id,
    replyMessageId: row.reply_message_id,
    status: row.status,
    modelRequested: row.model_requested,
    modelServed: row.model_served,
    finishReason: row.finish_reason,
    usage: usageFrom(row),
    cost: costFrom(row),
    error: row.error_code === null ? null : { code: row.error_code, detail: row.error_detail ?? "" },
    notices,
    settled: row.settled === 1,
    startedAt: row.started_at,
    firstTokenAt: row.first_token_at,
    endedAt: row.ended_at,
  };
}

async function findTurnRow(reader: Reader, owner: string, id: string): Promise<TurnRow | undefined> {
  const rows = await reader.all<TurnRow>(`SELECT ${turnColumns} FROM turn WHERE id = $1 AND owner = $2`, [id, owner]);
  return rows[0];
}

export async function findTurn(reader: Reader, owner: string, id: string): Promise<Turn | undefined> {
  const row = await findTurnRow(reader, owner, id);
  return row && turnFrom(row);
}

/** Of a log that is read on its way to a reader: what the reader has not taken yet stays small. Five batches are a second of an answer. */
const batchesAtOnce = 64;

/** The turn is read before its events: an end that comes in between shows at the next reading, never an end without its events. */
export async function readTurnLog(
  reader: Reader,
  owner: string,
  turnId: string,
  after: number,
): Promise<TurnLog | undefined> {
  const row = await findTurnRow(reader, owner, turnId);
  if (!row) return undefined;
  const { events, hasMore } = await readLog(reader, turnId, after, batchesAtOnce);
  return { turn: turnFrom(row), events, hasMore, lastNumber: row.last_number };
}

export async function closeTurn(
  tx: Tx,
  input: CloseTurn,
): Promise<(ClosedTurn & { session: SessionState }) | undefined> {
  const turn = afterClosing(input);
  if ((await endTurn(tx, input, turn)) === 0) return undefined;
  const text = storableText(input.text);
  const thought = input.thought === "" ? null : storableText(input.thought);
  const booked = sumCost(input.entries).total;
  const reply = [text, thought, input.vendorParts, input.status];
  const totals = releaseValues(input, booked);
  // Independent of each other: an engine with a network sends them together.
  const [released, filled] = await allOf([
    input.session ? tx.run(releaseKnown, [...totals, input.session.version]) : 0,
    input.replyRow === undefined ? 0 : tx.run(fillRow, [input.replyRow, ...reply]),
    insertEntries(tx, input.owner, input.entries),
    input.lastBatch ? insertBatch(tx, input.lastBatch) : undefined,
    input.replyRow === undefined ? undefined : tx.indexText(input.replyRow, input.owner, text, false),
  ]);
  if (filled === 0) {
    const [row] = await tx.all<{ row: number }>(fillId, [turn.replyMessageId, ...reply]);
    if (!row) throw notFound("message");
    await tx.indexText(row.row, input.owner, text, false);
  }
  const session =
    input.session && released > 0 ? afterReleasing(input, input.session, booked) : await releaseAny(tx, input, totals);
  return { turn, reply: replyOf(turn, text, thought), session };
}

/** The turn as it is when it is over. */
function afterClosing(end: CloseTurn): Turn {
  const { turn, status, finishReason, usage, error, notices, settled, firstTokenAt, endedAt, entries } = end;
  const cost: Cost = { ...end.cost, unpricedTurns: end.cost.accuracy === "unknown" ? 1 : 0 };
  if (settled) cost.total = turnTotal(cost, entries);
  return {
    ...turn,
    status,
    modelServed: end.modelServed ?? turn.modelServed,
    finishReason,
    usage,
    cost,
    error: error && { code: error.code, detail: storableText(error.detail) },
    notices,
    settled,
    firstTokenAt,
    endedAt,
  };
}

/** The reply as any reading of it gives it: what it says of its cost is its turn's. */
function replyOf(turn: Turn, content: string, thought: string | null): Message {
  return {
    id: turn.replyMessageId,
    sessionId: turn.sessionId,
    parentId: turn.userMessageId,
    turnId: turn.id,
    role: "assistant",
    content,
    thought,
    status: turn.status,
    model: turn.modelServed ?? turn.modelRequested,
    usage: turn.usage,
    cost: turn.cost,
    error: turn.error,
    createdAt: turn.startedAt,
  };
}

const fill = "UPDATE message SET content = $2, thought = $3, vendor_parts = $4, status = $5";
const fillRow = `${fill} WHERE row = $1`;
const fillId = `${fill} WHERE id = $1 RETURNING row`;

/** The guard: only one caller ever ends a turn that was running. */
function endTurn(tx: Tx, input: CloseTurn, after: Turn): Awaitable<number> {
  const { id, status, modelServed, finishReason, error, notices, firstTokenAt, endedAt, settled, cost } = after;
  return tx.run(
    `UPDATE turn SET status = $3, model_served = COALESCE($4, model_served), finish_reason = $5, error_code = $6, error_detail = $7,
       notices = $8, first_token_at = $9, ended_at = $10, last_number = $11, settled = $12, cost_pico = $13, accuracy_rank = $14,
       input_tokens = $15, cached_tokens = $16, output_tokens = $17, thinking_tokens = $18, tool_tokens = $19, total_tokens = $20
     WHERE id = $1 AND process_id = $2 AND status = 'running'`,
    [
      ...[id, input.processId, status, modelServed, finishReason, error?.code ?? null, error?.detail ?? null],
      ...[notices.length > 0 ? JSON.stringify(notices) : null, firstTokenAt, endedAt, input.lastNumber],
      ...[settled ? 1 : 0, cost!.total, rankOf(cost!.accuracy)],
      ...usageValues(input.usage),
    ],
  );
}

/** What a settled turn cost is what its entries say, so that the books cannot disagree; without entries it is nothing or unknown. */
function turnTotal(cost: Cost, entries: readonly LedgerEntry[]): bigint | null {
  return sumCost(entries).total ?? (cost.total === null ? null : 0n);
}

/** Frees the session for its next turn and adds the turn to its totals. */
const release = `UPDATE session SET ${addToTotals}, running_turn_id = NULL, version = version + 1, updated_at = $11,
  memory_from = COALESCE($12, memory_from), memory_estimate = COALESCE($13, memory_estimate), memory_tokens = COALESCE($14, memory_tokens)
  WHERE id = $1`;
const releaseKnown = `${release} AND version = $15`;

/** What is added to the session: nothing of a turn that will be settled later. */
function addedBy({ settled, usage, cost }: CloseTurn): { usage: Usage | null; cost: Cost | null } {
  return settled ? { usage, cost } : { usage: null, cost: null };
}

/** Where the vendor counted the prompt, how far our estimate was off. */
function calibrationOf({ memory }: CloseTurn): { estimate: number; tokens: number } | undefined {
  if (memory === null || memory.promptTokens === null) return undefined;
  return { estimate: memory.promptEstimate, tokens: memory.promptTokens };
}

/** For `$1` to `$14` of `release`. */
function releaseValues(input: CloseTurn, booked: bigint | null): Value[] {
  const { usage, cost } = addedBy(input);
  const counted = calibrationOf(input);
  return [
    ...[input.turn.sessionId, ...totalsValues(booked, usage, cost), input.endedAt],
    ...[input.memory?.from ?? null, counted?.estimate ?? null, counted?.tokens ?? null],
  ];
}

/** What `release` makes of a session that was as it was known. */
function afterReleasing(input: CloseTurn, known: SessionState, booked: bigint | null): SessionState {
  const { usage, cost } = addedBy(input);
  const counted = calibrationOf(input);
  return {
    ...known,
    ...addTotals(known, booked, usage, cost),
    runningTurnId: null,
    version: known.version + 1,
    updatedAt: input.endedAt,
    memoryFrom: input.memory?.from ?? known.memoryFrom,
    memoryEstimate: counted?.estimate ?? known.memoryEstimate,
    memoryTokens: counted?.tokens ?? known.memoryTokens,
  };
}

/** Releases a session that is not as it was known, and reads it. */
async function releaseAny(tx: Tx, { owner, turn }: CloseTurn, values: readonly Value[]): Promise<SessionState> {
  await tx.run(release, values);
  const session = await findState(tx, owner, turn.sessionId);
  if (!session) throw notFound("session");
  return session;
}

export interface SettleTurn {
  turnId: string;
  processId: number;
  entries: LedgerEntry[];
  usage: Usage | null;
  cost: Cost;
}

export async function settleTurn(tx: Tx, input: SettleTurn): Promise<boolean> {
  const { turnId, processId, entries, usage, cost } = input;
  const [turn] = await tx.all<{ session_id: string; owner: string }>(
    `UPDATE turn SET settled = 1, accuracy_rank = $3, input_tokens = $4, cached_tokens = $5, output_tokens = $6, thinking_tokens = $7,
       tool_tokens = $8, total_tokens = $9 WHERE id = $1 AND process_id = $2 AND settled = 0 AND status <> 'running' RETURNING session_id, owner`,
    [turnId, processId, rankOf(cost.accuracy), ...usageValues(usage)],
  );
  if (!turn) return false;
  await insertEntries(tx, turn.owner, entries);
  await tx.run(
    "UPDATE turn SET cost_pico = COALESCE((SELECT SUM(total_pico) FROM ledger_entry WHERE turn_id = $1), $2) WHERE id = $1",
    [turnId, cost.total === null ? null : 0n],
  );
  await tx.run(`UPDATE session SET ${addToTotals}, version = version + 1 WHERE id = $1`, [
    turn.session_id,
    ...totalsValues(sumCost(entries).total, usage, cost),
  ]);
  return true;
}

export interface RequestStop {
  owner: string;
  turnId: string;
  hard: boolean;
}

export async function requestStop(tx: Tx, { owner, turnId, hard }: RequestStop): Promise<boolean> {
  const changed = await tx.run(
    `UPDATE turn SET stop_requested = CASE WHEN stop_requested < $3 THEN $3 ELSE stop_requested END WHERE id = $1 AND owner = $2 AND settled = 0`,
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
