// Reads a request's JSON body: bounded while it arrives, strict UTF-8, and no text that storage could not keep.

import { AppError, type FieldError } from "../errors.ts";
import type { Asked } from "./asked.ts";
import { invalidRequest, mostErrors, pointerTo } from "./field-errors.ts";

/** Deeper than any honest body: a response schema is the deepest thing we take. */
export const maxDepth = 64;
/** More than any schema within its limit of bytes has; looking at all of a body of four million would hold up everybody for seconds. */
export const mostValues = 50_000;
/** A whole number beyond this is not kept exactly: it would come back as another one. */
const tooLargeNumber = `is too large a number: a whole one is at most ${Number.MAX_SAFE_INTEGER}, above or below 0; send it as text`;
const utf8 = new TextDecoder("utf-8", { fatal: true });

export interface BodyLimits {
  maxBytes: number;
  /** The whole body must have arrived in this time, so that nobody holds a request open with half of one. */
  deadlineMs: number;
  /** Default: `mostValues`. */
  mostValues?: number | undefined;
}

/** The body as it will be here; undefined when there is none. Throws unsupported_media_type, and as `readBody` does. */
export function receiveJson(request: Asked, limits: BodyLimits): ReturnType<Asked["readBody"]> | undefined {
  if (!request.hasBody) return undefined;
  requireJson(request.headers);
  return request.readBody(limits.maxBytes, limits.deadlineMs);
}

/** Undefined where nothing has come. Throws malformed_json, invalid_request. */
export function parseJson(bytes: Uint8Array | undefined, limits: BodyLimits): unknown {
  if (bytes === undefined || bytes.byteLength === 0) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch (cause) {
    const why = cause instanceof TypeError ? "The body is not UTF-8." : "The body is not valid JSON.";
    throw new AppError("malformed_json", why, { cause });
  }
  const tidier = new Tidier(limits.mostValues ?? mostValues);
  const tidied = tidier.tidy(value);
  if (tidier.errors.length > 0) throw invalidRequest(tidier.errors);
  return tidied;
}

/** Other parameters than charset say nothing to us (RFC 8259, 11): `application/json;` and `application/json; odata=verbose` are JSON. */
function requireJson(headers: Asked["headers"]): void {
  const type = headers.get("content-type") ?? "";
  const charset = /;\s*charset\s*=\s*"?([^";]*?)"?\s*(?:;|$)/i.exec(type)?.[1];
  if (!/^\s*application\/json\s*(?:;|$)/i.test(type) || (charset !== undefined && !/^utf-?8$/i.test(charset)))
    throw new AppError("unsupported_media_type", "Send the body as Content-Type: application/json, in UTF-8.");
  const encoding = headers.get("content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity")
    throw new AppError("unsupported_media_type", "Send the body as it is, without Content-Encoding.");
}

/**
 * Goes once over everything: half surrogate pairs become U+FFFD (they have no UTF-8 form), and what cannot be kept is an error with
 * its place: U+0000 (Postgres refuses it in text), numbers beyond a double, odd names, too much depth, too many values to look at. Stops
 * at the twentieth error.
 */
export class Tidier {
  readonly errors: FieldError[] = [];
  readonly #path: (string | number)[] = [];
  #values = 0;
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  tidy(value: unknown): unknown {
    if (++this.#values === this.#most + 1)
      this.errors.push({ pointer: "", detail: `holds more than ${this.#most} values` });
    if (typeof value === "string") {
      if (value.includes("\0")) this.#tell("must not contain the character U+0000");
      return value.isWellFormed() ? value : value.toWellFormed();
    }
    if (typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER) this.#tell(tooLargeNumber);
    if (typeof value !== "object" || value === null) return value;
    if (this.#path.length >= maxDepth) {
      this.#tell(`is nested deeper than ${maxDepth} levels`);
      return value;
    }
    const record = value as Record<string | number, unknown>;
    for (const key of Array.isArray(value) ? value.keys() : Object.keys(value)) {
      if (this.#isFull) break;
      this.#path.push(key);
      if (isOddName(key)) this.#tell("has a name that cannot be kept");
      else record[key] = this.tidy(record[key]);
      this.#path.pop();
    }
    return value;
  }

  get #isFull(): boolean {
    return this.errors.length >= mostErrors || this.#values > this.#most;
  }

  #tell(detail: string): void {
    if (this.errors.length < mostErrors) this.errors.push({ pointer: pointerTo(this.#path).toWellFormed(), detail });
  }
}

function isOddName(key: string | number): boolean {
  return typeof key === "string" && (key === "__proto__" || key.includes("\0") || !key.isWellFormed());
}
