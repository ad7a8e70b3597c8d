// A session from a file: a new one with the file's turns, or, where it was purged here, the old one with its words back. In pieces, each
// a short transaction: until the last one it reads as a purged session does, which nobody can see.

import type { ImportSession } from "../../conversation/import.ts";
import type { Session } from "../../conversation/session.ts";
import { AppError } from "../../errors.ts";
import { answerIdOf, newId, questionIdOf, turnIdOf } from "../../id.ts";
import { storableText } from "../columns.ts";
import { claimKey, moveKey } from "../idempotency.ts";
import { findSession, findSessionAt } from "../session.ts";
import type { Reader, Tx, Value } from "../tx.ts";
import { addTurns, type PlacedTurn, sumTurns } from "./import-turn.ts";
import { packImported } from "./imported.ts";
import { findRevivable, reviveSession, reviveTurns } from "./revive.ts";

export interface BeginImport extends ImportSession {
  processId: number;
  /** What this process knows it by. */
  token: string;
}

/** `file`: as it is put in, with its ids of then or new ones. */
export type BegunImport =
  | { kind: "here"; session: Session }
  | { kind: "begun"; row: number; revives: boolean; file: ImportSession };

export async function beginImport(tx: Tx, input: BeginImport): Promise<BegunImport> {
  const { owner, idempotency, copy, processId, token } = input;
  // Two of the same file: the second one sees the first.
  if (tx.dialect.shared) await tx.run("LOCK TABLE import_begun IN SHARE ROW EXCLUSIVE MODE");
  const earlier = idempotency && (await claimKey(tx, owner, idempotency, input.id, input.at));
  if (earlier !== undefined) return { kind: "here", session: await getImported(tx, owner, earlier) };
  if (!copy) await refuseTwice(tx, input);
  const purged = copy ? undefined : await findRevivable(tx, input);
  const file = purged === undefined ? await chooseIds(tx, input) : input;
  const row = purged ?? (await insertEmpty(tx, file, input.id));
  const revives = purged === undefined ? 0 : 1;
  await tx.run("INSERT INTO import_begun (session, process_id, token, revives, turns) VALUES ($1, $2, $3, $4, 0)", [
    ...[row, processId, token, revives],
  ]);
  if (idempotency) await moveKey(tx, owner, idempotency.key, file.id);
  return { kind: "begun", row, revives: revives === 1, file };
}

async function getImported(tx: Tx, owner: string, id: string): Promise<Session> {
  const session = await findSession(tx, owner, id);
  if (session) return session;
  const begun = await tx.all("SELECT 1 FROM import_begun i JOIN session s ON s.row = i.session WHERE s.id = $1", [id]);
  if (begun.length > 0) throw stillImported();
  throw new AppError("idempotency_mismatch", "This Idempotency-Key was used for something else.");
}

function stillImported(): AppError {
  return new AppError("conflict", "This session is being imported; ask again in a moment.", { retryAfterSeconds: 5 });
}

/** A file that is imported again changes nothing, and says where its session is. */
async function refuseTwice(tx: Tx, { owner, id, seesUser }: ImportSession): Promise<void> {
  const params: Value[] = [owner, id];
  const ofUser = seesUser === null ? "" : ` AND user_name = $${params.push(storableText(seesUser))}`;
  const found = await tx.all<{ id: string; deleted_at: number | null; purged_at: number | null }>(
    `SELECT id, deleted_at, purged_at FROM session WHERE project = $1 AND (id = $2 OR imported_from = $2)
       AND (purged_at IS NULL OR row IN (SELECT session FROM import_begun))${ofUser} ORDER BY purged_at LIMIT 2`,
    params,
  );
  const here = found.find((session) => session.purged_at === null);
  if (!here && found.length > 0) throw stillImported();
  if (!here) return;
  const where = here.deleted_at === null ? "" : ", in the trash";
  throw new AppError(
    "conflict",
    `This session is here already${where}: ${here.id}. To have it twice, import it as a copy (?copy=true, or --copy).`,
    { members: { session_id: here.id } },
  );
}

