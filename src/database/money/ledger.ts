// The ledger: entries are added, never changed, and a session's totals move only together with them.

import type { Session } from "../../conversation/session.ts";
import type { ErrorCode } from "../../errors.ts";
import { type Booked, type LedgerEntry, type ReceiptLine, worseAccuracy } from "../../money/ledger.ts";
import { addUsage, noUsage } from "../../money/usage.ts";
import type { BookTotals } from "../../store.ts";
import {
  accuracyAt,
  countedFrom,
  picoFrom,
  placeholders,
  printCounted,
  rankOf,
  type UsageRow,
  usageColumns,
  usageFrom,
  usageValues,
} from "../columns.ts";
import { perDialect, type Reader, type Tx, type Value } from "../tx.ts";

const entryColumns = `turn, number, purpose, at, vendor, model_requested, model_served, ${usageColumns}, total_pico, accuracy_rank,
  balanced, error_code, lines, usage_raw, counted, outcome, price`;
const entryValues = placeholders(1, 21);
const insertUnpriced = `INSERT INTO ledger (${entryColumns}) VALUES (${entryValues}, NULL)`;
/** OR FAIL: what fails fails all the same, but of one row SQLite need not be able to undo the part before: else it copies each page first. */
const insertPriced = perDialect(({ name }) => {
  const [insert, values] = name === "sqlite" ? ["INSERT OR FAIL", entryValues] : ["INSERT", entryTypes];
  return `${insert} INTO ledger (${entryColumns}) SELECT ${values}, row FROM price WHERE key = $22`;
});
/** Postgres does not see from a SELECT what its values are to be. */
const entryTypes = [
  ...["BIGINT", "BIGINT", "TEXT", "BIGINT", "TEXT", "TEXT", "TEXT"],
  ...Array.from({ length: 9 }, () => "BIGINT"),
  ...["TEXT", "TEXT", "TEXT", "TEXT", "TEXT"],
]
  .map((type, index) => `CAST($${index + 1} AS ${type})`)
  .join(", ");

/** Books a turn's calls, and keeps the price rows they were made with. */
export async function insertEntries(tx: Tx, turnRow: number, entries: readonly LedgerEntry[]): Promise<void> {
  const insert = insertPriced(tx.dialect);
  for (const entry of entries) {
    const { price } = entry;
    const values: Value[] = [
      ...[turnRow, entry.attempt, entry.purpose, entry.at, entry.vendor, entry.modelRequested, entry.modelServed],
      ...usageValues(entry.usage),
      ...[entry.total, rankOf(entry.accuracy), entry.balanced ? 1 : 0, entry.errorCode, packLines(entry.lines)],
      ...[entry.usageRaw, printCounted(entry.counted), entry.outcome],
    ];
    if (price) values.push(price.key);
    if ((await tx.run(price ? insert : insertUnpriced, values)) > 0 || !price) continue;
    // The first entry with this price row.
    const content = JSON.stringify(price);
    await tx.run("INSERT INTO price (key, content) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING", [price.key, content]);
    await tx.run(insert, values);
  }
}

type PackedLine = [item: string, quantity: number, unit: ReceiptLine["unit"], unitPrice: string, amount: string];

function packLines(lines: readonly ReceiptLine[]): string {
  return JSON.stringify(
    lines.map((line) => [line.item, line.quantity, line.unit, `${line.unitPrice}`, `${line.amount}`]),
  );
}

function unpackLines(text: string): ReceiptLine[] {
  const packed: PackedLine[] = JSON.parse(text);
  return packed.map(([item, quantity, unit, unitPrice, amount]) => ({
    ...{ item, quantity, unit },
    unitPrice: BigInt(unitPrice),
    amount: BigInt(amount),
  }));
}

/** Adds a cost to the session's totals; the caller has written the entries that sum to it in this transaction. */
export const addToTotals = `input_tokens = input_tokens + $2, cached_tokens = cached_tokens + $3, output_tokens = output_tokens + $4,
  thinking_tokens = thinking_tokens + $5, tool_tokens = tool_tokens + $6, total_tokens = total_tokens + $7, cost_pico = cost_pico + $8,
  accuracy_rank = CASE WHEN accuracy_rank < $9 THEN $9 ELSE accuracy_rank END, unpriced_turns = unpriced_turns + $10`;

/** For `$2` to `$10` of `addToTotals`. */
export function totalsValues({ usage, cost }: Pick<Booked, "usage" | "cost">): Value[] {
  return [...usageValues(usage ?? noUsage), cost.total ?? 0n, rankOf(cost.accuracy), cost.unpricedTurns];
}

