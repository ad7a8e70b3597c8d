// Door 1: what an adapter to a model vendor must do; the adapters are in providers/.

import type { ErrorCode } from "./errors.ts";
import type { Params } from "./model/params.ts";
import type { Counted, Meter } from "./money/usage.ts";

/**
 * How a vendor is sent a question and its answer, ending in whatever parts them from the next. `vendorParts` is what this vendor
 * sent, to be sent back byte-equal; null: the text alone. Pure: what it prints is kept, and sent again in every later turn.
 */
export type PrintTurn = (question: string, answer: string, vendorParts: string | null) => string;

export interface ProviderRequest {
  model: string;
  system: string | null;
  /** The earlier turns as `printTurn` gives them, one behind the other, in UTF-8; never changed. */
  memory: Uint8Array;
  question: string;
  params: Params;
  /** The model whose form of the params is sent, where it is another: one that serves in `model`'s place. */
  formOf?: string;
}

/**
 * What a call says while it runs. Words that came together are one text, and the pieces it was sent in, none of them empty: they go into
 * the turn's log as they are. Usage is the vendor's running total: the last one counts, they are never added.
 */
export type ProviderEvent =
  | { type: "text-delta" | "thought-delta"; text: string; pieces: string[] }
  | { type: "usage" };

/** One HTTP request that reached, or may have reached, the vendor: with all that is needed to book it alone. */
export interface Attempt {
  /** When it was made, ms since 1970, by the adapter's clock: the price of that moment is its price. */
  readonly at: number;
  readonly vendor: string;
  /** The one asked for. */
  readonly model: string;
  /** The vendor's HTTP status; null when no answer came. */
  status: number | null;
  /** Null for an attempt that was answered with an event stream. */
  errorCode: ErrorCode | null;
  modelServed: string | null;
  /** The vendor's usage object as it was sent, the last seen. */
  readonly usageRaw: string | null;
  /** What was counted in the answer because no usage does; null for nothing. */
  readonly counted: Counted | null;
}

/** An attempt with what is known of its answer at any moment, also after it failed or was cut. The adapter keeps it current. */
export interface AnsweredAttempt extends Attempt {
  /** Lower-case, e.g. "stop", "max_tokens", "blocked"; an unknown one is kept as sent. Null: the vendor never said. */
  finishReason: string | null;
  /** The vendor's own words on the finish or the block, if any; at most 1,000 characters. */
  finishDetail: string | null;
  /** What the answer held beside text, each once: "function_call", "file", "code", "code_result", "sources", "citations", or the vendor's name. */
  readonly notShown: readonly string[];
  /**
   * The answer's text parts as JSON when they hold more than plain text (signatures); else null. What is not text is not among them.
   * `answer`: all the words it said, which are not kept a second time.
   */
  printParts(answer: string): string | null;
}

/** What ends a call from outside. An AbortSignal is one; a turn's own costs less. */
export interface CallSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", end: () => void): void;
  removeEventListener(type: "abort", end: () => void): void;
}

/**
 * Hears of each attempt before it is sent, so that it can be written down. A promise is waited for; where it rejects, nothing
 * is sent and the call fails with that error.
 */
export type BeforeSend = (attempt: Attempt) => Promise<void> | undefined;

/**
 * A running call. Iterating it makes the request, and gives the events that each network read brought, together: a
 * promise for each of a hundred deltas would cost more than reading them. Ends normally when the vendor finished; throws ProviderError otherwise.
 * Aborting the signal given to `stream` ends the iteration (it throws; the caller knows why it aborted).
 */
export interface ProviderCall extends AsyncIterable<readonly ProviderEvent[]> {
  /** In order, from the moment each is sent; the last one is the one that delivered, if any did. Those that could not connect are not listed. */
  readonly attempts: readonly AnsweredAttempt[];
  /** Whether a request is with the vendor now. Not before the first one is sent, nor in the wait before another try. */
  readonly isInFlight: boolean;
}

export interface ProviderModel {
  id: string;
  displayName: string;
  inputTokenLimit: number;
  outputTokenLimit: number;
}

export interface Provider {
  readonly vendor: string;
  readonly printTurn: PrintTurn;
  /** Requests that one call may become, tries again included. */
  readonly mostAttempts: number;
  /**
   * Pure: whether these are parts as this vendor sends them for an answer with this text, and nothing else: then they may come from a file. What is sent
   * to the vendor must say no more than what people are shown.
   */
  acceptsParts(vendorParts: string, answer: string): boolean;
  /** Starts nothing by itself: the request is made when the call is iterated. */
  stream(request: ProviderRequest, signal: CallSignal, beforeSend?: BeforeSend): ProviderCall;
  /** Pure: the vendor's usage JSON -> counts a price applies to. Never throws; what it cannot believe counts as zero, and is not balanced. */
  readUsage(usageRaw: string): Meter;
  /** Exact token count of a request, from the vendor. */
  countTokens(request: ProviderRequest, signal: AbortSignal): Promise<number>;
  /** The models this key can reach. */
  listModels(signal: AbortSignal): Promise<ProviderModel[]>;
}

/** Why a call failed, in our words. `detail` is safe to show; the vendor's own text goes to `cause`, for the log. */
export class ProviderError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;
  /** The model exists no longer for this key: the one error on which a default model may be replaced. */
  readonly modelGone: boolean;
  /** The request was refused for its thinking: the one error on which another form of it may be sent. */
  readonly thinkingRefused: boolean;

  constructor(
    code: ErrorCode,
    detail: string,
    extras: { cause?: unknown; retryAfterSeconds?: number; modelGone?: boolean; thinkingRefused?: boolean } = {},
  ) {
    super(detail, { cause: extras.cause });
    this.name = "ProviderError";
    this.code = code;
    this.retryAfterSeconds = extras.retryAfterSeconds;
    this.modelGone = extras.modelGone ?? false;
    this.thinkingRefused = extras.thinkingRefused ?? false;
  }
}
