// The audit's table: a line goes in with the transaction of the change that it tells of. Triggers refuse every change of a line.

import type { AuditLine, AuditNote } from "../../caller/audit.ts";
import type { AuditPage } from "../../caller/audit-store.ts";
import type { Caller } from "../../caller/caller.ts";
import { hasScope } from "../../caller/scope.ts";
import { newId } from "../../id.ts";
import type { Listed } from "../../store.ts";
import type { Reader, Tx, Value } from "../tx.ts";
import { listRows } from "./page.ts";
import { aliasOf } from "./person.ts";

const userScope = "user:";

/** Notes what this transaction does. */
export async function noteAudit(tx: Tx, note: AuditNote): Promise<void> {
  const { at, project, keyId, action, count } = note;
  let { target } = note;
  if (target?.startsWith(userScope))
    target = `${userScope}${await aliasOf(tx, project, target.slice(userScope.length))}`;
  await tx.run(
    "INSERT INTO audit (id, at, project, key_id, action, target, count) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    [newId(), at, project, keyId, action, target, count],
  );
}

/** Notes what changes nothing else in the database. */
export async function noteAll(tx: Tx, { notes }: { notes: readonly AuditNote[] }): Promise<void> {
  for (const note of notes) await noteAudit(tx, note);
}

interface AuditRow extends Omit<AuditLine, "keyId"> {
  key_id: string | null;
}

/** The newest first. A caller that is bound to one user sees what it has done itself. */
export async function listAudit(reader: Reader, caller: Caller, page: AuditPage): Promise<Listed<AuditLine>> {
  const { action, from, to } = page;
  const params: Value[] = [];
  let where = "1 = 1";
  const project = hasScope(caller.scopes, "operator") ? page.project : caller.project;
  if (project !== undefined) where += ` AND project = $${params.push(project)}`;
  if (caller.user !== null) where += ` AND key_id = $${params.push(caller.keyId)}`;
  if (action !== undefined) where += ` AND action = $${params.push(action)}`;
  if (from !== undefined) where += ` AND at >= $${params.push(from)}`;
  if (to !== undefined) where += ` AND at < $${params.push(to)}`;
  const select = `SELECT id, at, project, key_id, action, target, count FROM audit WHERE ${where}`;
  const { data, hasMore } = await listRows<AuditRow>(reader, select, params, page, "DESC");
  return { data: data.map(({ key_id: keyId, ...line }) => ({ ...line, keyId })), hasMore };
}
