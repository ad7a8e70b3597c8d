// A request as the app sees it, whoever has read it from the line.

export interface Asked {
  readonly method: string;
  /** As it was sent. */
  readonly path: string;
  /** As it was sent, with its mark; empty without one. */
  readonly query: string;
  /** By their names in small letters; what came more than once is joined by a comma. */
  readonly headers: ReadonlyMap<string, string>;
  /** Aborted when the caller hangs up; made only when somebody looks at it. */
  readonly signal: AbortSignal;
  /** Whether a body comes with it, be it an empty one in chunks. */
  readonly hasBody: boolean;
  /**
   * The whole body; a promise of it while it is still on its way. Throws or rejects with too_large when it is longer than `maxBytes`,
   * rate_limited when too many are on their way at once, bad_request when it breaks off or took longer than `deadlineMs`, so that nobody
   * holds a request open with half of one.
   */
  readBody(maxBytes: number, deadlineMs: number): Uint8Array | Promise<Uint8Array>;
}

/** The path as its words are meant: what stands in it as %XX is read as UTF-8 (RFC 3986, 2.1), where it is that. */
export function readPath({ path }: Pick<Asked, "path">): string {
  try {
    return path.includes("%") ? decodeURI(path) : path;
  } catch {
    return path;
  }
}
