// Usage as it is asked for: sums that are kept, what stands between them call by call, and what is not added up yet, in one statement,
// so that all of it is of one instant.

import { AppError } from "../../errors.ts";
import {
  mostUsageRows,
  type UsageGroup,
  type UsageQuery,
  type UsageRow,
  type UsageSum,
  usageGroups,
} from "../../money/usage-store.ts";
import { addSums, costOf } from "../../money/usage-sum.ts";
import { accuracyAt, placeholders } from "../columns.ts";
import type { Dialect, Reader, Value } from "../tx.ts";
import { cutSpans, type Piece } from "./usage-pieces.ts";
import { type Cut, cuts, entryColumns, quarterMs, sumColumns, sumsOf } from "./usage-roll.ts";

/** Sums and calls that one answer may be made of: a year of hours of five models is 43,800. SQLite does nothing else meanwhile, some 80 ms (an estimate). */
const mostAdded = 60_000;
/** Turns that are not added up yet, from which on this is an upgrade's doing. */
const farBehind = 50_000;

/** The columns of usage_call, and of an entry, by which it is grouped. */
const columnOf = {
  project: "project",
  user: "user_name",
  key: "key_id",
  session: "session",
  vendor: "vendor",
  model: "model",
  purpose: "purpose",
};

export async function sumUsage(reader: Reader, query: UsageQuery): Promise<UsageRow[]> {
  await requireAddedUp(reader);
  const { rows, added } = await readSums(reader, query, mostAdded);
  if (added > mostAdded) throw tooMuch("too much to add up at once");
  if (rows.length > mostUsageRows) throw tooMuch(`more than ${mostUsageRows} rows`);
  return rows;
}

/** What is not added up yet is read turn by turn, whatever it is: after an upgrade that can be all there is. */
export async function requireAddedUp(reader: Reader): Promise<void> {
  const [state] = await reader.all<{ behind: number }>(
    "SELECT COALESCE((SELECT MAX(row) FROM turn), 0) - rolled_to AS behind FROM usage_mark WHERE id = 1",
  );
  if (state!.behind < farBehind) return;
  const detail = "The books are still being added up, as after an upgrade; usage can be asked for when that is done.";
  throw new AppError("storage_unavailable", detail, { retryAfterSeconds: 30 });
}

/** `added`: how many sums and calls the rows were made of; where they are more than `most`, the rows are not whole. */
export async function readSums(
  reader: Reader,
  query: UsageQuery,
  most: number | undefined,
): Promise<{ rows: UsageRow[]; added: number }> {
  if (query.days.length === 0) return { rows: [], added: 0 };
  const rows = await reader.all<SumRow>(...new UsageStatement(reader.dialect, query).sum(most), "plan anew");
  return { rows: mergeRows(query, rows), added: rows.reduce((sum, { added }) => sum + (added as number), 0) };
}

function tooMuch(what: string): AppError {
  const advice = "ask for a shorter time, fewer groups, days of UTC, or format=csv";
  return new AppError("invalid_request", `This is ${what}: ${advice}.`, {
    errors: [{ pointer: "?group_by", detail: `is ${what} for one answer: ${advice}` }],
  });
}

export type SumRow = Record<string, number | string | null>;

/** One question's SQL, with its values. */
class UsageStatement {
  private readonly dialect: Dialect;
  private readonly query: UsageQuery;
  private readonly cut: Cut | undefined;
  private readonly pieces: Piece[];
  private readonly values: Value[] = [];

  constructor(dialect: Dialect, query: UsageQuery) {
    this.dialect = dialect;
    this.query = query;
    this.cut = chooseCut(query);
    this.pieces = cutSpans(query.days, this.cut ? cuts[this.cut] : [], query.user !== null);
  }

  sum(most: number | undefined): [string, Value[]] {
    const { groups } = this.query;
    const grouped = groups.map((group) => (group === "day" ? "day" : columnOf[group]));
    const columns = [...grouped, "calls", ...sumColumns];
    const of = (value: (name: string) => string) => columns.map((name) => `${value(name)} AS ${name}`);
    const name = this.cut && this.cut !== "project" ? columnOf[this.cut] : undefined;
    const kept = of((column) => (column === "day" ? "p.day" : column === name ? "NULLIF(u.name, '')" : `u.${column}`));
    const called = of((name) => (name === "day" ? "p.day" : name === "calls" ? "1" : `u.${name}`));
    // A negative day is a quarter of an hour: it is for the program to say of which day.
    const booked = of((name) =>
      name === "day" ? `-1 - e.at / ${quarterMs}` : name === "calls" ? "1" : entryColumns[name]!,
    );
    const parts = this.parts(kept, called, booked).join(" UNION ALL ");
    const limit = most === undefined ? "" : `LIMIT ${most + 1}`;
    const sums = [`CAST(SUM(calls) AS BIGINT) AS calls`, ...sumsOf((name) => name).slice(1)];
    const by = grouped.length === 0 ? "HAVING COUNT(*) > 0" : `GROUP BY ${grouped.join(", ")}`;
    const summed = `SELECT ${[...grouped, ...sums].join(", ")}, COUNT(*) AS added FROM (${parts} ${limit}) found ${by}`;
    if (!groups.includes("session")) return [summed, this.values];
    return [`SELECT g.*, s.id AS session_id FROM (${summed}) g JOIN session s ON s.row = g.session`, this.values];
  }

  private parts(kept: string[], called: string[], booked: string[]): string[] {
    if (this.query.sessions) return [this.ofSessions(booked, this.query.sessions)];
    const parts = this.rest(booked);
    const coarse = this.pieces.filter(([, step]) => step !== 0);
    const fine = this.pieces.filter(([, step]) => step === 0);
    if (coarse.length > 0) parts.push(this.keptSums(kept, coarse));
    if (fine.length > 0) parts.push(this.calls(called, fine));
    return parts;
  }

