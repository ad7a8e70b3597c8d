// Sessions: made, found, listed, changed, moved to the trash and back.

import type { Session } from "../conversation/session.ts";
import { AppError, notFound } from "../errors.ts";
import { answerIdOf } from "../id.ts";
import { noUsage } from "../money/usage.ts";
import type { Idempotency, SessionChange, SessionFields, SessionFilter, SessionState } from "../store.ts";
import { accuracyAt, type CostRow, storableText, type UsageRow, usageColumns, usageFrom } from "./columns.ts";
import { unpackImported } from "./conversation/imported.ts";
import { chooseTip } from "./conversation/tip.ts";
import { claimKey } from "./idempotency.ts";
import type { Reader, Tx, Value } from "./tx.ts";

export const sessionColumns = `row, id, title, model, system, params, metadata, user_name, pinned, message_count, created_at, updated_at,
  active_at, deleted_at, running_turn_id, version, imported, ${usageColumns}, CAST(cost_pico AS TEXT) AS cost_pico, accuracy_rank, unpriced_turns`;

export interface SessionRow extends UsageRow, CostRow {
  row: number;
  id: string;
  title: string | null;
  model: string | null;
  system: string | null;
  params: string;
  metadata: string;
  user_name: string | null;
  pinned: number;
  message_count: number;
  created_at: number;
  updated_at: number;
  active_at: number;
  deleted_at: number | null;
  running_turn_id: string | null;
  version: number;
  unpriced_turns: number;
  imported: string | null;
}

export function sessionFrom(row: SessionRow): Session {
  const total = BigInt(row.cost_pico ?? 0);
  return {
    id: row.id,
    title: row.title,
    model: row.model,
    system: row.system,
    params: JSON.parse(row.params),
    metadata: JSON.parse(row.metadata),
    user: row.user_name,
    pinned: row.pinned === 1,
    messageCount: row.message_count,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    activeAt: row.active_at,
    deletedAt: row.deleted_at,
    runningTurnId: row.running_turn_id,
    usage: usageFrom(row) ?? noUsage,
    cost: {
      total: total === 0n && row.unpriced_turns > 0 ? null : total,
      accuracy: accuracyAt(row.accuracy_rank ?? 0),
      unpricedTurns: row.unpriced_turns,
    },
    imported: unpackImported(row.imported),
    version: row.version,
  };
}

interface StateRow extends SessionRow {
  tip_branch: number;
  tip_position: number;
  branch_count: number;
  memory_from: number;
  memory_estimate: number;
  memory_tokens: number;
  tip_row: number | null;
  tip_turn_id: string | null;
  tip_answer_id: string | null;
}

const tip = "SELECT session, branch, position, row AS tip_row, id AS tip_turn_id, answer_id AS tip_answer_id FROM turn";
const selectState = `SELECT ${sessionColumns}, tip_branch, tip_position, branch_count, memory_from, memory_estimate, memory_tokens,
  tip_row, tip_turn_id, tip_answer_id FROM session
  LEFT JOIN (${tip}) tip ON tip.session = session.row AND tip.branch = tip_branch AND tip.position = tip_position
  WHERE id = $1 AND project = $2 AND purged_at IS NULL`;

/** The caller's session with what a turn needs of it. */
export async function findState(reader: Reader, owner: string, id: string): Promise<SessionState | undefined> {
  const [row] = await reader.all<StateRow>(selectState, [id, owner]);
  if (!row) return undefined;
  return {
    ...sessionFrom(row),
    row: row.row,
    tipBranch: row.tip_branch,
    tipPosition: row.tip_position,
    branchCount: row.branch_count,
    memoryFrom: row.memory_from,
    memoryEstimate: row.memory_estimate,
    memoryTokens: row.memory_tokens,
    tipRow: row.tip_row,
    tipMessageId: row.tip_answer_id ?? (row.tip_turn_id === null ? null : answerIdOf(row.tip_turn_id)),
  };
}

export interface CreateSession {
  owner: string;
  id: string;
  fields: SessionFields;
  at: number;
  idempotency: Idempotency | undefined;
}

export async function createSession(tx: Tx, input: CreateSession): Promise<Session> {
  const { owner, id, fields, at, idempotency } = input;
  const earlier = idempotency && (await claimKey(tx, owner, idempotency, id, at));
  if (earlier !== undefined) {
    const session = await findSession(tx, owner, earlier);
    if (!session) throw new AppError("idempotency_mismatch", "This Idempotency-Key was used for something else.");
    return session;
  }
  const values = Object.values(fieldValues({ ...fields, user: fields.user ?? null }));
  const [row] = await tx.all<SessionRow>(
    `INSERT INTO session (id, project, created_at, updated_at, active_at, title, model, system, user_name, params, metadata)
     VALUES ($1, $2, $3, $3, $3, $4, $5, $6, $7, $8, $9) RETURNING ${sessionColumns}`,
    [id, owner, at, ...values],
  );
  if (fields.title !== null) await tx.indexTitle(row!.row, owner, fields.title);
  return sessionFrom(row!);
}

/** The columns of the fields that are there, in a fixed order. */
function fieldValues(fields: Partial<SessionFields>): Record<string, Value> {
  const values: Record<string, Value> = {};
  for (const name of ["title", "model", "system", "user"] as const) {
    const value = fields[name];
    const column = name === "user" ? "user_name" : name;
    if (value !== undefined) values[column] = value === null ? null : storableText(value);
  }
  for (const name of ["params", "metadata"] as const) {
    if (fields[name] !== undefined) values[name] = JSON.stringify(fields[name]);
  }
  return values;
}

