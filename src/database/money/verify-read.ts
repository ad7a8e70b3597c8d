// What a check of the books reads: every call and every price row, a page at a time, and the sums that differ.

import type { BookedCall } from "../../money/verify/derive.ts";
import { type UsageRow, usageColumns } from "../columns.ts";
import type { Reader, Value } from "../tx.ts";

interface CallRow extends UsageRow {
  turn: number;
  number: number;
  id: string | null;
  purpose: string;
  at: number;
  vendor: string;
  model_requested: string;
  model_served: string | null;
  price: number | null;
  total_pico: string | null;
  accuracy_rank: number;
  balanced: number;
  outcome: string | null;
  error_code: string | null;
  lines: string;
  usage_raw: string | null;
  counted: string | null;
}

const pageSize = 1_000;
const mostPrices = 1_000;
const columns = `e.turn, e.number, t.id, e.purpose, e.at, e.vendor, e.model_requested, e.model_served, e.price,
  ${usageColumns.replace(/\w+/g, "e.$&")}, CAST(e.total_pico AS TEXT) AS total_pico, e.accuracy_rank, e.balanced, e.outcome,
  e.error_code, e.lines, e.usage_raw, e.counted`;

/** Price rows as calls name them, read once: a million calls have a handful. */
export class PriceRows {
  private readonly rows = new Map<number, NonNullable<BookedCall["price"]>>();
  private readonly reader: Pick<Reader, "all">;

  constructor(reader: Pick<Reader, "all">) {
    this.reader = reader;
  }

  /** One that is not there reads as one without content. */
  async get(row: number): Promise<NonNullable<BookedCall["price"]>> {
    const known = this.rows.get(row);
    if (known) return known;
    const [found] = await this.reader.all<{ key: string; content: string }>(
      "SELECT key, content FROM price WHERE row = $1",
      [row],
    );
    const price = found ?? { key: `number ${row}, which is not there`, content: "" };
    if (this.rows.size >= mostPrices) this.rows.clear();
    this.rows.set(row, price);
    return price;
  }
}

/** Calls of the ledger `e`; `tail` says which, and in which order. Throws RangeError where a number is beyond all that is ever written. */
async function selectCalls(
  reader: Pick<Reader, "all">,
  prices: PriceRows,
  tail: string,
  params: readonly Value[],
): Promise<BookedCall[]> {
  const rows = await reader.all<CallRow>(
    `SELECT ${columns} FROM ledger e LEFT JOIN turn t ON t.row = e.turn ${tail}`,
    params,
  );
  const calls: BookedCall[] = [];
  for (const row of rows) calls.push(callFrom(row, row.price === null ? null : await prices.get(row.price)));
  return calls;
}

function callFrom(row: CallRow, price: BookedCall["price"]): BookedCall {
  const { input_tokens, cached_tokens, output_tokens, thinking_tokens, tool_tokens, total_tokens } = row;
  return {
    turnRow: row.turn,
    turn: row.id,
    number: row.number,
    purpose: row.purpose,
    at: row.at,
    vendor: row.vendor,
    modelRequested: row.model_requested,
    modelServed: row.model_served,
    price,
    usage: [input_tokens, cached_tokens, output_tokens, thinking_tokens, tool_tokens, total_tokens],
    total: row.total_pico,
    accuracy: row.accuracy_rank,
    balanced: row.balanced,
    outcome: row.outcome,
    errorCode: row.error_code,
    lines: row.lines,
    usageRaw: row.usage_raw,
    counted: row.counted,
  };
}

/** A row that the database cannot give, because a number in it is beyond all that is ever written there. */
export interface UnreadableCall {
  turnRow: number;
  number: number;
  why: string;
}

/** Calls of turns from a row up to another, in the order of their turns and numbers, in pages. */
export async function* readCalls(
  reader: Reader,
  prices: PriceRows,
  from: number,
  to: number,
): AsyncGenerator<(BookedCall | UnreadableCall)[], void, void> {
  let after: [number, number] = [from, -1];
  for (;;) {
    const calls = await readPage(reader, prices, after, to);
    const last = calls.at(-1);
    if (!last) return;
    yield calls;
    after = [last.turnRow, last.number];
  }
}

const tail = "WHERE (e.turn, e.number) > ($1, $2) AND e.turn <= $3 ORDER BY e.turn, e.number LIMIT $4";

/** A page, or where it cannot be read its first call alone. */
async function readPage(reader: Reader, prices: PriceRows, after: [number, number], to: number) {
  const read = (limit: number) => selectCalls(reader, prices, tail, [...after, to, limit]);
  try {
    return await read(pageSize);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
  }
  try {
    return await read(1);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const key = `SELECT e.turn AS "turnRow", e.number FROM ledger e ${tail}`;
    const [next] = await reader.all<{ turnRow: number; number: number }>(key, [...after, to, 1]);
    return [{ ...next!, why }];
  }
}

/** All price rows, in the order in which they were first used. */
export async function* readPriceRows(reader: Reader): AsyncGenerator<{ key: string; content: string }, void, void> {
  for (let after = 0; ; ) {
    const rows = await reader.all<{ row: number; key: string; content: string }>(
      "SELECT row, key, content FROM price WHERE row > $1 ORDER BY row LIMIT 100",
      [after],
    );
    yield* rows;
    if (rows.length === 0) return;
    after = rows.at(-1)!.row;
  }
}

export async function countCalls(reader: Reader): Promise<number> {
  const [row] = await reader.all<{ calls: number }>("SELECT COUNT(*) AS calls FROM ledger");
  return row!.calls;
}
