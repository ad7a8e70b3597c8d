// Opening a turn: the session is taken, both messages and the turn are written, or nothing is.

import type { Message } from "../conversation/message.ts";
import { titleFrom } from "../conversation/session.ts";
import { AppError, notFound } from "../errors.ts";
import { type MemoryState, type OpenedTurn, type OpenTurn, type SessionState, StaleSession } from "../store.ts";
import type { Turn } from "../turn/turn.ts";
import { storableText } from "./columns.ts";
import { claimKey } from "./idempotency.ts";
import { findTurnMessages } from "./message.ts";
import { titleRow } from "./search/search-text.ts";
import { findState, versionMismatch } from "./session.ts";
import { findTurn, turnInProgress } from "./turn.ts";
import { type Awaitable, allOf, type Tx } from "./tx.ts";

/** Where a new message goes on: after `position` (-1: at the beginning) of `branch`. Undefined: after the newest message. */
type Place = { branch: number; position: number } | undefined;

export async function openTurn(tx: Tx, input: OpenTurn): Promise<OpenedTurn> {
  const { owner, idempotency, at } = input;
  const earlier = idempotency && (await claimKey(tx, owner, idempotency, input.turnId, at));
  if (earlier !== undefined && earlier !== input.turnId) return { kind: "replayed", turnId: earlier };
  const content = storableText(input.content);
  const place = await findPlace(tx, input);
  if (place === "nowhere")
    throw refusalOf(await findState(tx, owner, input.sessionId), input.ifVersion) ?? notFound("message");
  const taken = await takeSession(tx, input, place, content);
  if (!taken) return findOpened(tx, input);
  const { before, session } = taken;
  const parentId = input.parentId === undefined ? before.tipMessageId : input.parentId;
  const { userMessage, reply } = messagesOf(input, parentId, content);
  // Independent of each other: an engine with a network sends them together.
  const [userRow, replyRow] = await allOf([
    insertMessage(tx, userMessage, session.tipBranch, session.tipPosition - 1),
    insertMessage(tx, reply, session.tipBranch, session.tipPosition),
    insertTurn(tx, input),
    place && session.tipBranch !== place.branch ? insertBranch(tx, session, place) : undefined,
    session.title !== before.title ? tx.indexText(titleRow(session.row), owner, session.title, true) : undefined,
  ]);
  await tx.indexText(userRow, owner, content, false);
  return { kind: "opened", session, turn: turnOf(input), userMessage, reply, replyRow, memory: memoryOf(session) };
}

