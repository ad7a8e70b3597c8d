// Pages of other sites: those that the operator has named may call with a token, and with nothing else.

import type { Caller } from "../../caller/caller.ts";
import type { HttpAnswer } from "../answer.ts";
import type { Asked } from "../asked.ts";

/** What such a page may send and read (fetch.spec.whatwg.org, 3.3). */
const sent = "authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, x-rozmova-user";
const read = "etag, location, ratelimit, ratelimit-policy, retry-after, x-request-id";
/** Chromium keeps the answer to a preflight for at most two hours. */
const keptSeconds = "7200";

export class Cors {
  private readonly origins: ReadonlySet<string>;

  constructor(origins: readonly string[]) {
    this.origins = new Set(origins);
  }

  /** Whether the request comes from a page of a named site. */
  allows({ headers }: Asked): boolean {
    if (this.origins.size === 0) return false;
    const origin = headers.get("origin");
    return origin !== undefined && this.origins.has(origin);
  }

  /** The answer to a browser that asks before it sends, which it does without a token. */
  answerPreflight(request: Asked): HttpAnswer | undefined {
    if (request.method !== "OPTIONS" || !request.headers.has("access-control-request-method")) return undefined;
    if (!this.allows(request)) return undefined;
    const headers = {
      "access-control-allow-methods": "GET, HEAD, POST, PATCH, DELETE",
      "access-control-allow-headers": sent,
      "access-control-max-age": keptSeconds,
    };
    return { status: 204, headers, body: null };
  }

  /** Lets the page read the answer, unless it came with a key: a key in a page is a key that everybody has. */
  linesFor(request: Asked, caller: Caller | null): string {
    if (caller?.by === "key" || !this.allows(request)) return "";
    return `access-control-allow-origin: ${request.headers.get("origin")}\r\naccess-control-expose-headers: ${read}\r\nvary: origin\r\n`;
  }
}
