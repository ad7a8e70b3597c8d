// Keys: made, found by their secrets, listed, changed, given a new secret, deleted. Each change is counted in its transaction.

import type { AuditAction } from "../../caller/audit.ts";
import type { Caller } from "../../caller/caller.ts";
import type { KeyPage } from "../../caller/caller-store.ts";
import {
  type FoundKey,
  type HashedSecret,
  type Key,
  type KeyChange,
  type NewKey,
  onlyLowers,
  refuseMore,
  requireManaged,
} from "../../caller/key.ts";
import { hasScope, type Scope } from "../../caller/scope.ts";
import { notFound } from "../../errors.ts";
import type { BudgetLimit } from "../../money/budget.ts";
import type { Listed } from "../../store.ts";
import { storableText } from "../columns.ts";
import { changeAlone, deleteBudgets, hasBudgets, putBudgets } from "../money/budget.ts";
import type { Reader, Tx, Value } from "../tx.ts";
import { noteAudit } from "./audit.ts";
import { listRows } from "./page.ts";
import { findProject } from "./project.ts";
import { countChange } from "./version.ts";

const columns =
  "id, project, name, prefix, scopes, user_name, models, expires_at, disabled, created_at, last_used_at, metadata, rate";

interface KeyRow {
  id: string;
  project: string;
  name: string;
  prefix: string;
  scopes: string;
  user_name: string | null;
  models: string | null;
  expires_at: number | null;
  disabled: number;
  created_at: number;
  last_used_at: number | null;
  metadata: string;
  rate: string | null;
}

function keyFrom(row: KeyRow): Key {
  return {
    id: row.id,
    project: row.project,
    name: row.name,
    prefix: row.prefix,
    scopes: row.scopes.split(",") as Scope[],
    user: row.user_name,
    models: row.models === null ? null : JSON.parse(row.models),
    rate: row.rate === null ? null : JSON.parse(row.rate),
    expiresAt: row.expires_at,
    disabled: row.disabled === 1,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    metadata: JSON.parse(row.metadata),
  };
}

interface FoundRow extends KeyRow {
  hash: string;
  old_until: number | null;
  deleted_at: number | null;
  project_disabled: number;
}

const selectFound = `SELECT ${columns.replace(/\w+/g, "k.$&")}, k.hash, k.old_until, k.deleted_at, p.disabled AS project_disabled
  FROM api_key k JOIN project p ON p.id = k.project WHERE`;

/** `hash`: of the secret that was shown, if one was. */
function foundFrom(row: FoundRow, hash: string | undefined): FoundKey {
  return {
    key: keyFrom(row),
    goodUntil: hash === undefined || hash === row.hash ? null : (row.old_until ?? 0),
    closed: row.deleted_at !== null || row.project_disabled === 1,
  };
}

/** One statement for each index: of two conditions in one the engines make more than two look-ups. */
export async function findKeyByHash(reader: Reader, hash: string): Promise<FoundKey | undefined> {
  const [row] = await reader.all<FoundRow>(`${selectFound} k.hash = $1 UNION ALL ${selectFound} k.old_hash = $1`, [
    hash,
  ]);
  return row && foundFrom(row, hash);
}

export async function findKeyById(reader: Reader, id: string): Promise<FoundKey | undefined> {
  const [row] = await reader.all<FoundRow>(`${selectFound} k.id = $1`, [id]);
  return row && foundFrom(row, undefined);
}

export async function hasKeys(reader: Reader, at: number): Promise<boolean> {
  const rows = await reader.all(
    `SELECT 1 AS one FROM api_key k JOIN project p ON p.id = k.project AND p.disabled = 0
     WHERE k.deleted_at IS NULL AND k.disabled = 0 AND (k.expires_at IS NULL OR k.expires_at > $1) LIMIT 1`,
    [at],
  );
  return rows.length > 0;
}

/** The newest first. */
export async function listKeys(reader: Reader, caller: Caller, page: KeyPage): Promise<Listed<Key>> {
  const isOperator = hasScope(caller.scopes, "operator");
  const params: Value[] = [];
  let where = "deleted_at IS NULL";
  const project = isOperator ? page.project : caller.project;
  if (project !== undefined) where += ` AND project = $${params.push(project)}`;
  if (!isOperator) where += " AND scopes NOT LIKE '%operator%'";
  if (caller.user !== null) where += ` AND user_name = $${params.push(caller.user)}`;
  const select = `SELECT ${columns} FROM api_key WHERE ${where}`;
  const listed = await listRows<KeyRow>(reader, select, params, page, "DESC");
  return { data: listed.data.map(keyFrom), hasMore: listed.hasMore };
}

export async function getKey(reader: Reader, caller: Caller, id: string): Promise<Key> {
  const [row] = await reader.all<KeyRow>(`SELECT ${columns} FROM api_key WHERE id = $1 AND deleted_at IS NULL`, [id]);
  const key = row && keyFrom(row);
  requireManaged(caller, key);
  return key;
}

export interface CreateKey {
  maker: Caller;
  id: string;
  key: NewKey;
  secret: HashedSecret;
  at: number;
  limits?: readonly BudgetLimit[] | undefined;
}

