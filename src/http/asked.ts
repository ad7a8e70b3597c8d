// A request as the app sees it, whoever has read it from the line.

/** Standard `Request` has all of it but the body, which is read here with a limit. */
export interface Asked {
  readonly method: string;
  /** An address whose path and query are as they were sent; the host in it says nothing. */
  readonly url: string;
  readonly headers: { get(name: string): string | null; has(name: string): boolean };
  /** Aborted when the caller hangs up; made only when somebody looks at it. */
  readonly signal: AbortSignal;
  /** Whether a body comes with it, be it an empty one in chunks. */
  readonly hasBody: boolean;
  /**
   * The whole body. Rejects with too_large when it is longer than `maxBytes`, rate_limited when too many are
   * on their way at once, bad_request when it breaks off or took longer than `deadlineMs`, so that nobody holds a request open with half of one.
   */
  readBody(maxBytes: number, deadlineMs: number): Promise<Uint8Array>;
}

/** The path without the query, as it was sent. */
export function pathOf({ url }: Pick<Asked, "url">): string {
  const start = url.indexOf("/", url.indexOf(":") + 3);
  const end = url.slice(start).search(/[?#]/);
  return end === -1 ? url.slice(start) : url.slice(start, start + end);
}

/** The same as its words are meant: what stands in it as %XX is read as UTF-8 (RFC 3986, 2.1), where it is that. */
export function readPath(asked: Pick<Asked, "url">): string {
  const path = pathOf(asked);
  try {
    return path.includes("%") ? decodeURI(path) : path;
  } catch {
    return path;
  }
}
