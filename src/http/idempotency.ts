// Idempotency-Key: what names a request, and what makes two requests the same.

import { hash } from "node:crypto";
import type { Caller } from "../caller/caller.ts";
import type { Idempotency } from "../store.ts";
import type { Exchange } from "./exchange.ts";
import { invalidRequest } from "./field-errors.ts";
import { userHeader } from "./user.ts";

/** Visible characters and inner spaces; it is stored and compared as it is. */
const allowedKey = /^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/;

/** The request's key with a digest of what it asks for; undefined without one. Throws invalid_request for a key out of shape. */
export function readIdempotency(exchange: Exchange, body: unknown, expiresAt: number): Idempotency | undefined {
  const key = exchange.header("idempotency-key");
  if (key === undefined) return undefined;
  if (!allowedKey.test(key))
    throw invalidRequest([{ pointer: "Idempotency-Key", detail: "must be 1 to 255 printable ASCII characters" }]);
  const user = exchange.header(userHeader);
  const asked = `${exchange.method} ${exchange.request.path.toLowerCase()}\n${canonicalJson(body)}${user === undefined ? "" : `\n${user}`}`;
  return {
    key: `${spaceOf(exchange.caller)}${key}`,
    bodyHash: hash("sha256", asked),
    expiresAt,
  };
}

/** Each caller's keys are its own: a key's, whatever its secret is now, and those of a token's user. */
function spaceOf({ by, keyId, user }: Caller): string {
  if (by === "key") return `${keyId} `;
  return by === "token" ? `${user!.length}:${user} ` : "";
}

/** JSON with sorted names: the same content is the same text, however the client's library happens to print it. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
