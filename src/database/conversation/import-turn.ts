// The turns of a file: where each stands among the branches, and its rows.

import type { ImportedTurn, ImportSession } from "../../conversation/import.ts";
import { answerIdOf, questionIdOf } from "../../id.ts";
import { addUsage, noUsage } from "../../money/usage.ts";
import { rankOf, storableText, usageColumns, usageValues } from "../columns.ts";
import type { Tx, Value } from "../tx.ts";
import { importedProcess } from "./imported.ts";
import { saidOf } from "./revive.ts";
import { insertBranch } from "./siblings.ts";

export interface Place {
  branch: number;
  position: number;
}

export interface PlacedTurn extends Place {
  turn: ImportedTurn;
  parent: Place | null;
  /** Its branch begins with it. */
  forks: boolean;
}

/** In the order of the file, where each stands behind the one that it follows. */
export function placeTurns({ tip, turns }: Pick<ImportSession, "tip" | "turns">) {
  const places = new Map<string, PlacedTurn>();
  const taken = new Set<string>();
  let branches = 1;
  const placed = turns.map((turn): PlacedTurn => {
    const parent = turn.parentId === null ? undefined : places.get(turn.parentId)!;
    const position = (parent?.position ?? -1) + 1;
    const forks = taken.has(`${parent?.branch ?? 0}:${position}`);
    const branch = forks ? branches++ : (parent?.branch ?? 0);
    taken.add(`${branch}:${position}`);
    const one = { turn, branch, position, parent: parent ?? null, forks };
    places.set(turn.answerId, one);
    return one;
  });
  const { branch = 0, position = -1 } = places.get(findEnd(tip, turns) ?? "") ?? {};
  return { placed, branches, tip: { branch, position } };
}

/** The current branch goes to its end: through the tip, and down to the last one that follows. */
function findEnd(tip: string | null, turns: readonly ImportedTurn[]): string | undefined {
  const following = new Map(turns.map(({ parentId, answerId }) => [parentId, answerId]));
  let end = turns.find(({ answerId, questionId }) => answerId === tip || questionId === tip)?.answerId;
  end ??= following.get(null);
  for (let next = end; next !== undefined; next = following.get(next)) end = next;
  return end;
}

/** Of one transaction: others wait for it. */
const turnsAtOnce = 64;
const charactersAtOnce = 512 * 1024;

/** One after the other, each for one transaction; the last turn of one may be longer. */
export function* cutTurns(turns: readonly PlacedTurn[]): Generator<PlacedTurn[], void, void> {
  let some: PlacedTurn[] = [];
  let characters = 0;
  for (const one of turns) {
    some.push(one);
    const { question, answer, thought, vendorParts, calls } = one.turn;
    // An answer's words are in its events once more.
    characters += question.length + 2 * answer.length + 2 * (thought?.length ?? 0) + calls.length;
    characters += vendorParts?.length ?? 0;
    if (some.length < turnsAtOnce && characters < charactersAtOnce) continue;
    yield some;
    some = [];
    characters = 0;
  }
  if (some.length > 0) yield some;
}

export async function addTurns(tx: Tx, session: number, owner: string, turns: readonly PlacedTurn[]): Promise<void> {
  for (const { turn, branch, position, parent, forks } of turns) {
    const question = storableText(turn.question);
    if (forks) await insertBranch(tx, { session, branch, parentBranch: parent?.branch ?? null, position, question });
    const row = await insertTurn(tx, session, turn, { branch, position, parent });
    await tx.indexTurn(row, owner, [question, storableText(turn.answer)]);
  }
  const { pico, rank, unpriced, usage } = sumTurns(turns.map(({ turn }) => turn));
  const added = usageColumns.split(", ").map((column, at) => `${column} = ${column} + $${at + 6}`);
  await tx.run(
    `UPDATE session SET message_count = message_count + $2, cost_pico = cost_pico + $3, unpriced_turns = unpriced_turns + $4,
       accuracy_rank = CASE WHEN accuracy_rank < $5 THEN $5 ELSE accuracy_rank END, ${added.join(", ")} WHERE row = $1`,
    [session, turns.length * 2, pico, unpriced, rank, ...usageValues(usage)],
  );
}

export function sumTurns(turns: readonly ImportedTurn[]) {
  const sum = { pico: 0n, rank: 0, unpriced: 0, usage: noUsage };
  for (const { cost, usage } of turns) {
    sum.pico += cost?.total ?? 0n;
    sum.rank = Math.max(sum.rank, cost ? rankOf(cost.accuracy) : 0);
    if (cost?.accuracy === "unknown") sum.unpriced++;
    if (usage) sum.usage = addUsage(sum.usage, usage);
  }
  return sum;
}

const turnColumns = `id, session, branch, position, parent, question_id, answer_id, user_name, status, model_requested, model_served, finish_reason,
  error_code, error_detail, notices, started_at, first_token_at, ended_at, process_id, lease_until, settled,
  question, answer, thought, vendor_parts, events, last_number, ${usageColumns}, cost_pico, accuracy_rank`;

async function insertTurn(
  tx: Tx,
  session: number,
  turn: ImportedTurn,
  { branch, position, parent }: Place & { parent: Place | null },
): Promise<number> {
  const { cost, usage, error, notices } = turn;
  const spent: Value[] = [...usageValues(usage), cost?.total ?? null, cost ? rankOf(cost.accuracy) : null];
  const said = saidOf(turn);
  const row = await tx.insert(
    `INSERT INTO turn (${turnColumns}) VALUES ($1, $2, $3, $4, (SELECT row FROM turn WHERE session = $2 AND branch = $32 AND position = $33),
       $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, ${importedProcess}, 0, 1,
       $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31)`,
    [
      ...[turn.id, session, branch, position],
      turn.questionId === questionIdOf(turn.id) ? null : turn.questionId,
      turn.answerId === answerIdOf(turn.id) ? null : turn.answerId,
      ...[turn.user === null ? null : storableText(turn.user), turn.status, turn.modelRequested, turn.modelServed],
      ...[turn.finishReason, error?.code ?? null, error && storableText(error.detail)],
      ...[notices.length > 0 ? storableText(JSON.stringify(notices)) : null],
      ...[turn.startedAt, turn.firstTokenAt, turn.endedAt],
      ...[said.question, said.answer, said.thought, turn.vendorParts, said.events, said.lastNumber],
      ...[...spent, parent?.branch ?? null, parent?.position ?? null],
    ],
  );
  await tx.run(
    `INSERT INTO imported_turn (turn, ${usageColumns}, cost_pico, accuracy_rank, calls) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [row, ...spent, turn.calls],
  );
  return row;
}
