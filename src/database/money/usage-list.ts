// Usage without a limit: read piece by piece, each of one instant, however many there are.

import type { Span, TurnUsage, UsageGroup, UsageQuery, UsageRow, UsageScope } from "../../money/usage-store.ts";
import { addSums } from "../../money/usage-sum.ts";
import { placeholders } from "../columns.ts";
import type { Reader, Value } from "../tx.ts";
import { mergeRows, readSums, requireAddedUp, type SumRow, sumIn } from "./usage.ts";
import { entryColumns, quarterMs, sumsOf } from "./usage-roll.ts";

/** A piece holds everybody up on SQLite: some ten milliseconds (an estimate). */
const sessionsAtOnce = 200;
const turnsAtOnce = 500;
const pieceMs = 86_400_000;

/** Rows in groups, as they come: by sessions, else by days, else all of them at the end. */
export async function* listUsage(reader: Reader, query: UsageQuery): AsyncIterable<UsageRow[]> {
  await requireAddedUp(reader);
  if (query.groups.includes("session")) yield* listBySession(reader, query);
  else if (query.groups.includes("day"))
    for (const day of query.days) yield (await readSums(reader, { ...query, days: [day] }, undefined)).rows;
  else yield await foldDays(reader, query);
}

/** Few rows of much: added up a day at a time, so that nobody waits for all of it. */
async function foldDays(reader: Reader, query: UsageQuery): Promise<UsageRow[]> {
  const folded = new Map<string, UsageRow>();
  for (const { since, until, name } of query.days)
    for (let from = since; from < until; from = endOf(from, until)) {
      const day = { name, since: from, until: endOf(from, until) };
      for (const row of (await readSums(reader, { ...query, days: [day] }, undefined)).rows) {
        const key = JSON.stringify(query.groups.map((group) => row[group]));
        const earlier = folded.get(key);
        folded.set(key, earlier ? { ...earlier, ...addSums(earlier, row) } : row);
      }
    }
  return [...folded].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

function endOf(from: number, until: number): number {
  return Math.min(until, from - (from % pieceMs) + pieceMs);
}

/** From the ledger itself: all that a session has stands together there. */
async function* listBySession(reader: Reader, query: UsageQuery): AsyncIterable<UsageRow[]> {
  const [newest] = await reader.all<{ row: number | null }>("SELECT MAX(row) AS row FROM session");
  for (let after = 0; after < (newest?.row ?? 0); after += sessionsAtOnce) {
    const values: Value[] = [after, after + sessionsAtOnce];
    const grouped = query.groups.map(
      (group) => `${bookedColumn(group)} AS ${group === "key" ? "key_id" : columnFor(group)}`,
    );
    const by = query.groups.map((_, at) => at + 1).join(", ");
    const rows = await reader.all<SumRow>(
      `SELECT ${grouped.join(", ")}, MAX(s.id) AS session_id, ${sumsOf((name) => entryColumns[name]!).join(", ")}
       FROM session s CROSS JOIN turn t CROSS JOIN ledger e
       WHERE s.row > $1 AND s.row <= $2 AND t.session = s.row AND e.turn = t.row AND ${whereBooked(query, query.days, values, reader)}
       GROUP BY ${by}`,
      values,
    );
    if (rows.length > 0) yield mergeRows(query, rows);
  }
}

function columnFor(group: UsageGroup): string {
  return group === "user" ? "user_name" : group;
}
function bookedColumn(group: UsageGroup): string {
  if (group === "day") return `-1 - e.at / ${quarterMs}`;
  return entryColumns[group === "key" ? "key_id" : columnFor(group)]!;
}

function whereBooked(
  { project, user, sessions }: UsageScope,
  spans: readonly Span[],
  values: Value[],
  { dialect }: Reader,
): string {
  const bind = (value: Value) => placeholders(values.push(value), 1);
  const where = [`e.at >= ${bind(spans[0]!.since)}`, `e.at < ${bind(spans.at(-1)!.until)}`];
  if (project !== null) where.push(`s.project = ${bind(project)}`);
  if (user !== null) where.push(`t.user_name = ${bind(user)}`);
  if (sessions) where.push(`s.id ${dialect.inList(bind(JSON.stringify(sessions)))}`);
  return where.join(" AND ");
}

/** One row a turn, in the order of their rows: from the first that can have a call in this time to the newest there is now. */
export async function* listTurnUsage(reader: Reader, scope: UsageScope, span: Span): AsyncIterable<TurnUsage[]> {
  await requireAddedUp(reader);
  const [ends] = await reader.all<{ newest: number | null; mark: number; open: number | null }>(
    "SELECT (SELECT MAX(row) FROM turn) AS newest, rolled_to AS mark, (SELECT MIN(turn) FROM usage_open) AS open FROM usage_mark WHERE id = 1",
  );
  const { newest, mark, open } = ends!;
  const first = Math.min(mark + 1, open ?? mark + 1, (await findFirst(reader, scope, span)) ?? mark + 1);
  for (let after = first - 1; after < (newest ?? 0); after += turnsAtOnce) {
    const values: Value[] = [after, Math.min(after + turnsAtOnce, newest!)];
    const rows = await reader.all<TurnRow>(
      `SELECT t.id AS turn, MIN(e.at) AS at, MAX(s.project) AS project, MAX(s.id) AS session, t.user_name, t.key_id, MAX(e.vendor) AS vendor,
         COALESCE(t.model_served, t.model_requested) AS model, ${sumsOf((name) => entryColumns[name]!).join(", ")}
       FROM turn t CROSS JOIN session s CROSS JOIN ledger e
       WHERE t.row > $1 AND t.row <= $2 AND s.row = t.session AND e.turn = t.row AND ${whereBooked(scope, [span], values, reader)}
       GROUP BY t.row ORDER BY t.row`,
      values,
    );
    if (rows.length > 0) yield rows.map(turnFrom);
  }
}

interface TurnRow extends SumRow, Pick<TurnUsage, "turn" | "at" | "project" | "session" | "vendor" | "model"> {
  user_name: string | null;
  key_id: string | null;
}

function turnFrom(row: TurnRow): TurnUsage {
  const { turn, at, project, session, user_name: user, key_id: key, vendor, model } = row;
  return { turn, at, project, session, user, key, vendor, model, ...sumIn(row) };
}

/** The first turn with a call in this time: of what is added up, a day at a time. */
async function findFirst(reader: Reader, { project }: UsageScope, { since, until }: Span): Promise<number | undefined> {
  let first: number | undefined;
  const projects =
    project === null
      ? (await reader.all<{ id: string }>("SELECT id FROM usage_project")).map(({ id }) => id)
      : [project];
  for (const id of projects)
    for (let from = since; from < until; from = endOf(from, until)) {
      const [found] = await reader.all<{ turn: number | null }>(
        "SELECT MIN(turn) AS turn FROM usage_call WHERE project = $1 AND at >= $2 AND at < $3",
        [id, from, endOf(from, until)],
      );
      if (found!.turn !== null) first = Math.min(first ?? found!.turn, found!.turn);
    }
  return first;
}
