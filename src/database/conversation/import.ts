// A session from a file: a new one with the file's turns, or, where it was purged here, the old one with its words back.

import type { ImportedTurn, ImportSession } from "../../conversation/import.ts";
import type { Session } from "../../conversation/session.ts";
import { AppError } from "../../errors.ts";
import { answerIdOf, newId, newTurnId, questionIdOf, turnIdOf } from "../../id.ts";
import { addUsage, noUsage } from "../../money/usage.ts";
import { rankOf, storableText, usageColumns, usageValues } from "../columns.ts";
import { findSessionAt } from "../session.ts";
import type { Reader, Tx, Value } from "../tx.ts";
import { importedProcess, packImported } from "./imported.ts";
import { findRevivable, revive, saidOf } from "./revive.ts";
import { insertBranch } from "./siblings.ts";

export async function importSession(tx: Tx, input: ImportSession): Promise<Session> {
  if (!input.copy) await refuseTwice(tx, input);
  const purged = input.copy ? undefined : await findRevivable(tx, input);
  const row =
    purged === undefined ? await insertSession(tx, await chooseIds(tx, input)) : await revive(tx, purged, input);
  return (await findSessionAt(tx, input.owner, row))!;
}

/** A file that is imported again changes nothing, and says where its session is. */
async function refuseTwice(tx: Tx, { owner, id, seesUser }: ImportSession): Promise<void> {
  const params: Value[] = [owner, id];
  const ofUser = seesUser === null ? "" : ` AND user_name = $${params.push(storableText(seesUser))}`;
  const [found] = await tx.all<{ id: string; deleted_at: number | null }>(
    `SELECT id, deleted_at FROM session WHERE project = $1 AND (id = $2 OR imported_from = $2) AND purged_at IS NULL${ofUser} LIMIT 1`,
    params,
  );
  if (!found) return;
  const where = found.deleted_at === null ? "" : ", in the trash";
  throw new AppError(
    "conflict",
    `This session is here already${where}: ${found.id}. To have it twice, import it as a copy.`,
    {
      members: { session_id: found.id },
    },
  );
}

