// UUIDv7 (RFC 9562): sortable by time, and strictly growing within one process.

import { randomFillSync, randomInt } from "node:crypto";

const bytesPerId = 8;
const pool = Buffer.alloc(bytesPerId * 512);
/** The pool, printed: one call of a native for 512 ids. */
let random = "";
let used = 0;
let lastMs = 0;
let sequence = 0;
/** The beginning that all ids of a millisecond have. */
let prefix = "";

function fillPool(): void {
  randomFillSync(pool);
  for (let at = 0; at < pool.length; at += bytesPerId) {
    pool[at] = (pool[at]! & 0x3f) | 0x80; // the RFC's variant
    pool[at + bytesPerId - 1]! &= 0xfc; // no mark
  }
  random = pool.toString("hex");
  used = 0;
}

function setTime(ms: number): void {
  lastMs = ms;
  const time = ms.toString(16).padStart(12, "0");
  prefix = `${time.slice(0, 8)}-${time.slice(8)}-`;
}

/**
 * A new UUIDv7 string, whose last two bits are 0. Ids made by one process compare in the order they were made, also within a millisecond.
 */
export function newId(nowMs: number = Date.now()): string {
  if (used === random.length) fillPool();
  if (nowMs > lastMs) {
    setTime(nowMs);
    sequence = randomInt(0x800); // starts in the lower half, so that 2048 more fit before a carry
  } else if (++sequence > 0xfff) {
    setTime(lastMs + 1); // more than the sequence holds, or a clock that went back: borrow from the future
    sequence = 0;
  }
  const version = (0x7000 | sequence).toString(16);
  const start = used;
  used += 2 * bytesPerId;
  return `${prefix}${version}-${random.slice(start, start + 4)}-${random.slice(start + 4, used)}`;
}

/** A turn's question and answer have its id with 1 and 2 as the last two bits, so that neither has to be stored. */
export function questionIdOf(turnId: string): string {
  return withMark(turnId, 1);
}

export function answerIdOf(turnId: string): string {
  return withMark(turnId, 2);
}

/** The turn that a message with this id would belong to. */
export function turnIdOf(messageId: string): string {
  return withMark(messageId, 0);
}

function withMark(id: string, mark: number): string {
  const last = (Number.parseInt(id.at(-1)!, 16) & 0b1100) | mark;
  return id.slice(0, -1) + last.toString(16);
}

/** When an id was made, ms since 1970. */
export function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Whether a text is a UUIDv7 as we print them; anything else cannot name anything of ours. */
export function isId(text: string): boolean {
  return pattern.test(text);
}
