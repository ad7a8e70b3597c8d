// Versions as entity tags: `"v7"` is a session at version 7 (RFC 9110, 8.8 and 13.1).

import { AppError } from "../errors.ts";
import type { Asked } from "./asked.ts";
import type { Exchange } from "./exchange.ts";

export function etagOf(session: { version: number }): string {
  return `"v${session.version}"`;
}

/**
 * The version that If-Match asks for, or the several any of which will do; undefined without one or with `*`. A tag that a proxy has weakened
 * still counts. Throws version_mismatch when none can be ours.
 */
export function readIfMatch(exchange: Exchange): number | number[] | undefined {
  const value = exchange.header("if-match")?.trim();
  if (value === undefined) return undefined;
  const tags = value.split(",").map((tag) => tag.trim());
  if (tags.includes("*")) return undefined;
  const versions = tags.flatMap((tag) => {
    const version = /^(?:W\/)?"v(\d{1,15})"$/.exec(tag)?.[1];
    return version === undefined ? [] : Number(version);
  });
  if (versions.length === 0)
    throw new AppError("version_mismatch", `If-Match is not an ETag of ours; they look like "v7", with the quotes.`);
  return versions.length === 1 ? versions[0] : versions;
}

/** The one version that If-Match asks for, of several the one the session is at. */
export async function readVersion(exchange: Exchange, findSession: () => Promise<{ version: number } | undefined>) {
  const asked = readIfMatch(exchange);
  return typeof asked === "object" ? chooseVersion(asked, await findSession()) : asked;
}

/** Of several versions the one the session is at now; where it is at none of them, one that will not match. */
export function chooseVersion(versions: readonly number[], session: { version: number } | undefined) {
  return versions.find((version) => version === session?.version) ?? versions[0];
}

/** Whether If-None-Match names this tag: then the answer is 304. */
export function isUnchanged(request: Asked, etag: string): boolean {
  const value = request.headers.get("if-none-match");
  if (value === undefined) return false;
  return value.split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === etag);
}