/** As they are in the file where nobody has any of them; else all are new. */
async function chooseIds(tx: Tx, input: ImportSession): Promise<ImportSession & { from: string }> {
  const from = input.id;
  if (!input.copy && (await areFree(tx, input))) return { ...input, from };
  const renamed = new Map<string, string>();
  const turns = input.turns.map((turn) => {
    const id = newTurnId();
    renamed.set(turn.questionId, questionIdOf(id)).set(turn.answerId, answerIdOf(id));
    return { ...turn, id, questionId: questionIdOf(id), answerId: answerIdOf(id) };
  });
  const named = (id: string | null) => (id === null ? null : (renamed.get(id) ?? null));
  for (const turn of turns) turn.parentId = named(turn.parentId);
  return { ...input, id: newId(), tip: named(input.tip), turns, from };
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

interface Place {
  row: number;
  branch: number;
  position: number;
}

async function insertSession(tx: Tx, input: ImportSession & { from: string }): Promise<number> {
  const { owner, title, turns } = input;
  const row = await insertEmpty(tx, input);
  const places = new Map<string, Place>();
  const taken = new Set<string>();
  let branches = 1;
  for (const turn of turns) {
    const parent = turn.parentId === null ? undefined : places.get(turn.parentId)!;
    const position = (parent?.position ?? -1) + 1;
    let branch = parent?.branch ?? 0;
    if (taken.has(`${branch}:${position}`)) {
      const fork = { session: row, branch: branches, parentBranch: parent ? parent.branch : null, position };
      await insertBranch(tx, { ...fork, question: storableText(turn.question) });
      branch = branches++;
    }
    taken.add(`${branch}:${position}`);
    const turnRow = await insertTurn(tx, row, turn, { branch, position, parent: parent?.row ?? null });
    places.set(turn.answerId, { row: turnRow, branch, position });
    await tx.indexTurn(turnRow, owner, [storableText(turn.question), storableText(turn.answer)]);
  }
  const tip = places.get(findEnd(input) ?? "");
  await tx.run("UPDATE session SET tip_branch = $2, tip_position = $3, branch_count = $4 WHERE row = $1", [
    ...[row, tip?.branch ?? 0, tip?.position ?? -1, branches],
  ]);
  if (title !== null) await tx.indexTitle(row, owner, title);
  return row;
}

/** The current branch goes to its end: through the tip, and down to the last one that follows. */
function findEnd({ tip, turns }: ImportSession): string | undefined {
  const following = new Map(turns.map(({ parentId, answerId }) => [parentId, answerId]));
  let end = turns.find(({ answerId, questionId }) => answerId === tip || questionId === tip)?.answerId;
  end ??= following.get(null);
  for (let next = end; next !== undefined; next = following.get(next)) end = next;
  return end;
}

/** What its turns cost is its cost, and said to be history: `sum-check.ts` adds it up from `imported_turn`. */
async function insertEmpty(tx: Tx, input: ImportSession & { from: string }): Promise<number> {
  const { id, owner, title, model, system, user, params, metadata, pinned, createdAt, updatedAt, activeAt } = input;
  const text = (value: string | null) => (value === null ? null : storableText(value));
  const totals = sumTurns(input.turns);
  return tx.insert(
    `INSERT INTO session (id, project, title, model, system, user_name, params, metadata, pinned, created_at, updated_at, active_at, message_count,
       imported_from, imported, cost_pico, accuracy_rank, unpriced_turns, ${usageColumns})
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)`,
    [
      ...[id, owner, text(title), model, text(system), text(user), JSON.stringify(params), JSON.stringify(metadata)],
      ...[pinned ? 1 : 0, createdAt, updatedAt, activeAt, input.turns.length * 2, input.from],
      packImported(input.at, totals),
      ...[totals.pico, totals.rank, totals.unpriced],
      ...usageValues(totals.usage),
    ],
  );
}

function sumTurns(turns: readonly ImportedTurn[]) {
  const sum = { pico: 0n, rank: 0, unpriced: 0, usage: noUsage };
  for (const { cost, usage } of turns) {
    sum.pico += cost?.total ?? 0n;
    sum.rank = Math.max(sum.rank, cost ? rankOf(cost.accuracy) : 0);
    if (cost?.accuracy === "unknown") sum.unpriced++;
    if (usage) sum.usage = addUsage(sum.usage, usage);
  }
  return sum;
}

async function insertTurn(
  tx: Tx,
  session: number,
  turn: ImportedTurn,
  { branch, position, parent }: { branch: number; position: number; parent: number | null },
): Promise<number> {
  const { cost, usage, error, notices } = turn;
  const spent: Value[] = [...usageValues(usage), cost?.total ?? null, cost ? rankOf(cost.accuracy) : null];
  const said = saidOf(turn);
  const row = await tx.insert(
    `INSERT INTO turn (id, session, branch, position, parent, question_id, answer_id, user_name, status, model_requested, model_served, finish_reason,
       error_code, error_detail, notices, started_at, first_token_at, ended_at, process_id, lease_until, settled,
       question, answer, thought, vendor_parts, events, last_number, ${usageColumns}, cost_pico, accuracy_rank)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, ${importedProcess}, 0, 1,
       $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32)`,
    [
      ...[turn.id, session, branch, position, parent],
      turn.questionId === questionIdOf(turn.id) ? null : turn.questionId,
      turn.answerId === answerIdOf(turn.id) ? null : turn.answerId,
      ...[turn.user === null ? null : storableText(turn.user), turn.status, turn.modelRequested, turn.modelServed],
      ...[turn.finishReason, error?.code ?? null, error && storableText(error.detail)],
      ...[notices.length > 0 ? storableText(JSON.stringify(notices)) : null],
      ...[turn.startedAt, turn.firstTokenAt, turn.endedAt],
      ...[said.question, said.answer, said.thought, turn.vendorParts, said.events, said.lastNumber],
      ...spent,
    ],
  );
  await tx.run(
    `INSERT INTO imported_turn (turn, ${usageColumns}, cost_pico, accuracy_rank, calls) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [row, ...spent, turn.calls],
  );
  return row;
}

export async function findImportedCalls(reader: Reader, owner: string, turnId: string): Promise<string | undefined> {
  const [row] = await reader.all<{ calls: string }>(
    `SELECT i.calls FROM turn t JOIN session s ON s.row = t.session AND s.project = $2 AND s.purged_at IS NULL JOIN imported_turn i ON i.turn = t.row WHERE t.id = $1`,
    [turnId, owner],
  );
  return row?.calls;
}
