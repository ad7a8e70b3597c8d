// Ending a turn: its answer, its bill and its session's totals in one transaction that is guarded by a conditional update.

import { type Message, noSiblings, type Siblings } from "../conversation/message.ts";
import { notFound } from "../errors.ts";
import { type Booked, sumUp } from "../money/ledger.ts";
import type { ClosedTurn, CloseTurn, SessionState } from "../store.ts";
import { type EventBatch, firstLogged } from "../turn/event.ts";
import type { Turn } from "../turn/turn.ts";
import { rankOf, storableText, usageValues } from "./columns.ts";
import { insertBatch, packPieces } from "./event.ts";
import { releaseKey } from "./idempotency.ts";
import type { Holder } from "./money/budget-counter.ts";
import { hasSeveralModels, readHolds, settleHolds, settleTurnLate } from "./money/hold.ts";
import { addToTotals, addTotals, insertEntries, totalsValues } from "./money/ledger.ts";
import { findState } from "./session.ts";
import type { Tx, Value } from "./tx.ts";

/** Ends a running turn, once: undefined when it was not running, or not this process's. */
export async function closeTurn(
  tx: Tx,
  input: CloseTurn,
): Promise<(ClosedTurn & { session: SessionState }) | undefined> {
  const { opened, settled } = input;
  const spent = sumUp(input.entries);
  const turn = afterClosing(input, spent);
  const answer = storableText(input.text);
  const thought = input.thought === "" ? null : storableText(input.thought);
  const { row, holds } = opened.row === undefined || !opened.holds ? await findRow(tx, turn.id) : opened;
  if (row === undefined) return undefined;
  // Nothing is looked for in the budgets of a turn that has none, as long as they are those it was opened with.
  const known = settled ? opened.budgetVersion : undefined;
  let isLate = known === undefined && settled;
  let ended = await endTurn(tx, input, turn, row, answer, thought, known);
  if (ended === 0 && known !== undefined) {
    isLate = true;
    ended = await endTurn(tx, input, turn, row, answer, thought, undefined);
  }
  if (ended === 0) return undefined;
  const added = settled ? spent : nothing;
  const totals = releaseValues(input, added);
  const { releaseKey: key, lastBatch } = input;
  const before = opened.session;
  // Independent of each other: an engine with a network sends them together.
  const work: unknown[] = [before ? tx.run(releaseKnown, [before.row, ...totals, before.version]) : 0];
  work.push(insertEntries(tx, row, added.entries), tx.indexTurn(row, input.owner, [input.question, answer]));
  if (key) work.push(releaseKey(tx, input.owner, key, turn.id));
  if (lastBatch && !isWhole(lastBatch)) work.push(insertBatch(tx, lastBatch));
  // Of a model that it was not asked for it holds nothing, and there may be a budget for that one.
  if (isLate || hasSeveralModels(added.entries))
    work.push(settleTurnLate(tx, row, holderOf(input.owner, turn), holds!, spent));
  else if (settled && holds!.length > 0) work.push(settleHolds(tx, holds!, spent));
  const [released] = await Promise.all(work);
  const session = before && released ? afterReleasing(input, before, added) : await releaseAny(tx, input, totals);
  return { turn, reply: replyOf(turn, answer, thought, opened.siblings), session };
}

async function findRow(tx: Tx, turnId: string): Promise<Pick<CloseTurn["opened"], "row" | "holds">> {
  const [found] = await tx.all<{ row: number; holds: string | null }>("SELECT row, holds FROM turn WHERE id = $1", [
    turnId,
  ]);
  return { row: found?.row, holds: readHolds(found?.holds ?? null).holds };
}

function holderOf(project: string, { sessionId, user, keyId, startedAt }: Turn): Holder {
  return { project, sessionId, user, keyId, at: startedAt };
}

/** Whether this is the turn's whole log, none of which was written while it ran. */
function isWhole(batch: EventBatch): boolean {
  return batch.firstNumber === firstLogged;
}

/** Of what will be settled later. */
const nothing = sumUp([]);

/** The turn as it is when it is over. */
function afterClosing(end: CloseTurn, { usage, cost }: Booked): Turn {
  const { status, finishReason, error, notices, settled, firstTokenAt, endedAt } = end;
  const { turn } = end.opened;
  return {
    ...turn,
    status,
    modelServed: end.modelServed ?? turn.modelServed,
    finishReason,
    usage,
    cost,
    error: error && { ...error, detail: storableText(error.detail) },
    notices,
    settled,
    firstTokenAt,
    endedAt,
  };
}

/** The reply as any reading of it gives it: what it says of its cost is its turn's. */
export function replyOf(turn: Turn, content: string, thought: string | null, siblings: Siblings = noSiblings): Message {
  return {
    id: turn.replyMessageId,
    sessionId: turn.sessionId,
    parentId: turn.userMessageId,
    turnId: turn.id,
    role: "assistant",
    content,
    thought,
    status: turn.status,
    finishReason: turn.finishReason,
    notices: turn.notices,
    model: turn.modelServed ?? turn.modelRequested,
    usage: turn.usage,
    cost: turn.cost,
    error: turn.error,
    createdAt: turn.startedAt,
    siblings,
  };
}