export async function findSession(reader: Reader, owner: string, id: string): Promise<Session | undefined> {
  const rows = await reader.all<SessionRow>(
    `SELECT ${sessionColumns} FROM session WHERE id = $1 AND project = $2 AND purged_at IS NULL`,
    [id, owner],
  );
  return rows[0] && sessionFrom(rows[0]);
}

/** By its row. */
export async function findSessionAt(reader: Reader, owner: string, row: number): Promise<Session | undefined> {
  const where = "row = $1 AND project = $2 AND purged_at IS NULL";
  const rows = await reader.all<SessionRow>(`SELECT ${sessionColumns} FROM session WHERE ${where}`, [row, owner]);
  return rows[0] && sessionFrom(rows[0]);
}

/** Somebody names the session, or erases its words: one that a model has made is over, and one that it is still making comes too late. */
export async function overtakeTitle(tx: Tx, session: number): Promise<void> {
  await tx.run("UPDATE title_call SET named = 1 WHERE session = $1", [session]);
  await tx.run("DELETE FROM model_title WHERE session = $1", [session]);
}

/** What the filter says of the table named `of`; adds to the parameters. */
export function chooseSessions(
  { dialect }: Reader,
  { deleted, user, ids, pinned }: SessionFilter,
  params: Value[],
  of?: string,
): string {
  const column = (name: string) => (of === undefined ? name : `${of}.${name}`);
  let where = deleted
    ? `${column("deleted_at")} IS NOT NULL AND ${column("purged_at")} IS NULL` // what is purged is in the trash, too
    : `${column("deleted_at")} IS NULL`;
  if (pinned !== undefined) where += ` AND ${column("pinned")} = ${pinned ? 1 : 0}`;
  if (user !== undefined) where += ` AND ${column("user_name")} = $${params.push(user)}`;
  if (ids !== undefined) where += ` AND ${column("id")} ${dialect.inList(`$${params.push(JSON.stringify(ids))}`)}`;
  return where;
}

export interface UpdateSession extends MoveSession {
  change: SessionChange;
}

const mostTries = 5;

export async function updateSession(tx: Tx, input: UpdateSession, tries = 1): Promise<Session> {
  const { owner, id, change, at } = input;
  const values = fieldValues(change);
  if (change.pinned !== undefined) values.pinned = change.pinned ? 1 : 0;
  // A path is chosen by what the session is: where another process changes that in between, it is chosen anew.
  const tip = change.tip === undefined ? undefined : await chooseTip(tx, owner, id, change.tip);
  if (tip) Object.assign(values, tip.columns);
  const ifVersion = input.ifVersion ?? tip?.version;
  const sets = Object.keys(values).map((name, index) => `${name} = $${index + 4}, `);
  const row = await changeSession(tx, sets.join(""), "", [id, owner, at, ...Object.values(values)], ifVersion);
  if (!row && tip && input.ifVersion === undefined && tries < mostTries) return updateSession(tx, input, tries + 1);
  if (!row) throw await explainUnchanged(tx, owner, id, ifVersion);
  if (change.title !== undefined) {
    await overtakeTitle(tx, row.row);
    await tx.indexTitle(row.row, owner, change.title);
  }
  return sessionFrom(row);
}

export interface MoveSession {
  owner: string;
  id: string;
  at: number;
  ifVersion: number | undefined;
}

/** Moving what is in the trash already changes nothing. */
export async function trashSession(tx: Tx, { owner, id, at, ifVersion }: MoveSession): Promise<Session> {
  const row = await changeSession(tx, "deleted_at = $3, ", "AND deleted_at IS NULL", [id, owner, at], ifVersion);
  return row ? sessionFrom(row) : findUnchanged(tx, owner, id, ifVersion);
}

export async function restoreSession(tx: Tx, { owner, id, at, ifVersion }: MoveSession): Promise<Session> {
  const row = await changeSession(tx, "deleted_at = NULL, ", "AND deleted_at IS NOT NULL", [id, owner, at], ifVersion);
  return row ? sessionFrom(row) : findUnchanged(tx, owner, id, ifVersion);
}

async function changeSession(tx: Tx, set: string, where: string, params: Value[], ifVersion: number | undefined) {
  const guard = ifVersion === undefined ? "" : `AND version = $${params.push(ifVersion)}`;
  const rows = await tx.all<SessionRow>(
    `UPDATE session SET ${set}updated_at = $3, version = version + 1 WHERE id = $1 AND project = $2 AND purged_at IS NULL ${where} ${guard} RETURNING ${sessionColumns}`,
    params,
  );
  return rows[0];
}

async function findUnchanged(tx: Tx, owner: string, id: string, ifVersion: number | undefined): Promise<Session> {
  const session = await findSession(tx, owner, id);
  if (!session || (ifVersion !== undefined && session.version !== ifVersion))
    throw await explainUnchanged(tx, owner, id, ifVersion);
  return session;
}

async function explainUnchanged(tx: Tx, owner: string, id: string, ifVersion: number | undefined): Promise<AppError> {
  const session = await findSession(tx, owner, id);
  return session && ifVersion !== undefined ? versionMismatch(session.version, ifVersion) : notFound("session");
}

export function versionMismatch(actual: number, asked: number): AppError {
  return new AppError("version_mismatch", `The session is at version ${actual}, not ${asked}.`, {
    members: { version: actual },
  });
}
