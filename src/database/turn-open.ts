// Opening a turn: the session is taken and the turn is written with its question, or nothing is.

import type { Message, Siblings } from "../conversation/message.ts";
import { titleFrom } from "../conversation/session.ts";
import { AppError, notFound } from "../errors.ts";
import { answerIdOf, questionIdOf } from "../id.ts";
import { type OpenedTurn, type OpenTurn, type SessionState, StaleSession } from "../store.ts";
import type { Turn } from "../turn/turn.ts";
import { drawTurn } from "./caller/rate.ts";
import { storableText } from "./columns.ts";
import { type Fork, insertBranch, listSiblings, noTurnSiblings, type TurnSiblings } from "./conversation/siblings.ts";
import { claimKey, findKey } from "./idempotency.ts";
import { findPlaceOf, findTurnMessages } from "./message.ts";
import { type Holder, readBudgetVersion } from "./money/budget-counter.ts";
import {
  holdOffChanges,
  type Looked,
  lookAtBudgets,
  printHolds,
  readHolds,
  type Taken as TakenHolds,
  takeHolds,
  takeKnown,
} from "./money/hold.ts";
import { findState, versionMismatch } from "./session.ts";
import { findTurn, turnInProgress } from "./turn.ts";
import { replyOf } from "./turn-close.ts";
import { perDialect, type Reader, type Tx } from "./tx.ts";

/** Where a turn goes on: after the turn at `position` (-1: at the beginning) of `branch`. Undefined: after the newest turn. */
type Place = { turnRow: number | null; branch: number; position: number } | undefined;

export async function openTurn(tx: Tx, input: OpenTurn): Promise<OpenedTurn> {
  const { owner, idempotency, at, budgets } = input;
  const looked = budgets ? undefined : await lookAhead(tx, input);
  if (budgets && budgets.limits.length > 0) await holdOffChanges(tx);
  const earlier = idempotency && (await claimKey(tx, owner, idempotency, input.turnId, at));
  if (earlier !== undefined && earlier !== input.turnId) return { kind: "replayed", turnId: earlier };
  const content = storableText(input.content);
  const place = input.parentId === undefined ? undefined : await findPlace(tx, input);
  if (place === "nowhere")
    throw refusalOf(await findState(tx, owner, input.sessionId), input.ifVersion) ?? notFound("message");
  const taken = await takeSession(tx, input, place, content);
  if (!taken) return findOpened(tx, input);
  if (looked?.refusal) throw looked.refusal;
  // On Postgres another process may have deleted what is followed, until the session was taken: not where that is as it was known.
  if (place && taken.before !== input.known && (await findPlace(tx, input)) === "nowhere") throw notFound("message");
  const drawn = input.rate && (await drawTurn(tx, input.turnId, input.rate));
  const { before, session } = taken;
  const held = budgets?.limits.length === 0 ? undefined : await hold(tx, input, looked);
  const parentId = input.parentId === undefined ? before.tipMessageId : input.parentId;
  const parentRow = place ? place.turnRow : before.tipRow;
  const forks = place !== undefined && session.tipBranch !== place.branch;
  const inserting = insertTurn(tx, input, session, parentRow, content, held ? printHolds(held) : null);
  let siblings: Map<number, TurnSiblings> | undefined;
  // They leave together, and each sees what those before it did.
  if (forks)
    [, siblings] = await Promise.all([
      insertBranch(tx, forkOf(session, place, content)),
      listSiblings(tx, session.row, session.tipPosition, session.tipPosition),
      inserting,
    ]);
  const row = await inserting;
  session.tipRow = row;
  if (session.title !== before.title) await tx.indexTitle(session.row, owner, session.title);
  const turn = turnOf(input);
  const { question, answer } = siblings?.get(row) ?? noTurnSiblings;
  return {
    kind: "opened",
    session,
    turn,
    userMessage: questionOf(turn, parentId, content, question),
    siblings: answer,
    row,
    budgetVersion: (looked ?? budgets!).version,
    holds: held ? held.holds : nothing,
    grant: held ? held.grant : null,
    soft: held ? held.soft : nothing,
    drawn,
  };
}

const nothing: readonly never[] = [];

