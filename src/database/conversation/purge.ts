// Purging a session: in one short transaction it reads as not_found, then its turns lose their words, some at a time. What it cost stays.

import type { BeginPurge, BegunPurge, Purgeable, PurgedMany, PurgeFilter } from "../../conversation/purge.ts";
import { notFound } from "../../errors.ts";
import { noteAudit } from "../caller/audit.ts";
import { aliasOf } from "../caller/person.ts";
import { titleRow } from "../search/search-text.ts";
import { overtakeTitle, versionMismatch } from "../session.ts";
import type { Reader, Tx, Value } from "../tx.ts";

/** Of one transaction: others wait for it. The last turn may bring more. */
const turnsAtOnce = 64;
const bytesAtOnce = 1024 * 1024;

interface MarkedRow {
  row: number;
  running_turn_id: string | null;
  message_count: number;
}

/** First the trash, where no turn begins: what runs then is the last that has to be waited for. */
export async function beginPurge(tx: Tx, input: BeginPurge): Promise<BegunPurge> {
  const { by, id, at, ifVersion, trashedBefore } = input;
  const params: Value[] = [id, by.project, at];
  let where = "id = $1 AND project = $2 AND purged_at IS NULL";
  if (ifVersion !== undefined) where += ` AND version = $${params.push(ifVersion)}`;
  if (trashedBefore !== undefined) where += ` AND deleted_at <= $${params.push(trashedBefore)}`;
  const [marked] = await tx.all<MarkedRow>(
    `UPDATE session SET deleted_at = COALESCE(deleted_at, $3), version = version + 1 WHERE ${where} RETURNING row, running_turn_id, message_count`,
    params,
  );
  if (!marked) return explainUnmarked(tx, input);
  const busy = marked.running_turn_id ?? (await findUnsettled(tx, marked.row));
  if (busy !== undefined) return { kind: "busy", turnId: busy };
  await takeSessionWords(tx, marked.row, input);
  return { kind: "begun", row: marked.row, messages: marked.message_count };
}

async function explainUnmarked(tx: Tx, { by, id, ifVersion, quietly }: BeginPurge): Promise<BegunPurge> {
  const [row] = await tx.all<{ row: number; version: number; purged_at: number | null }>(
    "SELECT row, version, purged_at FROM session WHERE id = $1 AND project = $2",
    [id, by.project],
  );
  if (row && row.purged_at !== null) return { kind: "gone", row: row.row };
  if (quietly) return { kind: "gone", row: undefined };
  if (row && ifVersion !== undefined) throw versionMismatch(row.version, ifVersion);
  throw notFound("session");
}

/** A turn that is over and waits for its bill: where it has to be estimated, it is from the words. */
async function findUnsettled(tx: Tx, session: number): Promise<string | undefined> {
  const [turn] = await tx.all<{ id: string }>(
    `SELECT id FROM turn ${byUnsettled(tx)} WHERE settled = 0 AND session = $1 LIMIT 1`,
    [session],
  );
  return turn?.id;
}

/** Behind the table's name: SQLite would look through all turns of the session. */
export function byUnsettled({ dialect }: Reader): string {
  return dialect.name === "sqlite" ? "INDEXED BY turn_unsettled" : "";
}

async function takeSessionWords(tx: Tx, row: number, { by, id, at, person, quietly }: BeginPurge): Promise<void> {
  const { project, keyId } = by;
  await tx.run(
    `UPDATE session SET purged_at = $2, erased_at = $2, title = NULL, system = NULL, params = '{}', metadata = '{}',
       user_name = COALESCE($3, user_name) WHERE row = $1`,
    [row, at, person === undefined ? null : await aliasOf(tx, project, person)],
  );
  await tx.run("DELETE FROM turn_search WHERE rowid = $1", [titleRow(row)]);
  await overtakeTitle(tx, row);
  await tx.run("DELETE FROM removed_version WHERE session = $1", [row]);
  await tx.run("DELETE FROM idempotency WHERE target_id = $1", [id]);
  await beginErasure(tx, row);
  if (!quietly) await noteAudit(tx, { at, project, keyId, action: "session.purged", target: id, count: 1 });
  await tx.wipe();
}

/** From its first turn on, also where some have lost theirs already. */
export async function beginErasure(tx: Tx, session: number): Promise<void> {
  await tx.run(
    "INSERT INTO erasure (session, branch, position) VALUES ($1, -1, -1) ON CONFLICT (session) DO UPDATE SET branch = -1, position = -1",
    [session],
  );
}

interface WordyTurn {
  id: string;
  branch: number;
  position: number;
  bytes: number;
}

const ofSession = "turn t WHERE t.session = $1 AND (t.branch, t.position) > ($2, $3) ORDER BY t.branch, t.position";
/** Of deleted versions that cannot be restored (`version-purge.ts`): of each branch from the first such place on. In an order in which nothing has to be sorted. */
const ofVersions = `removed_version r CROSS JOIN turn t
  WHERE r.session = $1 AND r.at IS NULL AND r.branch >= $2
    AND r.position = (SELECT MIN(position) FROM removed_version WHERE session = r.session AND branch = r.branch AND at IS NULL)
    AND t.session = r.session AND t.branch = r.branch AND t.position >= r.position AND (t.branch > $2 OR t.position > $3)
  ORDER BY r.branch, r.position, t.position`;

