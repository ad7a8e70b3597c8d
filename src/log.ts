// The log: a line of JSON each on stderr, level, time, the fields and the sentence; many in a write, and no write on the event loop.

import { write, writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

/** Structured logging: fields first, then one sentence. Never pass a key, a header or a message's text. */
export type Log = Record<"debug" | "info" | "warn" | "error", (fields: object, sentence: string) => void>;

/** For tests and tools that want silence. */
export const noLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

const levels = { debug: 20, info: 30, warn: 40, error: 50, silent: 60 };

/** Lines are written when they have so many characters, or after so long; what failed is tried again after as long. */
const enough = 12_288;
const waitMs = 100;
/** Bytes of ASCII that may wait while stderr takes none. Lines beyond are lost, and a line says how many. */
const mostWaiting = 1_000_000;

// A process has one stderr.
let gathered = "";
/** Goes before what is gathered. */
let unwritten = Buffer.alloc(0);
/** While a thread of the runtime writes it: how often the event loop has looked whether that is done. */
let looks: number | undefined;
let lost = 0;
let timeMs = 0;
let time = "";

/** Leaves out what is below the level. Never throws, whatever a field's value is and whatever becomes of stderr. */
export function createLog(level: keyof typeof levels): Log {
  setInterval(send, waitMs).unref();
  const at = (own: number): Log["info"] =>
    own < levels[level] ? () => {} : (fields, sentence) => add(printLine(own, fields, sentence));
  return { debug: at(levels.debug), info: at(levels.info), warn: at(levels.warn), error: at(levels.error) };
}

/** Resolves when every line is written, or after a second: then nobody reads. */
export async function logWritten(): Promise<void> {
  const until = performance.now() + 1_000;
  for (send(); unwritten.length > 0 && performance.now() < until; send()) await pause(5);
}

process.on("exit", () => {
  if (looks !== undefined) {
    if (looks > 3) return; // nobody reads: to write would be to wait for ever
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, waitMs); // a thread cannot be asked, only be given time
    unwritten = Buffer.alloc(0);
  }
  try {
    let rest = Buffer.concat([unwritten, Buffer.from(gathered)]);
    while (rest.length > 0) rest = rest.subarray(writeSync(2, rest));
  } catch {} // there is nobody to tell
});

function add(line: string): void {
  if (gathered.length + unwritten.length + line.length > mostWaiting) lost++;
  else gathered += line;
  if (gathered.length >= enough && unwritten.length === 0) send();
}

function send(): void {
  if (looks !== undefined) return void looks++;
  if (unwritten.length === 0) {
    unwritten = Buffer.from(gathered);
    gathered = "";
  }
  if (unwritten.length === 0) return;
  looks = 0;
  write(2, unwritten, (error, written) => {
    looks = undefined;
    if (error) return;
    unwritten = unwritten.subarray(written);
    if (lost > 0) gathered += printLine(levels.warn, { lines: lost }, "lines of the log were lost: stderr took none");
    lost = 0;
    if (unwritten.length > 0 || gathered.length >= enough) send();
  });
}

function printLine(level: number, fields: object, sentence: string): string {
  const now = Date.now();
  if (now !== timeMs) time = new Date(now).toISOString();
  timeMs = now;
  return `{"level":${level},"time":"${time}",${print(fields, sentence, "cause" in fields ? tamer() : undefined).slice(1)}\n`;
}

function print(fields: object, msg: string, replace?: ReturnType<typeof tamer>): string {
  try {
    return JSON.stringify({ ...fields, msg }, replace);
  } catch {
    return replace ? JSON.stringify({ fields: "[not printable]", msg }) : print(fields, msg, tamer());
  }
}

/** For JSON: errors with all that they carry and their causes' words, BigInts as digits; of objects a hundred, each once. */
function tamer() {
  const seen = new Set<unknown>();
  return (_: string, value: unknown): unknown => {
    if (typeof value === "bigint") return String(value);
    if (typeof value !== "object" || value === null) return value;
    if (seen.has(value) || seen.size > 100) return "[left out]";
    seen.add(value);
    if (!(value instanceof Error)) return value;
    const causes: Error[] = [];
    for (let at: unknown = value; at instanceof Error && !causes.includes(at); at = at.cause) causes.push(at);
    const known = {
      type: value.constructor.name,
      message: causes.map((cause) => cause.message).join(": "),
      stack: causes.map((cause) => cause.stack).join("\ncaused by: "),
      aggregateErrors: value instanceof AggregateError ? value.errors : undefined,
    };
    return { ...known, ...value, ...known };
  };
}
