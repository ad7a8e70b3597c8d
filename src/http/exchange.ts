// One request on its way through the house: who asks, under which id, and what the log will say of it.

import type { Caller } from "../caller/caller.ts";
import type { RateState } from "../caller/rate.ts";
import type { AppError } from "../errors.ts";
import { newId } from "../id.ts";
import type { Log } from "../log.ts";
import type { Asked } from "./asked.ts";
import { keyNeeded } from "./auth/auth.ts";

/** What the rest of the house calls a call is one to a vendor; this is one with whoever asks us. */
export class Exchange {
  readonly requestId = newId();
  /** Null: nobody that is known, and a key is needed. */
  who: Caller | null = null;
  /** The route's pattern; never the address itself, which may hold words of the user. */
  route: string | undefined;
  sessionId: string | undefined;
  turnId: string | undefined;
  /** The caller's limits, as this request has left them. */
  #rates: RateState[] | undefined;
  /** The problem's code, if the answer is one. */
  code: string | undefined;
  /** Set by a stream: it writes the log line when it ends. */
  streaming = false;
  private readonly startedAt = performance.now();
  readonly method: string;
  private asked: Asked | undefined;
  private readonly log: Log;

  /** Without a request: what came was none. */
  constructor(request: Asked | undefined, log: Log) {
    this.asked = request;
    this.method = request?.method ?? "";
    this.log = log;
  }

  /** HEAD is GET without its body, which whoever sends the answer leaves out. */
  get isRead(): boolean {
    return this.method === "GET" || this.method === "HEAD";
  }

  /** Throws unauthenticated where a key is needed and none is known. */
  get caller(): Caller {
    if (!this.who) throw keyNeeded();
    return this.who;
  }

  get rates(): RateState[] {
    this.#rates ??= [];
    return this.#rates;
  }

  /** The project that the request is for. */
  get owner(): string {
    return this.caller.project;
  }

  get request(): Asked {
    if (!this.asked) throw new Error("the request was let go of");
    return this.asked;
  }

  /** For a stream, which lasts: nobody will look at the request again, and it takes 2 KB. */
  letGoOfRequest(): void {
    this.asked = undefined;
  }

  /** Aborted when the caller hangs up; made by the runtime only when somebody looks at it. */
  get left(): AbortSignal {
    return this.request.signal;
  }

  header(name: string): string | undefined {
    return this.request.headers.get(name);
  }

  /**
   * The one log line of this request: no header, no body, no query. Of a stream with what was sent, and how it ended: `complete`, `left`
   * (the reader went), `dropped` (the reader did not read), `broken`.
   */
  writeLog(status: number, bytes?: number, ended?: string): void {
    const fields = {
      method: this.method,
      route: this.route,
      status,
      ms: Math.round((performance.now() - this.startedAt) * 100) / 100,
      request_id: this.requestId,
      key_id: this.who?.keyId ?? undefined,
      session_id: this.sessionId,
      turn_id: this.turnId,
      code: this.code,
      bytes,
      ended,
    };
    if (this.route === "/healthz" || this.route === "/readyz") this.log.debug(fields, "request");
    else this.log.info(fields, "request");
  }

  /** The caller is told that nothing was stored; the operator needs to know why. */
  logStorage({ message, cause = message }: AppError): void {
    const why = cause instanceof Error ? cause.message : cause;
    this.log.error({ request_id: this.requestId, route: this.route, why }, "the database is not available");
  }

  /** For what nobody foresaw: the caller is told only that it happened. */
  logUnforeseen(cause: unknown): void {
    this.log.error({ request_id: this.requestId, route: this.route, cause }, "a request failed unexpectedly");
  }
}