/** What `addToTotals` makes of a session's totals. */
export function addTotals(
  { usage, cost }: Pick<Session, "usage" | "cost">,
  added: Booked,
): Pick<Session, "usage" | "cost"> {
  const total = (cost.total ?? 0n) + (added.cost.total ?? 0n);
  const unpricedTurns = cost.unpricedTurns + added.cost.unpricedTurns;
  const accuracy = worseAccuracy(cost.accuracy, added.cost.accuracy);
  return {
    usage: added.usage ? addUsage(usage, added.usage) : usage,
    cost: { total: total === 0n && unpricedTurns > 0 ? null : total, accuracy, unpricedTurns },
  };
}

interface EntryRow extends UsageRow {
  number: number;
  purpose: LedgerEntry["purpose"];
  outcome: LedgerEntry["outcome"];
  at: number;
  vendor: string;
  model_requested: string;
  model_served: string | null;
  usage_raw: string | null;
  counted: string | null;
  lines: string;
  total_pico: string | null;
  accuracy_rank: number;
  balanced: number;
  error_code: ErrorCode | null;
  price: string | null;
}

const selected = `e.number, e.purpose, e.outcome, e.at, e.vendor, e.model_requested, e.model_served, e.usage_raw, e.counted,
  ${usageColumns.replace(/\w+/g, "e.$&")}, e.lines, CAST(e.total_pico AS TEXT) AS total_pico, e.accuracy_rank, e.balanced, e.error_code, p.content AS price`;

/** The calls of some turns, by the turns' rows. */
export async function listEntriesOf(reader: Reader, turns: readonly number[]): Promise<Map<number, LedgerEntry[]>> {
  const found = new Map<number, LedgerEntry[]>();
  if (turns.length === 0) return found;
  const rows = await reader.all<EntryRow & { turn: number }>(
    `SELECT e.turn, ${selected} FROM ledger e LEFT JOIN price p ON p.row = e.price
     WHERE e.turn IN (${placeholders(1, turns.length)}) ORDER BY e.turn, e.number`,
    turns,
  );
  for (const row of rows) found.set(row.turn, [...(found.get(row.turn) ?? []), entryFrom(row)]);
  return found;
}

export async function listEntries(reader: Reader, owner: string, turnId: string): Promise<LedgerEntry[]> {
  const rows = await reader.all<EntryRow>(
    `SELECT ${selected}
     FROM turn t JOIN session s ON s.row = t.session AND s.project = $2 AND s.purged_at IS NULL JOIN ledger e ON e.turn = t.row LEFT JOIN price p ON p.row = e.price
     WHERE t.id = $1 ORDER BY e.number`,
    [turnId, owner],
  );
  return rows.map(entryFrom);
}

function entryFrom(row: EntryRow): LedgerEntry {
  return {
    purpose: row.purpose,
    outcome: row.outcome,
    attempt: row.number,
    at: row.at,
    vendor: row.vendor,
    modelRequested: row.model_requested,
    modelServed: row.model_served,
    price: row.price === null ? null : JSON.parse(row.price),
    usageRaw: row.usage_raw,
    counted: countedFrom(row.counted),
    usage: usageFrom(row),
    lines: unpackLines(row.lines),
    total: picoFrom(row.total_pico),
    accuracy: accuracyAt(row.accuracy_rank),
    balanced: row.balanced === 1,
    errorCode: row.error_code,
  };
}

/** Reads whole tables: for checks, not for every day. All sums are of one moment. */
export async function sumBooks(reader: Reader): Promise<BookTotals> {
  const imported = "COALESCE((SELECT SUM(cost_pico) FROM imported_turn), 0)"; // history, which nobody spent here
  const sum = (column: string, table: string, less = "0") =>
    `(SELECT CAST(COALESCE(SUM(${column}), 0) - ${less} AS TEXT) FROM ${table})`;
  const [row] = await reader.all<{
    entries: number;
    entries_total: string;
    sessions_total: string;
    turns_total: string;
    running: number;
  }>(
    `SELECT (SELECT COUNT(*) FROM ledger) AS entries, ${sum("total_pico", "ledger")} AS entries_total,
       ${sum("cost_pico", "session", imported)} AS sessions_total, ${sum("cost_pico", "turn WHERE settled = 1", imported)} AS turns_total,
       (SELECT COUNT(*) FROM turn WHERE settled = 0 AND status = 'running') AS running`,
  );
  return {
    entries: row!.entries,
    entriesTotal: BigInt(row!.entries_total),
    sessionsTotal: BigInt(row!.sessions_total),
    turnsTotal: BigInt(row!.turns_total),
    runningTurns: row!.running,
  };
}
