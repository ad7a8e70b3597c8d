// Versions as entity tags: `"v7"` is a session at version 7 (RFC 9110, 8.8 and 13.1).

import { AppError } from "../errors.ts";
import type { Exchange } from "./exchange.ts";

export function etagOf(session: { version: number }): string {
  return `"v${session.version}"`;
}

/**
 * The version that If-Match asks for; undefined without one or with `*`. A tag that a proxy has weakened still counts.
 * Throws version_mismatch for a tag that cannot be ours, bad_request for several.
 */
export function readIfMatch(exchange: Exchange): number | undefined {
  const value = exchange.header("if-match")?.trim();
  if (value === undefined || value === "*") return undefined;
  if (value.includes(",")) throw new AppError("bad_request", "If-Match takes one ETag here.");
  const version = /^(?:W\/)?"v(\d{1,15})"$/.exec(value)?.[1];
  if (version === undefined)
    throw new AppError("version_mismatch", `If-Match is not an ETag of ours; they look like "v7", with the quotes.`);
  return Number(version);
}

/** Whether If-None-Match names this tag: then the answer is 304. */
export function isUnchanged(request: Request, etag: string): boolean {
  const value = request.headers.get("if-none-match");
  if (value === null) return false;
  return value.split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === etag);
}
