// Files as they are served to a browser: tagged, compressed where the browser takes it, under a strict policy.

import { createHash } from "node:crypto";
import type { HttpAnswer } from "../answer.ts";
import type { Asked } from "../asked.ts";
import { isUnchanged } from "../etag.ts";

export interface StaticFile {
  type: string;
  body: Uint8Array;
  gzip?: Uint8Array | undefined;
  /** Its name changes with its content: it may be cached for ever. */
  immutable: boolean;
}

/** Nothing but our own files: no inline script, no inline style, no other host. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; " +
  "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const etags = new WeakMap<StaticFile, string>();

function etagOfFile(file: StaticFile): string {
  let etag = etags.get(file);
  if (etag === undefined) {
    etag = `"${createHash("sha256").update(file.body).digest("base64url").slice(0, 16)}"`;
    etags.set(file, etag);
  }
  return etag;
}

export function answerFile(request: Asked, file: StaticFile): HttpAnswer {
  const zipped = file.gzip && acceptsGzip(request) ? file.gzip : undefined;
  const etag = etagOfFile(file);
  const headers: Record<string, string> = {
    "content-type": file.type,
    "cache-control": file.immutable ? "public, max-age=31536000, immutable" : "no-cache",
    etag,
    vary: "accept-encoding",
    "content-security-policy": policy,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
  };
  if (isUnchanged(request, etag)) return { status: 304, headers, body: null };
  const body = zipped ?? file.body;
  if (zipped) headers["content-encoding"] = "gzip";
  return { status: 200, headers, body };
}

function acceptsGzip(request: Asked): boolean {
  const accepted = request.headers.get("accept-encoding") ?? "";
  return accepted.split(",").some((part) => /^\s*(gzip|\*)\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(part));
}
