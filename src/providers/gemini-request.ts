// One HTTP request to Gemini and its answer as batches of events: what one network read completed comes in one batch.

import type { ErrorCode } from "../errors.ts";
import type { Attempt, ProviderEvent } from "../provider.ts";
import type { CallClock } from "./call-clock.ts";
import type { Answer } from "./gemini-answer.ts";
import { GeminiError, toGeminiError } from "./gemini-errors.ts";
import { readFailure } from "./gemini-failure.ts";
import { StreamFramer } from "./gemini-stream.ts";

export interface HttpRequest {
  url: string;
  apiKey: string;
  body: string;
  model: string;
  signal: AbortSignal;
}

/** Error codes of both runtimes that mean: no connection, so nothing was sent. */
const neverSent =
  /^(ConnectionRefused|FailedToOpenSocket|ECONNREFUSED|ENOTFOUND|EAI_\w+|DNS\w*|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_TLS\w*|ERR_SSL\w*|\w*CERT\w*|UNABLE_TO_\w+)$/;
const usageEvent: ProviderEvent = Object.freeze({ type: "usage" });
const usageEveryMs = 200;
const maxErrorBytes = 64 * 1024;

/** Sends the request. Throws GeminiError when the vendor refuses; lists it in `answer.record.attempts` if it was sent. */
export async function openRequest(request: HttpRequest, answer: Answer, clock: CallClock): Promise<AnswerStream> {
  const attempt: Attempt = { model: request.model, status: null, errorCode: null };
  clock.startWaiting("first-byte");
  let response: Response;
  try {
    response = await fetch(request.url, buildInit(request));
  } catch (error) {
    const failure = connectionFailure(error);
    attempt.errorCode = codeOfAttempt(failure, request, clock);
    if (!neverSent.test(codeOf(error))) answer.record.attempts.push(attempt);
    throw failure;
  }
  attempt.status = response.status;
  answer.record.attempts.push(attempt);
  if (response.ok && response.body !== null) return new AnswerStream(response.body, answer, attempt, clock);
  const failure = toGeminiError(await readRefusal(response));
  attempt.errorCode = failure.code;
  throw failure;
}

/** Why an attempt delivered nothing: our deadline, the failure, or (null) our own caller, who went. */
export function codeOfAttempt(failure: GeminiError, request: HttpRequest, clock: CallClock): ErrorCode | null {
  if (clock.expired !== null) return "provider_timeout";
  return request.signal.aborted ? null : failure.code;
}

function buildInit(request: HttpRequest): RequestInit {
  const init: RequestInit & { timeout: false } = {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-goog-api-key": request.apiKey,
      "user-agent": "rozmova",
      // A compressed event stream would be held back by the decompressor's and the sender's buffers.
      "accept-encoding": "identity",
    },
    body: request.body,
    signal: request.signal,
    redirect: "manual",
    credentials: "omit",
    // Bun ends a silent connection after five minutes unless told not to; others ignore the member
    // (https://bun.sh/reference/globals/BunFetchRequestInit/timeout, read 2026-11-23). Our own deadlines decide; Node's own limit stays at five minutes.
    timeout: false,
  };
  return init;
}

async function readRefusal(response: Response) {
  const failure = readFailure(response.status, await readStart(response));
  const header = response.headers.get("retry-after") ?? "";
  if (failure.retryAfterSeconds === undefined && /^\d{1,6}$/.test(header)) failure.retryAfterSeconds = Number(header);
  return failure;
}

/** The first part of a body; what cannot be read is empty: the status alone says enough. */
async function readStart(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return "";
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (let bytes = 0; bytes < maxErrorBytes; ) {
      const read = await reader.read();
      if (read.done) break;
      bytes += read.value.length;
      text += decoder.decode(read.value, { stream: true });
    }
  } catch {
    return text;
  } finally {
    reader.cancel().catch(ignore);
  }
  return text;
}

/** A connection that failed or broke, with nothing of ours in the message. */
export function connectionFailure(error: unknown): GeminiError {
  return new GeminiError("provider_unavailable", "The provider cannot be reached, or the connection to it broke.", {
    cause: `${codeOf(error)} ${error instanceof Error ? error.message : String(error)}`.trim(),
    retry: "yes",
  });
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  if ("code" in error && typeof error.code === "string") return error.code;
  return codeOf(error.cause);
}

/** The answer of one request, read batch by batch. */
export class AnswerStream {
  readonly attempt: Attempt;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  readonly #answer: Answer;
  readonly #clock: CallClock;
  readonly #framer = new StreamFramer();
  #waitingFor: "first-byte" | "idle" = "first-byte";
  #failure: unknown;
  #nextUsageAt = 0;
  #ended = false;

  constructor(body: ReadableStream<Uint8Array<ArrayBuffer>>, answer: Answer, attempt: Attempt, clock: CallClock) {
    this.#reader = body.getReader();
    this.#answer = answer;
    this.attempt = attempt;
    this.#clock = clock;
  }

  /** The next events, at least one; null at the end of a whole answer. Throws GeminiError, after what came before it. */
  async nextBatch(): Promise<ProviderEvent[] | null> {
    while (this.#failure === undefined && !this.#ended) {
      const batch: ProviderEvent[] = [];
      this.#clock.startWaiting(this.#waitingFor);
      try {
        const read = await this.#reader.read();
        this.#waitingFor = "idle";
        this.#take(read.done ? null : read.value, batch);
      } catch (error) {
        this.#failure = connectionFailure(error);
      }
      this.#clock.stopWaiting();
      this.#announceUsage(batch);
      if (batch.length > 0) return batch;
    }
    if (this.#failure !== undefined) throw this.#failure;
    return null;
  }

  /** What one read brought: bytes, or null for the end. */
  #take(bytes: Uint8Array | null, batch: ProviderEvent[]): void {
    this.#ended = bytes === null;
    try {
      for (const frame of bytes === null ? this.#framer.end() : this.#framer.push(bytes)) {
        this.#answer.read(frame, batch);
      }
      if (bytes === null) this.#answer.finish();
    } catch (error) {
      this.#failure = error;
    }
  }

  /** A hundred deltas need no hundred reports: one at once, then now and then, and one at the end; the record has the rest. */
  #announceUsage(batch: ProviderEvent[]): void {
    const now = performance.now();
    const over = this.#ended || this.#failure !== undefined;
    if (now < this.#nextUsageAt && !over) return;
    if (this.#answer.takeUsageChange()) {
      batch.push(usageEvent);
      this.#nextUsageAt = now + usageEveryMs;
    }
  }

  /** Frees the connection; closes it when the answer was not read to its end. */
  release(): void {
    if (!this.#ended) this.#reader.cancel().catch(ignore);
  }
}

function ignore(): void {}