export async function createKey(tx: Tx, { maker, id, key, secret, at, limits }: CreateKey): Promise<Key> {
  refuseMore(maker, key);
  if (!(await findProject(tx, key.project))) throw notFound("project");
  const [row] = await tx.all<KeyRow>(
    `INSERT INTO api_key (id, project, name, prefix, hash, scopes, user_name, models, expires_at, created_at, metadata, rate)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING ${columns}`,
    [
      ...[id, key.project, storableText(key.name), secret.prefix, secret.hash, key.scopes.join(",")],
      ...[key.user === null ? null : storableText(key.user), key.models && JSON.stringify(key.models), key.expiresAt],
      ...[at, JSON.stringify(key.metadata), key.rate ? JSON.stringify(key.rate) : null],
    ],
  );
  const made = keyFrom(row!);
  await countChange(tx);
  await noteChange(tx, maker, "key.created", made, at);
  if (limits) await limitKey(tx, maker, made, limits, at);
  return made;
}

/** In the transaction of the key: nobody ever has the one without the other. */
async function limitKey(
  tx: Tx,
  { keyId: by }: Caller,
  { id, project }: Key,
  limits: readonly BudgetLimit[],
  at: number,
): Promise<void> {
  await putBudgets(tx, { project, scope: `key:${id}`, limits, softPpm: null, by, at });
}

/** Beside the change itself: it belongs to the key's project, whoever made it. */
function noteChange(tx: Tx, { keyId }: Caller, action: AuditAction, { id, project }: Key, at: number): Promise<void> {
  return noteAudit(tx, { at, project, keyId, action, target: id, count: 1 });
}

export interface UpdateKey {
  caller: Caller;
  id: string;
  at: number;
  change: KeyChange;
  limits?: readonly BudgetLimit[] | undefined;
}

/** Changed first and looked at then, so that two changes at once cannot make together what neither may. */
export async function updateKey(tx: Tx, { caller, id, change, at, limits }: UpdateKey): Promise<Key> {
  if (limits) await changeAlone(tx); // before the key is locked, as turns do
  const values = valuesOf(change);
  const sets = Object.keys(values).map((name, index) => `${name} = $${index + 2}`);
  const key = await changeKey(
    tx,
    caller,
    id,
    sets.length === 0 ? ["disabled = disabled"] : sets,
    Object.values(values),
  );
  if (!onlyLowers(change)) refuseMore(caller, key);
  await noteChange(tx, caller, "key.changed", key, at);
  if (limits) await limitKey(tx, caller, key, limits, at);
  return key;
}

function valuesOf({ name, scopes, models, rate, expiresAt, disabled, metadata }: KeyChange): Record<string, Value> {
  const values: Record<string, Value> = {};
  if (name !== undefined) values.name = storableText(name);
  if (scopes !== undefined) values.scopes = scopes.join(",");
  if (models !== undefined) values.models = models && JSON.stringify(models);
  if (rate !== undefined) values.rate = rate && JSON.stringify(rate);
  if (expiresAt !== undefined) values.expires_at = expiresAt;
  if (disabled !== undefined) values.disabled = disabled ? 1 : 0;
  if (metadata !== undefined) values.metadata = JSON.stringify(metadata);
  return values;
}

async function changeKey(tx: Tx, caller: Caller, id: string, sets: string[], values: Value[]): Promise<Key> {
  const [row] = await tx.all<KeyRow>(
    `UPDATE api_key SET ${sets.join(", ")} WHERE id = $1 AND deleted_at IS NULL RETURNING ${columns}`,
    [id, ...values],
  );
  const key = row && keyFrom(row);
  requireManaged(caller, key);
  await countChange(tx);
  return key;
}

export interface RotateKey {
  caller: Caller;
  id: string;
  at: number;
  secret: HashedSecret;
  oldUntil: number;
}

/** Whoever gets the new secret must be one who might have made the key. */
export async function rotateKey(tx: Tx, { caller, id, secret, oldUntil, at }: RotateKey): Promise<Key> {
  const sets = ["old_hash = hash", "old_until = $2", "hash = $3", "prefix = $4"];
  const key = await changeKey(tx, caller, id, sets, [oldUntil, secret.hash, secret.prefix]);
  refuseMore(caller, key);
  await noteChange(tx, caller, "key.rotated", key, at);
  return key;
}

export interface DeleteKey {
  caller: Caller;
  id: string;
  at: number;
}

export async function deleteKey(tx: Tx, { caller, id, at }: DeleteKey): Promise<void> {
  await changeAlone(tx);
  const key = await changeKey(tx, caller, id, ["deleted_at = $2"], [at]);
  await noteChange(tx, caller, "key.deleted", key, at);
  const budget = { project: key.project, scope: `key:${id}` };
  if (await hasBudgets(tx, budget)) await deleteBudgets(tx, { ...budget, by: caller.keyId, at });
}

/** Not a change of what the key may do, and so not counted. */
export async function touchKeys(tx: Tx, { used }: { used: readonly { id: string; at: number }[] }): Promise<void> {
  for (const { id, at } of used) {
    const [first] = await tx.all<{ project: string }>(
      "UPDATE api_key SET last_used_at = $2 WHERE id = $1 AND last_used_at IS NULL RETURNING project",
      [id, at],
    );
    if (first) await noteAudit(tx, { at, project: first.project, keyId: id, action: "key.used", target: id, count: 1 });
    else await tx.run("UPDATE api_key SET last_used_at = $2 WHERE id = $1 AND last_used_at < $2", [id, at]);
  }
}