function holderOf({ owner, sessionId, user = null, keyId = null, at }: OpenTurn): Holder {
  return { project: owner, sessionId, user, keyId, at };
}

async function hold(tx: Tx, input: OpenTurn, looked: Looked | undefined): Promise<TakenHolds | undefined> {
  if (!looked) return takeKnown(tx, input.budgets!, input.ask, holderOf(input));
  return looked.grant ? takeHolds(tx, looked, input.ask!, holderOf(input)) : undefined;
}

/**
 * What the budgets leave, before anything is written: a refusal by them undoes nothing then. It comes after every other: throws that one, and
 * goes on where the turn has been opened before.
 */
async function lookAhead(tx: Tx, input: OpenTurn): Promise<Looked> {
  const { owner, idempotency, sessionId, turnId, ifVersion, at } = input;
  const looked = await lookAtBudgets(tx, holderOf(input), input.ask);
  if (!looked.refusal || (idempotency && (await findKey(tx, owner, idempotency, at)))) return looked;
  const session = await findState(tx, owner, sessionId);
  if (session?.runningTurnId === turnId) return looked;
  throw refusalOf(session, ifVersion) ?? looked.refusal;
}

/** What an earlier try with the same turn id has written. */
async function findOpened(tx: Tx, { owner, sessionId, turnId }: OpenTurn): Promise<OpenedTurn> {
  const [session, turn, messages, [kept]] = await Promise.all([
    findState(tx, owner, sessionId),
    findTurn(tx, owner, turnId),
    findTurnMessages(tx, owner, turnId),
    tx.all<{ holds: string | null }>("SELECT holds FROM turn WHERE id = $1", [turnId]),
  ]);
  if (!session || !turn || !messages) throw notFound("turn");
  // Of no version that there is: at its end the turn looks for budgets that are newer than itself.
  const budget = { ...readHolds(kept?.holds ?? null), budgetVersion: -1, soft: nothing };
  const { userMessage, reply } = messages;
  const row = session.tipRow ?? undefined;
  return { kind: "opened", session, turn, userMessage, siblings: reply.siblings, row, ...budget };
}

const mostTries = 20;

/** Turns never move, so their places can be read before the session is taken; but they can be deleted. */
export async function findPlace(
  tx: Reader,
  { parentId, sessionId, owner }: Pick<OpenTurn, "parentId" | "sessionId" | "owner">,
): Promise<Place | "nowhere"> {
  if (parentId === null || parentId === undefined) return { turnRow: null, branch: 0, position: -1 };
  const place = await findPlaceOf(tx, owner, sessionId, parentId);
  if (!place) return "nowhere";
  if (place.role === "assistant") return place;
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
      if ((await writeTaken(tx, owner, before, session, input.budgets?.version)) > 0) return { before, session };
    }
    const now = await findState(tx, owner, sessionId);
    const refusal = refusalOf(now, ifVersion);
    if (refusal?.members?.running_turn_id === turnId) return undefined;
    if (!now || refusal) throw refusal;
    if (input.budgets && (await readBudgetVersion(tx)) !== input.budgets.version)
      throw new StaleSession("There are other budgets than when the turn was decided on.");
    const endedSince = now.tipMessageId === answerIdOf(turnId); // an earlier try opened it, and another process closed it
    // What was asked of the budgets is for the session as it was.
    if (known && (input.ask || endedSince || !isDecidedAlike(known, now)))
      throw new StaleSession("The session has changed since it was read.");
    before = now;
  }
  throw new AppError("conflict", "The session changes hands too fast; try again.", { retryAfterSeconds: 1 });
}

/** Whether whoever chose the model, its parameters and the user by one state of the session would choose the same by the other. */
function isDecidedAlike(one: SessionState, other: SessionState): boolean {
  return (
    one.model === other.model &&
    one.system === other.system &&
    one.user === other.user &&
    JSON.stringify(one.params) === JSON.stringify(other.params)
  );
}

/** The guard: only one caller ever takes a session in which nothing was running, and only as it knew it. */
function writeTaken(
  tx: Tx,
  owner: string,
  before: SessionState,
  after: SessionState,
  budgetVersion: number | undefined,
): Promise<number> {
  const values = [
    ...[before.row, owner, before.version, after.updatedAt, after.runningTurnId],
    ...[after.title, after.tipBranch, after.tipPosition, after.branchCount, after.memoryFrom],
  ];
  if (budgetVersion === undefined) return tx.run(take, values);
  values.push(budgetVersion);
  return tx.run(takeAtVersion, values);
}

