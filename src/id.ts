// UUIDv7 (RFC 9562): sortable by time, and strictly growing within one process.

import { randomFillSync } from "node:crypto";

const pool = new Uint8Array(8 * 512);
let poolUsed = pool.length;
let lastMs = 0;
let sequence = 0;

/** A new UUIDv7 string. Ids made by one process compare in the order they were made, also within a millisecond. */
export function newId(nowMs: number = Date.now()): string {
  if (poolUsed === pool.length) {
    randomFillSync(pool);
    poolUsed = 0;
  }
  const random = pool.subarray(poolUsed, poolUsed + 8);
  poolUsed += 8;
  if (nowMs > lastMs) {
    lastMs = nowMs;
    sequence = ((random[0]! << 8) | random[1]!) & 0x7ff; // starts in the lower half: 2048 more fit before a carry
  } else if (++sequence > 0xfff) {
    lastMs += 1; // more than the sequence holds, or a clock that went back: borrow from the future
    sequence = 0;
  }
  const time = lastMs.toString(16).padStart(12, "0");
  const high = (0x7000 | sequence).toString(16);
  const variant = (0x80 | (random[2]! & 0x3f)).toString(16) + random[3]!.toString(16).padStart(2, "0");
  let tail = "";
  for (let i = 4; i < 8; i++) tail += random[i]!.toString(16).padStart(2, "0");
  const extra = (lastExtra = (lastExtra + 1) & 0xffff).toString(16).padStart(4, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-${high}-${variant}-${tail}${extra}`;
}
let lastExtra = 0;

const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export function isId(text: string): boolean {
  return pattern.test(text);
}
