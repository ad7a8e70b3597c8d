// The title that a model made for a session, as long as nobody names it otherwise: where it shows words that are deleted, it goes and comes
// back with them. All that it was made of stands before one turn, or is that: so it is told by whether that turn is there.

import type { Tx } from "../tx.ts";
import { isThere } from "./siblings.ts";

export async function keepModelTitle(tx: Tx, session: number, turn: number, title: string): Promise<void> {
  await tx.run(
    `INSERT INTO model_title (session, turn, title) VALUES ($1, $2, $3)
     ON CONFLICT (session) DO UPDATE SET turn = excluded.turn, title = excluded.title`,
    [session, turn, title],
  );
}

export async function findModelTitle(
  tx: Tx,
  session: number,
): Promise<{ title: string; is_there: number } | undefined> {
  const [made] = await tx.all<{ title: string; is_there: number }>(
    `SELECT m.title, CASE WHEN ${isThere("t")} THEN 1 ELSE 0 END AS is_there FROM model_title m JOIN turn t ON t.row = m.turn
     WHERE m.session = $1`,
    [session],
  );
  return made;
}

/** Where nothing takes back what it was made of. */
export async function dropErasedTitle(tx: Tx, session: number): Promise<void> {
  await tx.run(
    `DELETE FROM model_title WHERE session = $1 AND EXISTS (SELECT 1 FROM turn t JOIN removed_version r
       ON r.session = t.session AND r.branch = t.branch AND r.position <= t.position AND r.at IS NULL WHERE t.row = model_title.turn)`,
    [session],
  );
}
