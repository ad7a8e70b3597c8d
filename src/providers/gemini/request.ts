// One HTTP request to Gemini and its answer as batches of events: what one network read completed comes in one batch.

import type { ErrorCode } from "../../errors.ts";
import type { BeforeSend, ProviderEvent } from "../../provider.ts";
import type { Line } from "../call-clock.ts";
import { codeOf, type HttpExchange, type Post, type RequestBody } from "../http/exchange.ts";
import { HttpLimitError } from "../http/parser.ts";
import { Answer } from "./answer.ts";
import type { GeminiContext } from "./context.ts";
import { GeminiError, toGeminiError, tooLong } from "./errors.ts";
import { readFailure, readRetryAfter } from "./failure.ts";
import { AttemptRecord } from "./record.ts";
import { StreamFramer } from "./stream.ts";

export interface HttpRequest {
  context: GeminiContext;
  post: Post;
  path: string;
  body: RequestBody;
  model: string;
  /** Ends it from outside. */
  line: Line;
  beforeSend: BeforeSend | undefined;
}

/** What a call says of its requests: see `ProviderCall`. */
interface SendingCall {
  readonly attempts: AttemptRecord[];
  isInFlight: boolean;
}

const usageEvent: ProviderEvent = Object.freeze({ type: "usage" });
const usageEveryMs = 200;
const maxErrorBytes = 64 * 1024;

/** Sends the request. Throws GeminiError when the vendor refuses. It is among the call's attempts from now on, unless it was not sent. */
export async function openRequest(request: HttpRequest, call: SendingCall): Promise<AnswerStream> {
  const attempt = new AttemptRecord(request.context.now(), request.model);
  const announced = announce(request, attempt);
  if (announced) await announced;
  request.line.startWaiting("first-byte");
  call.attempts.push(attempt);
  call.isInFlight = true;
  const exchange = request.post(request.path, request.body);
  cancelWhenCut(exchange, request.line);
  try {
    await exchange.open();
  } catch (error) {
    const failure = connectionFailure(error);
    attempt.errorCode = codeOfAttempt(failure, request.line);
    if (!exchange.sent) call.attempts.pop();
    throw failure;
  }
  attempt.status = exchange.status;
  if (exchange.status >= 200 && exchange.status < 300 && isReadable(exchange))
    return new AnswerStream(exchange, attempt, request);
  const failure = toGeminiError(await readRefusal(exchange, request.context.now()));
  attempt.errorCode = failure.code;
  throw failure;
}

/** Whoever keeps the books hears of it first. Where the call is ended meanwhile, nothing is sent. */
function announce({ beforeSend, line }: HttpRequest, attempt: AttemptRecord): Promise<void> | undefined {
  const written = beforeSend?.(attempt);
  if (line.isCut) {
    written?.catch(() => {}); // nobody asks any more
    throw new Error("the call was ended before it was sent");
  }
  if (written === undefined) return undefined;
  return new Promise<void>((resolve, reject) => {
    line.whenCut(() => reject(new Error("the call was ended before it was sent")));
    written.then(resolve, reject);
  });
}

/** A function of its own, so that what listens until the end of the call does not hold the request, with the whole prompt. */
function cancelWhenCut(exchange: HttpExchange, line: Line): void {
  line.whenCut(() => exchange.cancel());
}

/** Why an attempt delivered nothing: our deadline, the failure, or (null) our own caller, who went. */
export function codeOfAttempt(failure: GeminiError, line: Line): ErrorCode | null {
  if (line.expired !== null) return "provider_timeout";
  return line.isCut ? null : failure.code;
}

/** Headers of every request. */
export function headersFor(apiKey: string): Record<string, string> {
  return {
    "content-type": "application/json",
    "x-goog-api-key": apiKey,
    "user-agent": "rozmova",
    accept: "*/*",
    // A compressed event stream would be held back by the decompressor's and the sender's buffers.
    "accept-encoding": "identity",
  };
}

