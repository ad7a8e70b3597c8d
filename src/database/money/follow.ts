// Following the ledger: what is made of its entries behind the turns, a step at a time. A mark says up to which turn all entries have been
// taken; a table of open turns names the exceptions: turns that had no bill yet when the mark went by, or that got another call
// afterwards, each with the number of the first entry that is still to be taken.

import type { Reader, Tx, Value } from "../tx.ts";

/** Where the state of one who follows is kept. */
export interface Follow {
  mark: string;
  column: string;
  open: string;
}

export interface FollowStep {
  /** Where the mark is, as the caller knows it, and where it goes: to a turn such that all before it can be seen. */
  from: number;
  to: number;
  at: number;
}

/** Entries `e` of the ledger, as SQL. */
export interface Entries {
  from: string;
  where: string;
  params: readonly Value[];
}

/** Of the turns that were open and have their bill by now, so many are taken in a step. */
export const openAtOnce = 256;

/**
 * Moves the mark. Returns the entries that are to be taken with that, in this transaction, and how many open turns they are of. Undefined:
 * the mark is elsewhere by now, another process has moved it; nothing was done.
 */
export async function follow(
  tx: Tx,
  { mark, column, open }: Follow,
  { from, to }: FollowStep,
): Promise<{ entries: Entries[]; reopened: number } | undefined> {
  // The guard: whoever has moved the mark holds its row until all is taken.
  if ((await tx.run(`UPDATE ${mark} SET ${column} = $2 WHERE id = 1 AND ${column} = $1`, [from, to])) === 0)
    return undefined;
  const entries: Entries[] = [];
  if (to > from) {
    await tx.run(
      `INSERT INTO ${open} (turn, number) SELECT row, 1 FROM turn WHERE row > $1 AND row <= $2 AND settled = 0
       ON CONFLICT (turn) DO NOTHING`,
      [from, to],
    );
    const isNew = `e.turn > $1 AND e.turn <= $2 AND NOT EXISTS (SELECT 1 FROM ${open} o WHERE o.turn = e.turn)`;
    entries.push({ from: "ledger e", where: isNew, params: [from, to] });
  }
  // Of those that were open before: one that gets its bill meanwhile is left to the next step, and so is in neither list or in one.
  const ready = `SELECT o.turn FROM ${open} o CROSS JOIN turn t WHERE o.turn <= $1 AND t.row = o.turn AND t.settled = 1 ORDER BY o.turn LIMIT ${openAtOnce}`;
  const taken = await tx.all<{ turn: number; number: number }>(
    `DELETE FROM ${open} WHERE turn IN (SELECT turn FROM (${ready}) ready) RETURNING turn, number`,
    [from],
  );
  if (taken.length > 0)
    entries.push({
      from: `${tx.dialect.rowsOf("$1", ["turn", "number"])} o CROSS JOIN ledger e`,
      where: "e.turn = o.turn AND e.number >= o.number",
      params: [JSON.stringify(taken.map(({ turn, number }) => [turn, number]))],
    });
  return { entries, reopened: taken.length };
}

/** The mark stays where it is until the transaction is over. */
export async function holdMark(tx: Tx, { mark, column }: Follow): Promise<number> {
  const [row] = await tx.all<{ at: number }>(`SELECT ${column} AS at FROM ${mark} WHERE id = 1 ${tx.dialect.lockRows}`);
  return row!.at;
}

/** A further entry comes to a turn that may have been passed: called in the transaction that books it, before or after. */
export async function noteLate(tx: Tx, followed: Follow, turn: number, number: number): Promise<void> {
  if ((await holdMark(tx, followed)) < turn) return;
  const late = `INSERT INTO ${followed.open} (turn, number) VALUES ($1, $2) ON CONFLICT (turn) DO NOTHING`;
  await tx.run(late, [turn, number]);
}

export interface FollowState {
  mark: number;
  /** The newest turn that can be seen. */
  newest: number;
  /** What has to be over, and what is over, before every turn up to it can be seen or never will be. */
  begun: number;
  over: number;
  /** 1: an open turn has its bill by now. */
  ready: number;
}

/** A number is given to a row before others can see the row: where several write at once, the newest one seen is not the newest of all before it. */
export async function readFollowState(reader: Reader, { mark, column, open }: Follow): Promise<FollowState> {
  const { begun, over } = reader.dialect.horizon;
  // CROSS: from the few that are open to their turns, whatever the planner believes.
  const ready = `SELECT 1 FROM ${open} o CROSS JOIN turn t WHERE t.row = o.turn AND t.settled = 1`;
  const [state] = await reader.all<FollowState>(
    `SELECT ${column} AS mark, COALESCE((SELECT MAX(row) FROM turn), 0) AS newest, ${begun} AS begun, ${over} AS over,
       CASE WHEN EXISTS (${ready}) THEN 1 ELSE 0 END AS ready FROM ${mark} WHERE id = 1`,
  );
  return state!;
}