/** The guard: only one caller ever ends a turn that was running. */
function endTurn(
  tx: Tx,
  input: CloseTurn,
  after: Turn,
  row: number,
  answer: string,
  thought: string | null,
  budgetVersion: number | undefined,
): Promise<number> {
  const { status, modelServed, finishReason, error, notices, firstTokenAt, endedAt, settled, usage, cost } = after;
  const { lastBatch } = input;
  const values: Value[] = [
    ...[row, input.processId, status, modelServed, finishReason, error?.code ?? null, error?.detail ?? null],
    ...[notices.length > 0 ? JSON.stringify(notices) : null, firstTokenAt, endedAt, input.lastNumber],
    ...[settled ? 1 : 0, cost!.total, rankOf(cost!.accuracy)],
    ...usageValues(usage),
    ...[answer, thought, input.vendorParts],
    lastBatch && isWhole(lastBatch) ? packPieces(lastBatch.events) : null,
  ];
  if (budgetVersion === undefined) return tx.run(end, values);
  values.push(budgetVersion);
  return tx.run(endWithBudgets, values);
}

const end = `UPDATE turn SET status = $3, model_served = $4, finish_reason = $5, error_code = $6, error_detail = $7,
    notices = $8, first_token_at = $9, ended_at = $10, last_number = $11, settled = $12, cost_pico = $13, accuracy_rank = $14,
    input_tokens = $15, cached_tokens = $16, output_tokens = $17, thinking_tokens = $18, tool_tokens = $19, total_tokens = $20,
    answer = $21, thought = $22, vendor_parts = $23, events = $24
  WHERE row = $1 AND process_id = $2 AND status = 'running'`;
/** Only while all budgets are those that the turn was opened with. */
const endWithBudgets = `${end} AND (SELECT version FROM budget_version WHERE id = 1) = $25`;

/** Frees the session for its next turn and adds the turn to its totals. */
const release = `UPDATE session SET ${addToTotals}, running_turn_id = NULL, version = version + 1, updated_at = $11,
  memory_from = COALESCE($12, memory_from), memory_estimate = COALESCE($13, memory_estimate), memory_tokens = COALESCE($14, memory_tokens)`;
const releaseKnown = `${release} WHERE row = $1 AND version = $15`;
const releaseAsItIs = `${release} WHERE id = $1`;

/** Where the vendor counted the prompt, how far our estimate was off. */
function calibrationOf({ memory }: CloseTurn): CloseTurn["memory"] {
  return memory?.promptTokens === null ? null : memory;
}

/** For `$2` to `$14` of `release`. */
function releaseValues(input: CloseTurn, added: Booked): Value[] {
  const counted = calibrationOf(input);
  return [
    ...totalsValues(added),
    ...[input.endedAt, input.memory?.from ?? null, counted?.promptEstimate ?? null, counted?.promptTokens ?? null],
  ];
}

/** What `release` makes of a session that was as it was known. */
function afterReleasing(input: CloseTurn, known: SessionState, added: Booked): SessionState {
  const { usage, cost } = addTotals(known, added);
  const counted = calibrationOf(input);
  return {
    ...known,
    usage,
    cost,
    runningTurnId: null,
    version: known.version + 1,
    updatedAt: input.endedAt,
    memoryFrom: input.memory?.from ?? known.memoryFrom,
    memoryEstimate: counted?.promptEstimate ?? known.memoryEstimate,
    memoryTokens: counted?.promptTokens ?? known.memoryTokens,
  };
}

/** Releases a session that is not as it was known, and reads it. */
async function releaseAny(tx: Tx, { owner, opened }: CloseTurn, values: readonly Value[]): Promise<SessionState> {
  const { sessionId } = opened.turn;
  await tx.run(releaseAsItIs, [sessionId, ...values]);
  const session = await findState(tx, owner, sessionId);
  if (!session) throw notFound("session");
  return session;
}

export interface SettleTurn extends Pick<CloseTurn, "processId" | "entries"> {
  turnId: string;
}

interface SettledRow {
  row: number;
  session: number;
  holds: string | null;
  user_name: string | null;
  key_id: string | null;
  started_at: number;
}

async function readHolder(tx: Tx, turn: SettledRow): Promise<Holder> {
  const [session] = await tx.all<{ id: string; project: string }>("SELECT id, project FROM session WHERE row = $1", [
    turn.session,
  ]);
  const { user_name: user, key_id: keyId, started_at: at } = turn;
  return { project: session!.project, sessionId: session!.id, user, keyId, at };
}

export async function settleTurn(tx: Tx, input: SettleTurn): Promise<boolean> {
  const { turnId, processId } = input;
  const spent = sumUp(input.entries);
  const { entries, usage, cost } = spent;
  const [turn] = await tx.all<SettledRow>(
    `UPDATE turn SET settled = 1, accuracy_rank = $3, input_tokens = $4, cached_tokens = $5, output_tokens = $6, thinking_tokens = $7,
       tool_tokens = $8, total_tokens = $9, cost_pico = $10 WHERE id = $1 AND process_id = $2 AND settled = 0 AND status <> 'running'
     RETURNING row, session, holds, user_name, key_id, started_at`,
    [turnId, processId, rankOf(cost.accuracy), ...usageValues(usage), cost.total],
  );
  if (!turn) return false;
  await Promise.all([
    insertEntries(tx, turn.row, entries),
    tx.run(`UPDATE session SET ${addToTotals}, version = version + 1 WHERE row = $1`, [
      turn.session,
      ...totalsValues(spent),
    ]),
  ]);
  await settleTurnLate(tx, turn.row, await readHolder(tx, turn), readHolds(turn.holds).holds, spent);
  return true;
}