/** Whether the body can be an event stream of the vendor's; a proxy that compresses all the same is refused. */
function isReadable(exchange: HttpExchange): boolean {
  return exchange.status !== 204 && /^(?:identity)?$/.test(exchange.header("content-encoding"));
}

async function readRefusal(exchange: HttpExchange, now: number) {
  const failure = readFailure(exchange.status, await readStart(exchange));
  failure.retryAfterSeconds ??= readRetryAfter(exchange.header("retry-after"), now);
  return failure;
}

/** The first part of a body; what cannot be read is empty: the status alone says enough. */
async function readStart(exchange: HttpExchange): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (let bytes = 0; bytes < maxErrorBytes; ) {
      const read = await exchange.read();
      if (read === null) break;
      bytes += read.length;
      text += decoder.decode(read, { stream: true });
    }
  } catch {
    return text;
  } finally {
    exchange.cancel();
  }
  return text;
}

/** A connection that failed or broke, with nothing of ours in the message. */
export function connectionFailure(error: unknown): GeminiError {
  if (error instanceof HttpLimitError) return tooLong(error.message);
  return new GeminiError("provider_unavailable", "The provider cannot be reached, or the connection to it broke.", {
    cause: `${codeOf(error)} ${error instanceof Error ? error.message : String(error)}`.trim(),
    retry: "yes",
  });
}

/** The answer of one request, read batch by batch. */
export class AnswerStream {
  readonly attempt: AttemptRecord;
  readonly #exchange: HttpExchange;
  readonly #answer: Answer;
  readonly #line: Line;
  readonly #framer = new StreamFramer();
  #waitingFor: "first-byte" | "idle" = "first-byte";
  #failure: unknown;
  #nextUsageAt = 0;
  /** The whole answer has been given out. */
  isOver = false;

  constructor(exchange: HttpExchange, attempt: AttemptRecord, { line, context }: HttpRequest) {
    this.#exchange = exchange;
    this.#answer = new Answer(attempt, context.hide);
    this.attempt = attempt;
    this.#line = line;
  }

  /** The next events, at least one; null at the end of a whole answer. Throws GeminiError, after what came before it. */
  async nextBatch(): Promise<ProviderEvent[] | null> {
    while (this.#failure === undefined && !this.isOver) {
      const batch: ProviderEvent[] = [];
      this.#line.startWaiting(this.#waitingFor);
      try {
        const bytes = await this.#exchange.read();
        this.#waitingFor = "idle";
        this.#take(bytes, batch);
      } catch (error) {
        this.#failure = connectionFailure(error);
      }
      this.#line.stopWaiting();
      this.#announceUsage(batch);
      if (batch.length > 0) return batch;
    }
    if (this.#failure !== undefined) throw this.#failure;
    return null;
  }

  /** What one read brought: bytes, or null for the end. */
  #take(bytes: Uint8Array | null, batch: ProviderEvent[]): void {
    try {
      if (bytes !== null) for (const frame of this.#framer.push(bytes)) this.#answer.read(frame, batch);
      if (!this.#exchange.isOver) return;
      for (const frame of this.#framer.end()) this.#answer.read(frame, batch);
      this.#answer.finish();
      this.isOver = true;
    } catch (error) {
      this.#failure = error;
    }
  }

  /** A hundred deltas need no hundred reports: one at once, then now and then, and one at the end; the record has the rest. */
  #announceUsage(batch: ProviderEvent[]): void {
    const now = performance.now();
    const over = this.isOver || this.#failure !== undefined;
    if (now < this.#nextUsageAt && !over) return;
    if (this.#failure !== undefined && batch.length === 0) return; // nothing has come but this: a failure before the first word
    if (this.#answer.takeUsageChange()) {
      batch.push(usageEvent);
      this.#nextUsageAt = now + usageEveryMs;
    }
  }

  /** Frees the connection; closes it when the answer was not read to its end. */
  release(): void {
    if (!this.isOver) this.#exchange.cancel();
  }
}
