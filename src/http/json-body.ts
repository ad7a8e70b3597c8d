// Reads a request's JSON body: bounded while it arrives, strict UTF-8, and no text that storage could not keep.

import { AppError, type FieldError } from "../errors.ts";
import type { Asked } from "./asked.ts";
import { invalidRequest, pointerTo } from "./field-errors.ts";

/** Deeper than any honest body: a response schema is the deepest thing we take. */
const maxDepth = 64;
const mostErrors = 20;
/** A whole number beyond this is not kept exactly: it would come back as another one. */
const tooLargeNumber = `is too large a number: a whole one is at most ${Number.MAX_SAFE_INTEGER}, above or below 0; send it as text`;
const utf8 = new TextDecoder("utf-8", { fatal: true });

export interface BodyLimits {
  maxBytes: number;
  /** The whole body must have arrived in this time, so that nobody holds a request open with half of one. */
  deadlineMs: number;
}

/** The parsed body; undefined when there is none. Throws too_large, unsupported_media_type, malformed_json, invalid_request. */
export async function readJsonBody(request: Asked, limits: BodyLimits): Promise<unknown> {
  if (!request.hasBody) return undefined;
  requireJson(request.headers);
  const bytes = await request.readBody(limits.maxBytes, limits.deadlineMs);
  if (bytes.byteLength === 0) return undefined;
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

/** Other parameters than charset say nothing to us (RFC 8259, 11): `application/json;` and `application/json; odata=verbose` are JSON. */
function requireJson(headers: Asked["headers"]): void {
  const [type, ...parameters] = (headers.get("content-type") ?? "").split(";");
  const charset = parameters
    .map((one) => /^\s*charset\s*=\s*"?([^"]*?)"?\s*$/i.exec(one)?.[1])
    .find((one) => one !== undefined);
  if (type?.trim().toLowerCase() !== "application/json" || (charset !== undefined && !/^utf-?8$/i.test(charset)))
    throw new AppError("unsupported_media_type", "Send the body as Content-Type: application/json, in UTF-8.");
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding.toLowerCase() !== "identity")
    throw new AppError("unsupported_media_type", "Send the body as it is, without Content-Encoding.");
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
  if (typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER) addError(errors, path, tooLargeNumber);
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