/** The ids of what is imported: those in the file where all of them are free; else new ones for everything, so that links among them hold. */
async function chooseIds(tx: Tx, input: ImportSession): Promise<ImportSession> {
  if (!input.copy && (await areFree(tx, input))) return input;
  const renamed = new Map<string, string>();
  const turns = input.turns.map((turn) => {
    const id = newId();
    renamed.set(turn.questionId, questionIdOf(id)).set(turn.answerId, answerIdOf(id));
    return { ...turn, id, questionId: questionIdOf(id), answerId: answerIdOf(id) };
  });
  const named = (id: string | null) => (id === null ? null : (renamed.get(id) ?? null));
  for (const turn of turns) turn.parentId = named(turn.parentId);
  return { ...input, id: newId(), tip: named(input.tip), turns };
}

async function areFree(tx: Reader, { id, turns }: ImportSession): Promise<boolean> {
  const messages = turns.flatMap(({ questionId, answerId }) => [questionId, answerId]);
  const ids = [...turns.map((turn) => turn.id), ...messages.map(turnIdOf)];
  const is = (column: string, param: string) => `${column} ${tx.dialect.inList(param)}`;
  const taken = await tx.all(
    `SELECT 1 FROM session WHERE id = $1 UNION ALL SELECT 1 FROM turn WHERE ${is("id", "$2")}
     UNION ALL SELECT 1 FROM turn WHERE ${is("question_id", "$3")} UNION ALL SELECT 1 FROM turn WHERE ${is("answer_id", "$3")} LIMIT 1`,
    [id, JSON.stringify(ids), JSON.stringify(messages)],
  );
  return taken.length === 0;
}

/** What its turns cost is its cost, and said to be history: `sum-check.ts` adds it up from `imported_turn`. */
function insertEmpty(tx: Tx, input: ImportSession, from: string): Promise<number> {
  const { id, owner, title, model, system, user, params, metadata, pinned, createdAt, updatedAt, activeAt } = input;
  const text = (value: string | null) => (value === null ? null : storableText(value));
  return tx.insert(
    `INSERT INTO session (id, project, title, model, system, user_name, params, metadata, pinned, created_at, updated_at, active_at,
       imported_from, imported, deleted_at, purged_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15)`,
    [
      ...[id, owner, text(title), model, text(system), text(user), JSON.stringify(params), JSON.stringify(metadata)],
      ...[
        pinned ? 1 : 0,
        createdAt,
        updatedAt,
        activeAt,
        from,
        packImported(input.at, sumTurns(input.turns)),
        input.at,
      ],
    ],
  );
}

export interface ImportSome {
  row: number;
  revives: boolean;
  owner: string;
  /** How many are there already. */
  after: number;
  turns: readonly PlacedTurn[];
}

export async function importSome(tx: Tx, { row, revives, owner, after, turns }: ImportSome): Promise<void> {
  const moved = await tx.run("UPDATE import_begun SET turns = $3 WHERE session = $1 AND turns = $2", [
    ...[row, after, after + turns.length],
  ]);
  // Whoever believed this process dead has taken it back.
  if (moved === 0) throw new AppError("storage_unavailable", "The import was interrupted; nothing of it was kept.");
  if (revives) await reviveTurns(tx, owner, turns);
  else await addTurns(tx, row, owner, turns);
}

export interface EndImport {
  row: number;
  revives: boolean;
  file: ImportSession;
  /** Where the current branch ends, and how many branches there are. */
  tip: { branch: number; position: number };
  branches: number;
}

/** From now on it can be seen, and found. */
export async function endImport(tx: Tx, { row, revives, file, tip, branches }: EndImport): Promise<Session> {
  if ((await tx.run("DELETE FROM import_begun WHERE session = $1 AND turns = $2", [row, file.turns.length])) === 0)
    throw new AppError("storage_unavailable", "The import was interrupted; nothing of it was kept.");
  if (revives) await reviveSession(tx, row, file);
  else
    await tx.run(
      "UPDATE session SET purged_at = NULL, deleted_at = NULL, tip_branch = $2, tip_position = $3, branch_count = $4 WHERE row = $1",
      [row, tip.branch, tip.position, branches],
    );
  await tx.indexSession(row);
  if (file.title !== null) await tx.indexTitle(row, file.owner, file.title);
  return (await findSessionAt(tx, file.owner, row))!;
}

export async function findImportedCalls(reader: Reader, owner: string, turnId: string): Promise<string | undefined> {
  const [row] = await reader.all<{ calls: string }>(
    `SELECT i.calls FROM turn t JOIN session s ON s.row = t.session AND s.project = $2 AND s.purged_at IS NULL JOIN imported_turn i ON i.turn = t.row WHERE t.id = $1`,
    [turnId, owner],
  );
  return row?.calls;
}
