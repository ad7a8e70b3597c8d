// UUIDv7 (RFC 9562): sortable by time, and strictly growing within one process.

import { randomFillSync } from "node:crypto";

const bytesPerId = 8;
const pool = Buffer.alloc(bytesPerId * 512);
let poolUsed = pool.length;
let lastMs = 0;
let sequence = 0;

/** A new UUIDv7 string. Ids made by one process compare in the order they were made, also within a millisecond. */
export function newId(nowMs: number = Date.now()): string {
  if (poolUsed === pool.length) {
    randomFillSync(pool);
    poolUsed = 0;
  }
  if (nowMs > lastMs) {
    lastMs = nowMs;
    sequence = pool.readUInt16BE(poolUsed) & 0x7ff; // starts in the lower half, so that 2048 more fit before a carry
  } else if (++sequence > 0xfff) {
    lastMs += 1; // more than the sequence holds, or a clock that went back: borrow from the future
    sequence = 0;
  }
  const time = lastMs.toString(16).padStart(12, "0");
  const random = pool.toString("hex", poolUsed, poolUsed + bytesPerId);
  poolUsed += bytesPerId;
  const variant = "89ab"[Number.parseInt(random[0]!, 16) & 3];
  const version = (0x7000 | sequence).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-${version}-${variant}${random.slice(1, 4)}-${random.slice(4)}`;
}

const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Whether a text is a UUIDv7 as we print them; anything else cannot name anything of ours. */
export function isId(text: string): boolean {
  return pattern.test(text);
}
