// Erasing a person: the words said for them in sessions that are not theirs, and their name wherever it stands.

import type { PersonStep, PersonStepResult, Purger } from "../../conversation/purge.ts";
import { noteAudit } from "../caller/audit.ts";
import { aliasOf } from "../caller/person.ts";
import { countChange } from "../caller/version.ts";
import { storableText } from "../columns.ts";
import { deleteBudgets, hasBudgets } from "../money/budget.ts";
import { renameInUsage } from "../money/usage-rename.ts";
import { titleRow } from "../search/search-text.ts";
import { overtakeTitle } from "../session.ts";
import type { Tx } from "../tx.ts";
import { giveUpImports } from "./import-left.ts";
import { bytesOfWords, cutByBytes, takeTurnWords } from "./purge.ts";

/** Rows of turns that are looked at in one transaction: there is no index by user, which every turn would pay for. */
const rowsAtOnce = 2_000;
const changedAtOnce = 500;
/** Stands where words stood: a model takes no empty message. */
const erasedMark = "[erased]";

interface TheirTurn {
  row: number;
  id: string;
  session: number;
  session_id: string;
  purged_at: number | null;
  settled: number;
  bytes: number;
}

export async function erasePerson(tx: Tx, { project, user, after }: PersonStep): Promise<PersonStepResult> {
  if (after === 0) await giveUpImports(tx, project); // they may bring more of this person
  const [newest] = await tx.all<{ row: number | null }>("SELECT MAX(row) AS row FROM turn");
  const end = newest?.row ?? 0;
  const to = Math.min(after + rowsAtOnce, end);
  const found = await tx.all<TheirTurn>(
    `SELECT t.row, t.id, t.session, s.id AS session_id, s.purged_at, t.settled, ${bytesOfWords} AS bytes
     FROM turn t JOIN session s ON s.row = t.session AND s.project = $1 WHERE t.row > $2 AND t.row <= $3 AND t.user_name = $4 ORDER BY t.row`,
    [project, after, to, storableText(user)],
  );
  const running = found.findIndex(({ settled, purged_at }) => settled === 0 && purged_at === null);
  const over = running === -1 ? found : found.slice(0, running);
  const turns = cutByBytes(over);
  if (turns.length > 0) await takeTheirs(tx, turns, { project, user, alias: await aliasOf(tx, project, user) });
  const sessions = [...new Set(turns.flatMap((turn) => (turn.purged_at === null ? turn.session_id : [])))];
  const messages = 2 * turns.filter(({ purged_at }) => purged_at === null).length;
  if (turns.length < over.length) return { after: turns.at(-1)!.row, sessions, messages, done: false };
  if (running !== -1)
    return { after: found[running]!.row - 1, sessions, messages, done: false, busy: found[running]!.id };
  return { after: to, sessions, messages, done: to >= end };
}

interface Renamed {
  project: string;
  user: string;
  alias: string;
}

async function takeTheirs(tx: Tx, turns: readonly TheirTurn[], { project, user, alias }: Renamed): Promise<void> {
  const ids = turns.map(({ id }) => id);
  await tx.run(`UPDATE turn SET user_name = $2 WHERE id ${tx.dialect.inList("$1")}`, [JSON.stringify(ids), alias]);
  await renameInUsage(tx, project, ids, storableText(user), alias);
  const wordy = turns.filter(({ purged_at }) => purged_at === null);
  if (wordy.length > 0)
    await takeTurnWords(
      tx,
      wordy.map(({ id }) => id),
      erasedMark,
    );
  // A title may be made of their words, by a model too, or is just being made.
  for (const session of new Set(wordy.map((turn) => turn.session))) {
    await tx.run(
      `UPDATE session SET version = version + 1, erased_at = ${tx.dialect.now}, title = NULL WHERE row = $1`,
      [session],
    );
    await tx.run("DELETE FROM turn_search WHERE rowid = $1", [titleRow(session)]);
    await overtakeTitle(tx, session);
  }
}

export interface ForgetPerson {
  by: Purger;
  user: string;
  at: number;
}

/** What their tokens asked for is known by the name, too (`http/idempotency.ts`). */
const tokenSpace = (user: string) => `${user.length}:${user}`;

/** Returns whether nothing was left to change. */
export async function forgetPerson(tx: Tx, input: ForgetPerson): Promise<boolean> {
  const { project } = input.by;
  const user = storableText(input.user);
  const alias = await aliasOf(tx, project, user);
  const changes = [
    await tx.run(
      `UPDATE session SET user_name = $3 WHERE row IN
         (SELECT row FROM session WHERE project = $1 AND user_name = $2 AND purged_at IS NOT NULL LIMIT ${changedAtOnce})`,
      [project, user, alias],
    ),
    await tx.run(
      `DELETE FROM idempotency WHERE (project, key) IN
         (SELECT project, key FROM idempotency WHERE project = $1 AND key >= $2 AND key < $3 LIMIT ${changedAtOnce})`,
      [project, `${tokenSpace(user)} `, `${tokenSpace(user)}!`],
    ),
    await closeKeys(tx, input, user, alias),
    await dropBudgets(tx, input, user),
  ];
  if (changes.every((changed) => changed === 0)) return true;
  await tx.wipe();
  return false;
}

async function dropBudgets(tx: Tx, { by, at }: ForgetPerson, user: string): Promise<number> {
  const { project, keyId, manages } = by;
  const scope = `user:${user}`;
  if (!manages || !(await hasBudgets(tx, { project, scope }))) return 0;
  await deleteBudgets(tx, { project, scope, by: keyId, at });
  return 1;
}

/** Keys that act for the person open nothing any more: what they began would be the person's again. */
async function closeKeys(tx: Tx, { by, at }: ForgetPerson, user: string, alias: string): Promise<number> {
  const { project, keyId } = by;
  const keys = await tx.all<{ id: string; deleted_at: number }>(
    `UPDATE api_key SET user_name = $3, name = $3, metadata = '{}', deleted_at = COALESCE(deleted_at, $4)
     WHERE project = $1 AND user_name = $2 RETURNING id, deleted_at`,
    [project, user, alias, at],
  );
  if (keys.length > 0) await countChange(tx);
  for (const { id, deleted_at } of keys)
    if (deleted_at === at) await noteAudit(tx, { at, project, keyId, action: "key.deleted", target: id, count: 1 });
  return keys.length;
}
