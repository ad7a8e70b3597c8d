// The event log of turns: runs of events as compact rows, and the log read back. A log that came all at once is only the lengths of its pieces.

import { AppError } from "../errors.ts";
import type { Accuracy } from "../money/ledger.ts";
import type { Usage } from "../money/usage.ts";
import type { EventBatch, LoggedEvent } from "../turn/event.ts";
import { printCounted } from "./columns.ts";
import { perDialect, type Reader, type Tx, type Value } from "./tx.ts";

type PackedUsage = ["u", Usage, string | null, Accuracy, number];
/** One event as it is stored: a letter for the type, then its data. */
type PackedEvent = ["x", string] | ["h", string] | PackedUsage;
type UsageEvent = Extract<LoggedEvent, { type: "usage" }>;

function packUsage({ usage, cost }: UsageEvent): PackedUsage {
  return ["u", usage, cost.total === null ? null : cost.total.toString(), cost.accuracy, cost.unpricedTurns];
}

function unpackUsage([, usage, total, accuracy, unpricedTurns]: PackedUsage): UsageEvent {
  return { type: "usage", usage, cost: { total: total === null ? null : BigInt(total), accuracy, unpricedTurns } };
}

function packEvents(events: readonly LoggedEvent[]): string {
  return JSON.stringify(
    events.map((event): PackedEvent => {
      if (typeof event === "string") return ["x", event];
      return event.type === "usage" ? packUsage(event) : ["h", event.text];
    }),
  );
}

export function unpackEvents(text: string): LoggedEvent[] {
  const packed: PackedEvent[] = JSON.parse(text);
  return packed.map((event): LoggedEvent => {
    if (event[0] === "x") return event[1];
    if (event[0] === "h") return { type: "thought-delta", text: event[1] };
    return unpackUsage(event);
  });
}

/** A piece of the answer by its length, a piece of the thoughts by its length below zero, or a usage event. */
type Piece = number | PackedUsage;

/** A whole log beside its texts: where they are cut. */
export function packPieces(events: readonly LoggedEvent[]): string {
  return JSON.stringify(
    events.map((event): Piece => {
      if (typeof event === "string") return event.length;
      return event.type === "usage" ? packUsage(event) : -event.text.length;
    }),
  );
}

/**
 * The events behind the first `skipped` ones, until they bring `mostCharacters`: then there are more. A piece is a copy where the text is long: as a
 * part of it, it would keep the whole in memory for as long as its reader takes.
 */
export function unpackPieces(
  pieces: string,
  texts: { answer: string; thought: string },
  skipped: number,
  mostCharacters: number,
): { events: LoggedEvent[]; hasMore: boolean } {
  const at = { answer: 0, thought: 0 };
  const isLong = texts.answer.length + texts.thought.length > mostCharacters;
  const cut = (from: keyof typeof at, start: number) => {
    const text = texts[from].slice(start, at[from]);
    return isLong ? Buffer.from(text).toString() : text;
  };
  const events: LoggedEvent[] = [];
  let characters = 0;
  for (const [index, piece] of (JSON.parse(pieces) as Piece[]).entries()) {
    if (characters >= mostCharacters) return { events, hasMore: true };
    const from = typeof piece === "number" && piece < 0 ? "thought" : "answer";
    const start = at[from];
    if (typeof piece === "number") at[from] += Math.abs(piece);
    if (index < skipped) continue;
    characters += at[from] - start;
    if (typeof piece !== "number") events.push(unpackUsage(piece));
    else events.push(from === "answer" ? cut(from, start) : { type: "thought-delta", text: cut(from, start) });
  }
  return { events, hasMore: false };
}

const columns = "turn_id, first_number, count, events, usage_raw, counted, model_served";
/** A batch brought again, perhaps longer, because its first writing was not confirmed, replaces what it repeats. */
const replaceShorter = `ON CONFLICT (turn_id, first_number) DO UPDATE
  SET count = excluded.count, events = excluded.events, usage_raw = excluded.usage_raw, counted = excluded.counted, model_served = excluded.model_served
  WHERE turn_event.count <= excluded.count`;
const insertAny = `INSERT INTO turn_event (${columns}) VALUES ($1, $2, $3, $4, $5, $6, $7) ${replaceShorter}`;
/** The turn's row is held, so that a process which is taking the turn over does it before or after, not meanwhile. */
const insertOpen = perDialect(
  ({ lockRows }) =>
    `INSERT INTO turn_event (${columns}) SELECT id, CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS TEXT), CAST($7 AS TEXT)
   FROM turn WHERE id = $1 AND process_id = $8 AND status = 'running' ${lockRows} ${replaceShorter}`,
);

function valuesOf({ turnId, firstNumber, events, usageRaw, counted, modelServed }: EventBatch): Value[] {
  return [turnId, firstNumber, events.length, packEvents(events), usageRaw, printCounted(counted ?? null), modelServed];
}

export function insertBatch(tx: Tx, batch: EventBatch): Promise<number> {
  return tx.run(insertAny, valuesOf(batch));
}

/** Throws conflict when the turn is over or another process's: its log must not grow any more. */
export async function appendEvents(
  tx: Tx,
  { batch, processId }: { batch: EventBatch; processId: number },
): Promise<void> {
  if ((await tx.run(insertOpen(tx.dialect), [...valuesOf(batch), processId])) > 0) return;
  const [open] = await tx.all("SELECT 1 FROM turn WHERE id = $1 AND process_id = $2 AND status = 'running'", [
    batch.turnId,
    processId,
  ]);
  if (!open) throw new AppError("conflict", "The turn is over, or another process has taken it over.");
}

export interface StoredLog {
  events: LoggedEvent[];
  /** Whether there are more events, after the last of these. */
  hasMore: boolean;
}

interface EventRow {
  first_number: number;
  events: string;
}

/** Of which batches a reading consists. A row begins at or before any number in it: the row that holds `after + 1` is the last one that begins there or before. */
const fromNumber = `FROM turn_event WHERE turn_id = $1 AND first_number >=
  COALESCE((SELECT MAX(first_number) FROM turn_event WHERE turn_id = $1 AND first_number <= $2), 0) ORDER BY first_number LIMIT $3`;

/** Events after number `after`, of at most `limit` batches and about `mostBytes`, at least of one. */
export async function readLog(
  reader: Reader,
  turnId: string,
  after: number,
  limit: number,
  mostBytes: number,
): Promise<StoredLog> {
  const count = await countFitting(reader, turnId, after, limit, mostBytes);
  const rows = await reader.all<EventRow>(`SELECT first_number, events ${fromNumber}`, [turnId, after + 1, count]);
  const log: StoredLog = { events: [], hasMore: rows.length === count };
  for (const { first_number, events } of rows)
    log.events = log.events.concat(unpackEvents(events).slice(Math.max(0, after + 1 - first_number)));
  return log;
}

/** Lengths are known without reading the texts. */
async function countFitting(
  reader: Reader,
  turnId: string,
  after: number,
  limit: number,
  mostBytes: number,
): Promise<number> {
  const rows = await reader.all<{ bytes: number }>(`SELECT OCTET_LENGTH(events) AS bytes ${fromNumber}`, [
    turnId,
    after + 1,
    limit,
  ]);
  let total = 0;
  const beyond = rows.findIndex(({ bytes }, index) => {
    total += Number(bytes);
    return total > mostBytes && index > 0;
  });
  return beyond === -1 ? limit : beyond;
}