const take = `UPDATE session SET message_count = message_count + 2, version = version + 1, updated_at = $4, active_at = $4, running_turn_id = $5,
    title = $6, tip_branch = $7, tip_position = $8, branch_count = $9, memory_from = $10
  WHERE row = $1 AND project = $2 AND version = $3 AND deleted_at IS NULL AND running_turn_id IS NULL`;
/** Only while all budgets are as they were known. */
const takeAtVersion = `${take} AND (SELECT version FROM budget_version WHERE id = 1) = $11`;

/** The session as it is with the turn running in it: the turn stands at its tip, on a branch of their own where they fork. */
function afterOpening(before: SessionState, input: OpenTurn, place: Place, content: string): SessionState {
  const after: SessionState = {
    ...before,
    messageCount: before.messageCount + 2,
    version: before.version + 1,
    updatedAt: input.at,
    activeAt: input.at,
    runningTurnId: input.turnId,
    title: before.title ?? titleFrom(content),
    tipPosition: before.tipPosition + 1,
    tipRow: null,
    tipMessageId: answerIdOf(input.turnId),
  };
  if (!place) return after;
  const fork = place.position + 1;
  after.tipPosition = fork;
  if (before.memoryFrom > fork) after.memoryFrom = 0;
  if (before.tipBranch !== place.branch || before.tipPosition !== place.position) {
    after.tipBranch = before.branchCount;
    after.branchCount = before.branchCount + 1;
  }
  return after;
}

/** Why nothing begins in a session, or is changed of what was said in it. */
export function refusalOf(session: SessionState | undefined, ifVersion: number | undefined): AppError | undefined {
  if (!session) return notFound("session");
  if (session.deletedAt !== null) return new AppError("conflict", "The session is in the trash; restore it first.");
  if (session.runningTurnId !== null) return turnInProgress(session.runningTurnId);
  if (ifVersion !== undefined && session.version !== ifVersion) return versionMismatch(session.version, ifVersion);
  return undefined;
}

function forkOf(session: SessionState, place: { branch: number; position: number }, question: string): Fork {
  const parentBranch = place.position === -1 ? null : place.branch;
  return { session: session.row, branch: session.tipBranch, parentBranch, position: place.position + 1, question };
}

const insertOpened = perDialect(
  ({ now }) =>
    `INSERT INTO turn (id, session, branch, position, parent, status, model_requested, started_at, process_id, lease_until, user_name, key_id, question, holds)
     VALUES ($1, $2, $3, $4, $5, 'running', $6, $7, $8, ${now} + $9, $10, $11, $12, $13)`,
);

/** Returns the turn's row. */
function insertTurn(
  tx: Tx,
  input: OpenTurn,
  { row, tipBranch, tipPosition }: SessionState,
  parentRow: number | null,
  question: string,
  holds: string | null,
): Promise<number> {
  const { turnId, modelRequested, at, processId, leaseMs, user = null, keyId = null } = input;
  return tx.insert(insertOpened(tx.dialect), [
    ...[turnId, row, tipBranch, tipPosition, parentRow, modelRequested, at, processId, leaseMs],
    ...[user === null ? null : storableText(user), keyId, question, holds],
  ]);
}

function questionOf(turn: Turn, parentId: string | null, content: string, siblings: Siblings): Message {
  const reply = replyOf(turn, content, null, siblings);
  return { ...reply, id: turn.userMessageId, parentId, role: "user", status: "complete", model: null };
}

function turnOf({ turnId, sessionId, modelRequested, at, user = null, keyId = null }: OpenTurn): Turn {
  return {
    id: turnId,
    sessionId,
    userMessageId: questionIdOf(turnId),
    replyMessageId: answerIdOf(turnId),
    status: "running",
    modelRequested,
    modelServed: null,
    finishReason: null,
    usage: null,
    cost: null,
    error: null,
    notices: [],
    settled: false,
    user,
    keyId,
    imported: false,
    startedAt: at,
    firstTokenAt: null,
    endedAt: null,
  };
}
