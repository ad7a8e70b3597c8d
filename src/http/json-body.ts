// Reads a request's JSON body: bounded while it arrives, strict UTF-8, and no text that storage could not keep.

import { AppError, type FieldError } from "../errors.ts";
import { invalidRequest, pointerTo } from "./field-errors.ts";

/** Deeper than any honest body: a response schema is the deepest thing we take. */
const maxDepth = 64;
const mostErrors = 20;
const utf8 = new TextDecoder("utf-8", { fatal: true });

export interface BodyLimits {
  maxBytes: number;
  /** The whole body must have arrived in this time, so that nobody holds a request open with half of one. */
  deadlineMs: number;
}

/** The parsed body; undefined when there is none. Throws too_large, unsupported_media_type, malformed_json, invalid_request. */
export async function readJsonBody(request: Request, limits: BodyLimits): Promise<unknown> {
  const bytes = await readBytes(request, limits);
  if (bytes === undefined || bytes.byteLength === 0) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch (cause) {
    const why = cause instanceof TypeError ? "The body is not UTF-8." : "The body is not valid JSON.";
    throw new AppError("malformed_json", why, { cause });
  }
  const errors: FieldError[] = [];
  const tidied = tidy(value, [], errors);
  if (errors.length > 0) throw invalidRequest(errors);
  return tidied;
}

function readBytes(request: Request, limits: BodyLimits): Promise<ArrayBuffer | Uint8Array> | undefined {
  const { headers } = request;
  const length = headers.get("content-length");
  if (length === "0" || (length === null && request.body === null)) return undefined;
  requireJson(headers);
  if (length !== null && Number(length) > limits.maxBytes) throw tooLarge(limits.maxBytes);
  // With a length the HTTP parser delivers no more than that; without one we count.
  return inTime(
    limits.deadlineMs,
    length !== null ? request.arrayBuffer() : readCounted(request.body!, limits.maxBytes),
  );
}

function inTime(ms: number, whole: Promise<ArrayBuffer | Uint8Array>): Promise<ArrayBuffer | Uint8Array> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new AppError("bad_request", "The body took too long to arrive."));
    const timer = setTimeout(late, ms);
    whole.then(
      (bytes) => {
        clearTimeout(timer);
        resolve(bytes);
      },
      (cause) => {
        clearTimeout(timer);
        const failure = new AppError("bad_request", "The body did not arrive as a whole.", { cause });
        reject(cause instanceof AppError ? cause : failure);
      },
    );
  });
}

function requireJson(headers: Headers): void {
  const type = headers.get("content-type") ?? "";
  const [, charset] = /^application\/json\s*(?:;\s*charset\s*=\s*"?([\w-]+)"?\s*)?$/i.exec(type) ?? [null, ""];
  if (charset !== undefined && !/^utf-?8$/i.test(charset))
    throw new AppError("unsupported_media_type", "Send the body as Content-Type: application/json, in UTF-8.");
  if (headers.has("content-encoding"))
    throw new AppError("unsupported_media_type", "Send the body as it is, without Content-Encoding.");
}

function tooLarge(maxBytes: number): AppError {
  return new AppError("too_large", `The body is larger than ${maxBytes} bytes.`, { members: { max_bytes: maxBytes } });
}

async function readCounted(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  const reader = body.getReader();
  while (true) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks, total);
    total += value.length;
    if (total > maxBytes) {
      void reader.cancel().catch(() => {}); // whatever is still coming is not ours to wait for
      throw tooLarge(maxBytes);
    }
    chunks.push(value);
  }
}

/**
 * Goes once over everything: half surrogate pairs become U+FFFD (they have no UTF-8 form), and what cannot be kept
 * is an error with its place: U+0000 (Postgres refuses it in text), numbers beyond a double, odd names, too much depth.
 */
function tidy(value: unknown, path: (string | number)[], errors: FieldError[]): unknown {
  if (typeof value === "string") {
    if (value.includes("\0")) addError(errors, path, "must not contain the character U+0000");
    return value.isWellFormed() ? value : value.toWellFormed();
  }
  if (typeof value === "number" && !Number.isFinite(value)) addError(errors, path, "is too large a number");
  if (typeof value !== "object" || value === null) return value;
  if (path.length >= maxDepth) {
    addError(errors, path, `is nested deeper than ${maxDepth} levels`);
    return value;
  }
  const record = value as Record<string | number, unknown>;
  for (const key of Array.isArray(value) ? value.keys() : Object.keys(value)) {
    path.push(key);
    if (isOddName(key)) addError(errors, path, "has a name that cannot be kept");
    else record[key] = tidy(record[key], path, errors);
    path.pop();
  }
  return value;
}

function isOddName(key: string | number): boolean {
  return typeof key === "string" && (key === "__proto__" || key.includes("\0") || !key.isWellFormed());
}

function addError(errors: FieldError[], path: (string | number)[], detail: string): void {
  if (errors.length < mostErrors) errors.push({ pointer: pointerTo(path).toWellFormed(), detail });
}