/** What an earlier try with the same turn id has written. */
async function findOpened(tx: Tx, { owner, sessionId, turnId }: OpenTurn): Promise<OpenedTurn> {
  const [session, turn, messages] = await Promise.all([
    findState(tx, owner, sessionId),
    findTurn(tx, owner, turnId),
    findTurnMessages(tx, owner, turnId),
  ]);
  if (!session || !turn || !messages) throw notFound("turn");
  return { kind: "opened", session, turn, ...messages, replyRow: undefined, memory: memoryOf(session) };
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

interface Taken {
  before: SessionState;
  session: SessionState;
}

/**
 * Takes the session if nothing runs in it. Undefined: this very turn has taken it before. Where another process has changed the
 * session meanwhile, it is read again and taken as it is now; StaleSession where the caller has decided by what is different now.
 */
async function takeSession(tx: Tx, input: OpenTurn, place: Place, content: string): Promise<Taken | undefined> {
  const { known, owner, sessionId, turnId, ifVersion } = input;
  let before = known ?? (await findState(tx, owner, sessionId));
  for (let tries = 0; tries < mostTries; tries++) {
    if (before && (ifVersion === undefined || ifVersion === before.version)) {
      const session = afterOpening(before, input, place, content);
      if ((await writeTaken(tx, owner, before, session)) > 0) return { before, session };
    }
    const now = await findState(tx, owner, sessionId);
    const refusal = refusalOf(now, ifVersion);
    if (refusal?.members?.running_turn_id === turnId) return undefined;
    if (!now || refusal) throw refusal;
    const endedSince = now.tipMessageId === input.replyMessageId; // an earlier try opened it, and another process closed it
    if (known && (endedSince || !isDecidedAlike(known, now)))
      throw new StaleSession("The session has changed since it was read.");
    before = now;
  }
  throw new AppError("conflict", "The session changes hands too fast; try again.", { retryAfterSeconds: 1 });
}

/** Whether whoever chose the model and its parameters by one state of the session would choose the same by the other. */
function isDecidedAlike(one: SessionState, other: SessionState): boolean {
  return (
    one.model === other.model &&
    one.system === other.system &&
    JSON.stringify(one.params) === JSON.stringify(other.params)
  );
}

/** The guard: only one caller ever takes a session in which nothing was running, and only as it knew it. */
function writeTaken(tx: Tx, owner: string, before: SessionState, after: SessionState): Awaitable<number> {
  return tx.run(
    `UPDATE session SET message_count = $4, version = $5, updated_at = $6, running_turn_id = $7, title = $8,
       tip_branch = $9, tip_position = $10, branch_count = $11, memory_from = $12
     WHERE id = $1 AND owner = $2 AND version = $3 AND deleted_at IS NULL AND running_turn_id IS NULL`,
    [
      ...[before.id, owner, before.version, after.messageCount, after.version, after.updatedAt, after.runningTurnId],
      ...[after.title, after.tipBranch, after.tipPosition, after.branchCount, after.memoryFrom],
    ],
  );
}

/** The session as it is with the turn running in it: the new messages stand at its tip, on a branch of their own where they fork. */
function afterOpening(before: SessionState, input: OpenTurn, place: Place, content: string): SessionState {
  const after: SessionState = {
    ...before,
    messageCount: before.messageCount + 2,
    version: before.version + 1,
    updatedAt: input.at,
    runningTurnId: input.turnId,
    title: before.title ?? titleFrom(content),
    tipPosition: before.tipPosition + 2,
    tipMessageId: input.replyMessageId,
  };
  if (!place) return after;
  const fork = place.position + 1;
  after.tipPosition = fork + 1;
  if (before.memoryFrom > fork) after.memoryFrom = 0;
  if (before.tipBranch !== place.branch || before.tipPosition !== place.position) {
    after.tipBranch = before.branchCount;
    after.branchCount = before.branchCount + 1;
  }
  return after;
}

function refusalOf(session: SessionState | undefined, ifVersion: number | undefined): AppError | undefined {
  if (!session) return notFound("session");
  if (session.deletedAt !== null) return new AppError("conflict", "The session is in the trash; restore it first.");
  if (session.runningTurnId !== null) return turnInProgress(session.runningTurnId);
  if (ifVersion !== undefined && session.version !== ifVersion) return versionMismatch(session.version, ifVersion);
  return undefined;
}

function insertBranch(tx: Tx, session: SessionState, place: { branch: number; position: number }): Awaitable<number> {
  return tx.run("INSERT INTO branch (session_id, branch, parent_branch, fork_position) VALUES ($1, $2, $3, $4)", [
    session.id,
    session.tipBranch,
    place.position === -1 ? null : place.branch,
    place.position + 1,
  ]);
}

/** Returns the row. A message that is being opened has no thought yet, and what it says of its cost will be its turn's. */
function insertMessage(tx: Tx, message: Message, branch: number, position: number): Awaitable<number> {
  const { id, sessionId, parentId, turnId, role, status, createdAt, content } = message;
  return tx.insert(
    `INSERT INTO message (id, session_id, branch, position, parent_id, turn_id, role, status, created_at, content)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [id, sessionId, branch, position, parentId, turnId, role, status, createdAt, content],
  );
}

function messagesOf(
  input: OpenTurn,
  parentId: string | null,
  content: string,
): { userMessage: Message; reply: Message } {
  const { sessionId, turnId, userMessageId, replyMessageId, at } = input;
  const common = { sessionId, turnId, thought: null, usage: null, cost: null, error: null, createdAt: at };
  const userMessage: Message = {
    ...common,
    id: userMessageId,
    parentId,
    role: "user",
    content,
    status: "complete",
    model: null,
  };
  const reply: Message = {
    ...common,
    id: replyMessageId,
    parentId: userMessageId,
    role: "assistant",
    content: "",
    status: "running",
    model: input.modelRequested,
  };
  return { userMessage, reply };
}

function insertTurn(tx: Tx, input: OpenTurn): Awaitable<number> {
  const { turnId, sessionId, owner, userMessageId, replyMessageId, modelRequested, at, processId, leaseMs } = input;
  return tx.run(
    `INSERT INTO turn (id, session_id, owner, user_message_id, reply_message_id, status, model_requested, started_at, process_id, lease_until)
     VALUES ($1, $2, $3, $4, $5, 'running', $6, $7, $8, ${tx.dialect.now} + $9)`,
    [turnId, sessionId, owner, userMessageId, replyMessageId, modelRequested, at, processId, leaseMs],
  );
}

function turnOf({ turnId, sessionId, userMessageId, replyMessageId, modelRequested, at }: OpenTurn): Turn {
  return {
    id: turnId,
    sessionId,
    userMessageId,
    replyMessageId,
    status: "running",
    modelRequested,
    modelServed: null,
    finishReason: null,
    usage: null,
    cost: null,
    error: null,
    notices: [],
    settled: false,
    startedAt: at,
    firstTokenAt: null,
    endedAt: null,
  };
}

function memoryOf(session: SessionState): MemoryState {
  return {
    branch: session.tipBranch,
    position: session.tipPosition - 1,
    from: session.memoryFrom,
    promptEstimate: session.memoryEstimate,
    promptTokens: session.memoryTokens,
  };
}
