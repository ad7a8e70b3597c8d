// Opening a turn: the session is taken, both messages and the turn are written, or nothing is.

import { AppError, notFound } from "../errors.ts";
import type { Message } from "../message.ts";
import { titleFrom } from "../session.ts";
import type { MemoryState, OpenedTurn, OpenTurn } from "../store.ts";
import { storableText } from "./columns.ts";
import type { Tx, Value } from "./engine.ts";
import { claimKey } from "./idempotency.ts";
import { findTurnMessages } from "./message.ts";
import { titleRow } from "./search.ts";
import { findSession, type SessionRow, sessionColumns, sessionFrom, versionMismatch } from "./session.ts";
import { findTurn, type TurnRow, turnColumns, turnFrom, turnInProgress } from "./turn.ts";

interface TakenSession extends SessionRow {
  tip_branch: number;
  tip_position: number;
  memory_from: number;
  memory_estimate: number;
  memory_tokens: number;
}
const takenColumns = `${sessionColumns}, tip_branch, tip_position, memory_from, memory_estimate, memory_tokens`;
/** Where a new message goes on: after `position` (-1: at the beginning) of `branch`. Undefined: after the newest message. */
type Place = { branch: number; position: number } | undefined;

export async function openTurn(tx: Tx, input: OpenTurn): Promise<OpenedTurn> {
  const { owner, idempotency, at } = input;
  const earlier = idempotency && (await claimKey(tx, owner, idempotency, input.turnId, at));
  if (earlier !== undefined && earlier !== input.turnId) return { kind: "replayed", turnId: earlier };
  const content = storableText(input.content);
  const place = await findPlace(tx, input);
  const title = titleFrom(content);
  if (place === "nowhere") throw (await explainRefusal(tx, input)) ?? notFound("message");
  const session = await takeFreeSession(tx, input, place, title);
  if (!session) return findOpened(tx, input);
  // Independent of each other: an engine with a network sends them together.
  const [messages, turn] = await Promise.all([
    insertMessages(tx, input, session, content),
    insertTurn(tx, input),
    place && session.tip_branch !== place.branch ? insertBranch(tx, session, place) : undefined,
    title !== null && session.title === title ? tx.indexText(titleRow(session.row), owner, title, true) : undefined,
  ]);
  await tx.indexText(messages.row, owner, content, false);
  return {
    kind: "opened",
    session: sessionFrom(session),
    turn: turnFrom(turn),
    ...messages.pair,
    memory: memoryOf(session),
  };
}

/** What an earlier try with the same turn id has written. */
async function findOpened(tx: Tx, { owner, sessionId, turnId }: OpenTurn): Promise<OpenedTurn> {
  const [[session], turn, messages] = await Promise.all([
    tx.all<TakenSession>(`SELECT ${takenColumns} FROM session WHERE id = $1`, [sessionId]),
    findTurn(tx, owner, turnId),
    findTurnMessages(tx, owner, turnId),
  ]);
  if (!session || !turn || !messages) throw notFound("turn");
  return { kind: "opened", session: sessionFrom(session), turn, ...messages, memory: memoryOf(session) };
}

const mostTries = 20;

/** Messages never move, so their places can be read before the session is taken. */
async function findPlace(tx: Tx, { parentId, sessionId, owner }: OpenTurn): Promise<Place | "nowhere"> {
  if (parentId === undefined) return undefined;
  if (parentId === null) return { branch: 0, position: -1 };
  const [row] = await tx.all<{ branch: number; position: number; role: Message["role"] }>(
    `SELECT m.branch, m.position, m.role FROM message m JOIN session s ON s.id = m.session_id WHERE m.id = $1 AND s.id = $2 AND s.owner = $3`,
    [parentId, sessionId, owner],
  );
  if (!row) return "nowhere";
  if (row.role === "assistant") return { branch: row.branch, position: row.position };
  const detail = "A message can only follow a reply of the model.";
  throw new AppError("invalid_request", detail, { errors: [{ pointer: "/parent_id", detail }] });
}

/**
 * Where nothing explains why the session could not be taken, it was freed since by another process: it is tried again.
 * Undefined: this very turn has taken it before.
 */
async function takeFreeSession(
  tx: Tx,
  input: OpenTurn,
  place: Place,
  title: string | null,
): Promise<TakenSession | undefined> {
  for (let tries = 0; tries < mostTries; tries++) {
    const session = await takeSession(tx, input, place, title);
    if (session) return session;
    const refusal = await explainRefusal(tx, input);
    if (refusal?.members?.running_turn_id === input.turnId) return undefined;
    if (refusal) throw refusal;
  }
  throw new AppError("conflict", "The session changes hands too fast; try again.", { retryAfterSeconds: 1 });
}

