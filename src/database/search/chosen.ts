// A search among sessions of which few are chosen: a user's, a key's, the pinned ones, the trash. Where a word is common, nearly all that the
// index finds is somebody else's; so the rows that may be shown are gathered, and the index is asked about them only.

import { setImmediate } from "node:timers/promises";
import type { SessionFilter } from "../../store.ts";
import { isThere } from "../conversation/siblings.ts";
import { chooseSessions } from "../session.ts";
import type { Reader, Value } from "../tx.ts";
import { titleBase } from "./search-text.ts";

/** A row of the index, and the session it belongs to. */
export interface ChosenRow {
  row: number;
  id: string;
}

/** To gather them takes a microsecond each. Of more than that the index shows some soon, unless they are all old. */
const mostChosen = 10_000;
/** Matches in one step of SQLite's: to begin one costs as much as some hundred of them. */
const matchesAtOnce = 64;
/** Rows that Postgres looks up in one statement. */
const rowsAtOnce = 500;
/** Others run in between. */
const stepsAtOnce = 16;

/** All rows below one that the index may have of the sessions that are chosen, the newest first; undefined where they are not few. */
export async function listChosen(
  reader: Reader,
  owner: string,
  filter: SessionFilter,
  below: number,
): Promise<ChosenRow[] | undefined> {
  if (!filter.deleted && filter.user === undefined && filter.ids === undefined && !filter.pinned) return undefined;
  const params: Value[] = [owner, below];
  const chosen = `s.project = $1 AND ${chooseSessions(reader, filter, params, "s")}`;
  const rows = await reader.all<ChosenRow>(
    `SELECT t.row AS row, s.id AS id FROM session s JOIN turn t ON t.session = s.row WHERE ${chosen} AND t.row < $2 AND ${isThere("t")}
     UNION ALL SELECT s.row + ${titleBase} AS row, s.id AS id FROM session s WHERE ${chosen} AND s.title IS NOT NULL AND s.row + ${titleBase} < $2
     LIMIT ${mostChosen + 1}`,
    params,
    "plan anew",
  );
  return rows.length > mostChosen ? undefined : rows.sort((one, other) => other.row - one.row);
}

/** Those of the rows that match, in their order; of a session that is in `seen` by then, none. */
export async function* matchChosen(
  reader: Reader,
  printed: string,
  chosen: readonly ChosenRow[],
  seen: ReadonlySet<string>,
): AsyncGenerator<ChosenRow, void, void> {
  const step = reader.dialect.name === "sqlite" ? walkOn : lookUp;
  const rows = chosen.map(({ row }) => row);
  for (let at = 0, steps = 1; at < chosen.length; steps++) {
    if (seen.has(chosen[at]!.id)) {
      at++;
      continue;
    }
    const { found, next } = await step(reader, printed, rows, at);
    for (; at < next; at++) if (found.has(rows[at]!)) yield chosen[at]!;
    if (steps % stepsAtOnce === 0) await setImmediate();
  }
}

type Step = (
  reader: Reader,
  printed: string,
  rows: readonly number[],
  at: number,
) => Promise<{ found: Set<number>; next: number }>;

/** From one row to the next matches below it, and on to the first of the rows below those. Asked about a single row FTS5 would go on to its next match, however far. */
const walkOn: Step = async (reader, printed, rows, at) => {
  const matches = await reader.all<{ row: number }>(
    `SELECT rowid AS row FROM turn_search WHERE ${reader.dialect.searchMatch} AND rowid <= CAST($2 AS BIGINT) AND rowid >= CAST($3 AS BIGINT)
     ORDER BY rowid DESC LIMIT ${matchesAtOnce}`,
    [printed, rows[at]!, rows.at(-1)!],
  );
  const found = new Set(matches.map(({ row }) => row));
  if (matches.length < matchesAtOnce) return { found, next: rows.length };
  const last = matches.at(-1)!.row;
  let next = at;
  while (next < rows.length && rows[next]! >= last) next++;
  return { found, next };
};

/** Postgres compares the words of each row; it would walk all matches again for each step. */
const lookUp: Step = async (reader, printed, rows, at) => {
  const next = Math.min(at + rowsAtOnce, rows.length);
  const asked = JSON.stringify(rows.slice(at, next).map((row) => [row]));
  const matches = await reader.all<{ row: number }>(
    `SELECT f.rowid AS row FROM ${reader.dialect.rowsOf("$2", ["row"])} c JOIN turn_search f ON f.rowid = c.row WHERE ${reader.dialect.searchMatch}`,
    [printed, asked],
  );
  return { found: new Set(matches.map(({ row }) => row)), next };
};
