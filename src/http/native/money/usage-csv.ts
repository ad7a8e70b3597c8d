// Usage as CSV (RFC 4180): a header line, then a line for each row, written as the reader takes it.

import type { TurnUsage, UsageGroup, UsageRow, UsageSum } from "../../../money/usage-store.ts";
import { type HttpAnswer, inPieces } from "../../answer.ts";
import type { Exchange } from "../../exchange.ts";
import { printTime } from "../../wire.ts";
import { encodeRow, encodeSum, wireName } from "./usage-wire.ts";

type Cell = string | number | null;
const sumNames = [
  ...[
    "turns",
    "calls",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "thinking_tokens",
    "tool_tokens",
    "total_tokens",
  ],
  ...["cost", "accuracy", "unpriced_turns"],
] as const;
export const exampleCsv =
  printLine(["day", ...sumNames]) + printLine(["2026-11-27", 3, 3, 12, 0, 40, 120, 0, 172, "0.0004036", "exact", 0]);
const turnNames = ["turn_id", "at", "project", "session_id", "user", "key_id", "vendor", "model"];

/** The line of what stands in a row: what a spreadsheet would take for a formula begins with an apostrophe (owasp.org, CSV Injection, from memory). */
export function printLine(cells: readonly Cell[]): string {
  return `${cells.map(printCell).join(",")}\r\n`;
}

function printCell(cell: Cell): string {
  if (cell === null) return "";
  if (typeof cell === "number") return `${cell}`;
  const text = /^[=+\-@\t\r\n＝＋－＠]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function sumCells(sum: UsageSum): Cell[] {
  const encoded = encodeSum(sum);
  return sumNames.map((name) => encoded[name]);
}

export function answerCsv(
  exchange: Exchange,
  groups: readonly UsageGroup[],
  parts: AsyncIterable<UsageRow[]>,
): Promise<HttpAnswer> {
  const names = groups.map(wireName);
  const print = (row: UsageRow) => {
    const encoded = encodeRow(groups, row) as Record<string, Cell>;
    return printLine([...names.map((name) => encoded[name] ?? null), ...sumCells(row)]);
  };
  return stream(exchange, [...names, ...sumNames], parts, print);
}

export function answerTurnsCsv(exchange: Exchange, parts: AsyncIterable<TurnUsage[]>): Promise<HttpAnswer> {
  const print = (row: TurnUsage) => {
    const { turn, at, project, session, user, key, vendor, model } = row;
    return printLine([turn, printTime(at), project, session, user, key, vendor, model, ...sumCells(row)]);
  };
  return stream(exchange, [...turnNames, ...sumNames], parts, print);
}

const headers = {
  "content-type": "text/csv; charset=utf-8; header=present",
  "content-disposition": 'attachment; filename="usage.csv"',
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};
const leastCharacters = 16 * 1024;

/** What fails before the first row is a problem; what fails later cuts the line, and nobody takes the part for the whole. */
async function stream<Row>(
  exchange: Exchange,
  names: readonly string[],
  parts: AsyncIterable<Row[]>,
  print: (row: Row) => string,
): Promise<HttpAnswer> {
  const texts = printParts(printLine(names), parts, print);
  const first = await texts.next();
  return { status: 200, headers, body: inPieces(exchange, texts, first.value ?? "") };
}

/** Each text is worth a packet. */
async function* printParts<Row>(
  head: string,
  parts: AsyncIterable<Row[]>,
  print: (row: Row) => string,
): AsyncGenerator<string, void, void> {
  let text = head;
  for await (const rows of parts) {
    for (const row of rows) text += print(row);
    if (text.length < leastCharacters) continue;
    yield text;
    text = "";
  }
  yield text;
}