/** The guard: only one caller ever gets the row of a session in which nothing was running. */
async function takeSession(
  tx: Tx,
  input: OpenTurn,
  place: Place,
  title: string | null,
): Promise<TakenSession | undefined> {
  const { sessionId, owner, turnId, at, ifVersion } = input;
  const params: Value[] = [sessionId, owner, turnId, at, title];
  let tip = "tip_position = tip_position + 2";
  if (place) {
    const atTip = `tip_branch = $${params.push(place.branch)} AND tip_position = $${params.push(place.position)}`;
    const fork = `CAST($${params.push(place.position + 1)} AS BIGINT)`;
    tip = `tip_branch = CASE WHEN ${atTip} THEN tip_branch ELSE branch_count END, tip_position = ${fork} + 1,
      branch_count = CASE WHEN ${atTip} THEN branch_count ELSE branch_count + 1 END,
      memory_from = CASE WHEN memory_from <= ${fork} THEN memory_from ELSE 0 END`;
  }
  const guard = ifVersion === undefined ? "" : `AND version = $${params.push(ifVersion)}`;
  const rows = await tx.all<TakenSession>(
    `UPDATE session SET message_count = message_count + 2, version = version + 1, updated_at = $4, running_turn_id = $3,
       title = COALESCE(title, $5), ${tip}
     WHERE id = $1 AND owner = $2 AND deleted_at IS NULL AND running_turn_id IS NULL ${guard}
     RETURNING ${takenColumns}`,
    params,
  );
  return rows[0];
}

async function explainRefusal(tx: Tx, { owner, sessionId, ifVersion }: OpenTurn): Promise<AppError | undefined> {
  const session = await findSession(tx, owner, sessionId);
  if (!session) return notFound("session");
  if (session.deletedAt !== null) return new AppError("conflict", "The session is in the trash; restore it first.");
  if (session.runningTurnId !== null) return turnInProgress(session.runningTurnId);
  if (ifVersion !== undefined && session.version !== ifVersion) return versionMismatch(session.version, ifVersion);
  return undefined;
}

async function insertBranch(tx: Tx, session: TakenSession, place: { branch: number; position: number }): Promise<void> {
  await tx.run("INSERT INTO branch (session_id, branch, parent_branch, fork_position) VALUES ($1, $2, $3, $4)", [
    session.id,
    session.tip_branch,
    place.position === -1 ? null : place.branch,
    place.position + 1,
  ]);
}

async function insertMessages(tx: Tx, input: OpenTurn, session: TakenSession, content: string) {
  const { sessionId, turnId, userMessageId, replyMessageId, at } = input;
  const position = session.tip_position - 1;
  const rows = await tx.all<{ row: number; parent_id: string | null; role: string }>(
    `INSERT INTO message (id, session_id, branch, position, parent_id, turn_id, role, status, created_at, content) VALUES
       ($1, $2, $3, $4, COALESCE($5, (SELECT id FROM message WHERE session_id = $2 AND branch = $3 AND position = CAST($4 AS BIGINT) - 1)),
        $6, 'user', 'complete', $7, $8),
       ($9, $2, $3, $10, $1, $6, 'assistant', 'running', $7, '') RETURNING row, parent_id, role`,
    [
      userMessageId,
      sessionId,
      session.tip_branch,
      position,
      input.parentId ?? null,
      turnId,
      at,
      content,
      replyMessageId,
      position + 1,
    ],
  );
  const inserted = rows.find((row) => row.role === "user")!;
  const common = { sessionId, turnId, thought: null, usage: null, cost: null, error: null, createdAt: at };
  const userMessage: Message = {
    ...{
      ...common,
      id: userMessageId,
      parentId: inserted.parent_id,
      role: "user",
      content,
      status: "complete",
      model: null,
    },
  };
  const reply: Message = {
    ...{ ...common, id: replyMessageId, parentId: userMessageId, role: "assistant", content: "", status: "running" },
    model: input.modelRequested,
  };
  return { row: inserted.row, pair: { userMessage, reply } };
}

async function insertTurn(tx: Tx, input: OpenTurn): Promise<TurnRow> {
  const { turnId, sessionId, owner, userMessageId, replyMessageId, modelRequested, at, processId, leaseUntil } = input;
  const rows = await tx.all<TurnRow>(
    `INSERT INTO turn (id, session_id, owner, user_message_id, reply_message_id, status, model_requested, started_at, process_id, lease_until)
     VALUES ($1, $2, $3, $4, $5, 'running', $6, $7, $8, $9) RETURNING ${turnColumns}`,
    [turnId, sessionId, owner, userMessageId, replyMessageId, modelRequested, at, processId, leaseUntil],
  );
  return rows[0]!;
}

function memoryOf(session: TakenSession): MemoryState {
  return {
    branch: session.tip_branch,
    position: session.tip_position - 1,
    from: session.memory_from,
    promptEstimate: session.memory_estimate,
    promptTokens: session.memory_tokens,
  };
}