  private keptSums(columns: string[], pieces: Piece[]): string {
    const { user } = this.query;
    const at = user === null ? "u.at >= p.since AND u.at < p.until" : `u.at = p.since AND u.name = ${this.bind(user)}`;
    return `SELECT ${columns.join(", ")} FROM ${this.projects()} CROSS JOIN ${this.piecesTable(pieces)} CROSS JOIN usage_sum u
      WHERE u.cut = '${this.cut}' AND u.step = p.step AND u.project = q.id AND ${at}`;
  }

  private calls(columns: string[], pieces: Piece[]): string {
    const { user } = this.query;
    const ofUser = user === null ? "" : `AND u.user_name = ${this.bind(user)}`;
    // SQLite takes the primary key otherwise, and reads everybody's.
    const hint = user !== null && this.dialect.name === "sqlite" ? "INDEXED BY usage_call_user" : "";
    return `SELECT ${columns.join(", ")} FROM ${this.projects()} CROSS JOIN ${this.piecesTable(pieces)} CROSS JOIN usage_call u ${hint}
      WHERE u.project = q.id AND u.at >= p.since AND u.at < p.until ${ofUser}`;
  }

  /** What is behind the mark, or before it and not added up. */
  private rest(columns: string[]): string[] {
    const where = this.whereBooked();
    const joined = "CROSS JOIN turn t CROSS JOIN session s WHERE t.row = e.turn AND s.row = t.session";
    const select = (from: string, more: string) =>
      `SELECT ${columns.join(", ")} FROM ${from} ${joined} AND ${more} AND ${where}`;
    return [
      select("ledger e", "e.turn > (SELECT rolled_to FROM usage_mark WHERE id = 1)"),
      select("usage_open o CROSS JOIN ledger e", "e.turn = o.turn AND e.number >= o.number"),
    ];
  }

  /** Some sessions have few turns: the ledger itself is asked. */
  private ofSessions(columns: string[], sessions: readonly string[]): string {
    const list = this.dialect.inList(this.bind(JSON.stringify(sessions)));
    return `SELECT ${columns.join(", ")} FROM session s CROSS JOIN turn t CROSS JOIN ledger e
      WHERE s.id ${list} AND t.session = s.row AND e.turn = t.row AND ${this.whereBooked()}`;
  }

  private whereBooked(): string {
    const { project, user, days } = this.query;
    const where = [`e.at >= ${this.bind(days[0]!.since)}`, `e.at < ${this.bind(days.at(-1)!.until)}`];
    if (project !== null) where.push(`s.project = ${this.bind(project)}`);
    if (user !== null) where.push(`t.user_name = ${this.bind(user)}`);
    return where.join(" AND ");
  }

  private projects(): string {
    const { project } = this.query;
    return project === null ? "usage_project q" : `(SELECT CAST(${this.bind(project)} AS TEXT) AS id) q`;
  }

  private piecesTable(pieces: Piece[]): string {
    return `${this.dialect.rowsOf(this.bind(JSON.stringify(pieces)), ["day", "step", "since", "until"])} p`;
  }

  private bind(value: Value): string {
    this.values.push(value);
    return placeholders(this.values.length, 1);
  }
}

/** Which sums serve: those by name where one name is enough, none where more are asked for. */
function chooseCut({ groups, user }: UsageQuery): Cut | undefined {
  const names = new Set<string>(groups.filter((group) => group === "user" || group === "key" || group === "session"));
  if (user !== null) names.add("user");
  if (names.has("session") || names.size > 1) return undefined;
  return ([...names][0] as Cut | undefined) ?? "project";
}

/** Rows of the same groups become one; the days get their names. */
export function mergeRows({ groups, days }: UsageQuery, rows: readonly SumRow[]): UsageRow[] {
  const inOrder = usageGroups.filter((group) => groups.includes(group));
  const found = new Map<string, UsageRow>();
  for (const row of rows) {
    let key = "";
    const merged: Partial<Record<UsageGroup, string | null>> = {};
    for (const group of inOrder) {
      const name = nameIn(group, row, days);
      merged[group] = name;
      key += name === null ? "\0-" : `\0+${name}`;
    }
    const earlier = found.get(key);
    found.set(key, Object.assign(merged, earlier ? addSums(earlier, sumIn(row)) : sumIn(row)) as UsageRow);
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

function nameIn(group: UsageGroup, row: SumRow, days: UsageQuery["days"]): string | null {
  if (group === "session") return row.session_id as string;
  if (group !== "day") return row[columnOf[group]] as string | null;
  const day = row.day as number;
  return (day >= 0 ? days[day] : dayAt(days, (-1 - day) * quarterMs))!.name;
}

/** No day begins within a quarter of an hour but the first of what was asked for. */
function dayAt(days: UsageQuery["days"], at: number) {
  let [low, high] = [0, days.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (days[middle]!.since <= at) low = middle;
    else high = middle - 1;
  }
  return days[low];
}

export function sumIn(row: SumRow): UsageSum {
  const count = (name: string) => row[name] as number;
  const total = BigInt(count("cost_million")) * 1_000_000n + BigInt(count("cost_rest"));
  return {
    turns: count("turns"),
    calls: count("calls"),
    usage: {
      inputTokens: count("input_tokens"),
      cachedTokens: count("cached_tokens"),
      outputTokens: count("output_tokens"),
      thinkingTokens: count("thinking_tokens"),
      toolTokens: count("tool_tokens"),
      totalTokens: count("total_tokens"),
    },
    cost: costOf(total, accuracyAt(count("accuracy_rank")), count("unpriced_turns")),
  };
}
