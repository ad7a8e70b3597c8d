// A purged session that comes back from a file: the same session, with its words; what it cost was never gone.

import type { ImportedTurn, ImportSession } from "../../conversation/import.ts";
import { AppError } from "../../errors.ts";
import { firstLogged, type LoggedEvent } from "../../turn/event.ts";
import { storableText } from "../columns.ts";
import { packPieces } from "../event.ts";
import type { Tx } from "../tx.ts";

/**
 * The row of the purged session that this file is of: every turn of the one is in the other, so that none is left without its words.
 * Whoever acts for one user alone cannot know whose it was. Throws conflict while its words are still being taken.
 */
export async function findRevivable(
  tx: Tx,
  { owner, id, seesUser, turns }: ImportSession,
): Promise<number | undefined> {
  if (seesUser !== null) return undefined;
  const [session] = await tx.all<{ row: number; begun: number }>(
    `SELECT row, (SELECT COUNT(*) FROM erasure WHERE session = session.row) AS begun FROM session
     WHERE id = $1 AND project = $2 AND purged_at IS NOT NULL`,
    [id, owner],
  );
  if (!session) return undefined;
  const rows = await tx.all<{ id: string }>("SELECT id FROM turn WHERE session = $1", [session.row]);
  const known = new Set(turns.map((turn) => turn.id));
  if (rows.length !== known.size || !rows.every((turn) => known.has(turn.id))) return undefined;
  if (session.begun > 0)
    throw new AppError("conflict", "This session is being purged; import it once that is done.", {
      retryAfterSeconds: 5,
    });
  return session.row;
}

/** Whom it and its turns are for stays as it is: who was erased since does not come back with a file. */
export async function reviveSession(tx: Tx, row: number, input: ImportSession): Promise<void> {
  const { title, model, system, params, metadata, pinned, updatedAt, activeAt } = input;
  const text = (value: string | null) => (value === null ? null : storableText(value));
  await tx.run(
    `UPDATE session SET purged_at = NULL, erased_at = NULL, deleted_at = NULL, version = version + 1, title = $2, model = $3, system = $4,
       params = $5, metadata = $6, pinned = $7, updated_at = $8, active_at = $9 WHERE row = $1`,
    [
      ...[row, text(title), model, text(system), JSON.stringify(params), JSON.stringify(metadata)],
      ...[pinned ? 1 : 0, updatedAt, activeAt],
    ],
  );
}

export async function reviveTurns(tx: Tx, owner: string, turns: readonly { turn: ImportedTurn }[]): Promise<void> {
  for (const { turn } of turns) {
    const { question, answer, thought, events, lastNumber } = saidOf(turn);
    const [found] = await tx.all<{ row: number }>(
      `UPDATE turn SET question = $2, answer = $3, thought = $4, vendor_parts = $5, notices = $6, error_detail = $7, events = $8, last_number = $9
       WHERE id = $1 RETURNING row`,
      [
        ...[turn.id, question, answer, thought, turn.vendorParts],
        turn.notices.length > 0 ? storableText(JSON.stringify(turn.notices)) : null,
        turn.error && storableText(turn.error.detail),
        ...[events, lastNumber],
      ],
    );
    await tx.indexTurn(found!.row, owner, [question, answer]);
  }
}

/** What is said in a turn, as it is kept, with the events that tell it again. */
export function saidOf(turn: ImportedTurn) {
  const [question, answer] = [storableText(turn.question), storableText(turn.answer)];
  const thought = turn.thought === null ? null : storableText(turn.thought);
  const events: LoggedEvent[] = [];
  if (thought) events.push({ type: "thought-delta", text: thought });
  if (answer !== "") events.push(answer);
  return { question, answer, thought, events: packPieces(events), lastNumber: firstLogged + events.length };
}