/** Each step begins where the last one was stored to have ended: whoever does it, and after a crash. */
export async function purgeSome(tx: Tx, { row }: { row: number }): Promise<boolean> {
  const [at] = await tx.all<{ branch: number; position: number }>(
    "UPDATE erasure SET branch = branch WHERE session = $1 RETURNING branch, position",
    [row],
  );
  if (!at) return true;
  // Read after the cursor was taken: a purge of the whole session that came before has begun it anew.
  const [purged] = await tx.all("SELECT 1 FROM session WHERE row = $1 AND purged_at IS NOT NULL", [row]);
  const found = await tx.all<WordyTurn>(
    `SELECT t.id, t.branch, t.position, ${bytesOfWords} AS bytes FROM ${purged ? ofSession : ofVersions} LIMIT $4`,
    [row, at.branch, at.position, turnsAtOnce],
  );
  const turns = cutByBytes(found);
  const last = turns.at(-1);
  if (last) {
    await takeTurnWords(
      tx,
      turns.map(({ id }) => id),
      "",
    );
    const { branch, position } = last;
    await tx.run("UPDATE erasure SET branch = $2, position = $3 WHERE session = $1", [row, branch, position]);
  }
  const done = turns.length === found.length && found.length < turnsAtOnce;
  if (done) await tx.run("DELETE FROM erasure WHERE session = $1", [row]);
  return done;
}

/** Read from the row's head: the texts themselves stay where they are. */
export const bytesOfWords =
  "octet_length(question) + octet_length(answer) + COALESCE(octet_length(thought), 0) + COALESCE(octet_length(vendor_parts), 0)";

/** As many as one transaction should take, at least one. */
export function cutByBytes<Turn extends { bytes: number }>(turns: readonly Turn[]): Turn[] {
  let bytes = 0;
  const end = turns.findIndex((turn) => {
    bytes += turn.bytes;
    return bytes > bytesAtOnce;
  });
  return end === -1 ? [...turns] : turns.slice(0, end + 1);
}

/** Everything that somebody said or that was said to somebody; `mark` stands where something must. */
export async function takeTurnWords(tx: Tx, ids: readonly string[], mark: string): Promise<void> {
  const list = JSON.stringify(ids);
  const these = tx.dialect.inList("$1");
  await tx.run(
    `UPDATE turn SET question = $2, answer = CASE WHEN answer = '' THEN '' ELSE $2 END, thought = NULL, vendor_parts = NULL, events = NULL,
       calls = NULL, notices = NULL, error_detail = NULL WHERE id ${these}`,
    [list, mark],
  );
  await tx.run(`UPDATE imported_turn SET calls = '[]' WHERE turn IN (SELECT row FROM turn WHERE id ${these})`, [list]); // from a file, whatever it says
  await tx.run(`DELETE FROM turn_event WHERE turn_id ${these}`, [list]);
  await tx.run(`DELETE FROM turn_search WHERE rowid IN (SELECT row FROM turn WHERE id ${these})`, [list]);
  await tx.run(`DELETE FROM idempotency WHERE target_id ${these}`, [list]);
  await tx.wipe();
}

export async function notePurges(tx: Tx, { by, action, user, count, at }: PurgedMany): Promise<void> {
  const { project, keyId } = by;
  await noteAudit(tx, { at, project, keyId, action, target: user === undefined ? null : `user:${user}`, count });
}

export async function listBegunPurges(reader: Reader, limit: number): Promise<number[]> {
  const rows = await reader.all<{ session: number }>("SELECT session FROM erasure ORDER BY session LIMIT $1", [limit]);
  return rows.map(({ session }) => session);
}

export async function listPurgeable(
  reader: Reader,
  { project, user, trashedBefore }: PurgeFilter,
  limit: number,
  after = "",
): Promise<Purgeable[]> {
  const params: Value[] = [limit];
  let where = "purged_at IS NULL";
  if (project !== undefined) where += ` AND project = $${params.push(project)} AND id > $${params.push(after)}`;
  if (user !== undefined) where += ` AND user_name = $${params.push(user)}`;
  if (trashedBefore !== undefined)
    where += ` AND deleted_at IS NOT NULL AND deleted_at <= $${params.push(trashedBefore)}`;
  const order = project === undefined ? "deleted_at" : "id";
  return reader.all<Purgeable>(`SELECT id, project FROM session WHERE ${where} ORDER BY ${order} LIMIT $1`, params);
}

/** Whoever remembers a session that stays has forgotten it long before, and read it anew. */
const toldForMs = 3_600_000;

export async function listErased(reader: Reader, ids: readonly string[]): Promise<string[]> {
  const rows = await reader.all<{ id: string }>(
    `SELECT id FROM session WHERE id ${reader.dialect.inList("$1")}
       AND (purged_at IS NOT NULL OR erased_at > ${reader.dialect.now} - ${toldForMs})`,
    [JSON.stringify(ids)],
  );
  return rows.map(({ id }) => id);
}
