// What a check of the books reads: every call and every price row, a page at a time, and the sums that differ.

import type { BookedCall } from "../../money/verify/derive.ts";
import { type UsageRow, usageColumns } from "../columns.ts";
import type { Reader } from "../tx.ts";

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
const callsAfter = `SELECT ${columns} FROM ledger e LEFT JOIN turn t ON t.row = e.turn
  WHERE (e.turn, e.number) > ($1, $2) ORDER BY e.turn, e.number LIMIT $3`;

/** A row that the database cannot give, because a number in it is beyond all that is ever written there. */
export interface UnreadableCall {
  turnRow: number;
  number: number;
  why: string;
}

/** All calls in the order of their turns and numbers. */
export async function* readCalls(reader: Reader): AsyncGenerator<BookedCall | UnreadableCall, void, void> {
  const prices = new Map<number, BookedCall["price"]>();
  let after: [number, number] = [-1, -1];
  for (;;) {
    const rows = await readPage(reader, after);
    for (const row of rows) {
      if ("why" in row) yield row;
      else yield await callFrom(reader, row, prices);
    }
    const last = rows.at(-1);
    if (!last) return;
    after = "why" in last ? [last.turnRow, last.number] : [last.turn, last.number];
  }
}

/** A page, or where it cannot be read its first call alone. */
async function readPage(reader: Reader, after: [number, number]): Promise<(CallRow | UnreadableCall)[]> {
  try {
    return await reader.all<CallRow>(callsAfter, [...after, pageSize]);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
  }
  try {
    return await reader.all<CallRow>(callsAfter, [...after, 1]);
  } catch (cause) {
    const [next] = await reader.all<{ turn: number; number: number }>(
      "SELECT turn, number FROM ledger WHERE (turn, number) > ($1, $2) ORDER BY turn, number LIMIT 1",
      after,
    );
    return [{ turnRow: next!.turn, number: next!.number, why: cause instanceof Error ? cause.message : String(cause) }];
  }
}

async function callFrom(reader: Reader, row: CallRow, prices: Map<number, BookedCall["price"]>): Promise<BookedCall> {
  if (row.price !== null && !prices.has(row.price)) {
    if (prices.size >= mostPrices) prices.clear();
    prices.set(row.price, await findPrice(reader, row.price));
  }
  return {
    ...{ turnRow: row.turn, turn: row.id, number: row.number, purpose: row.purpose, at: row.at, vendor: row.vendor },
    ...{ modelRequested: row.model_requested, modelServed: row.model_served },
    price: row.price === null ? null : prices.get(row.price)!,
    usage: [
      ...[row.input_tokens, row.cached_tokens, row.output_tokens],
      ...[row.thinking_tokens, row.tool_tokens, row.total_tokens],
    ],
    ...{ total: row.total_pico, accuracy: row.accuracy_rank, balanced: row.balanced, outcome: row.outcome },
    ...{ errorCode: row.error_code, lines: row.lines, usageRaw: row.usage_raw, counted: row.counted },
  };
}

/** A row that is not there reads as one without content. */
async function findPrice(reader: Reader, row: number): Promise<NonNullable<BookedCall["price"]>> {
  const [price] = await reader.all<{ key: string; content: string }>("SELECT key, content FROM price WHERE row = $1", [
    row,
  ]);
  return price ?? { key: `number ${row}, which is not there`, content: "" };
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
