// The adapter for Gemini: a call is opened with retries, read to the end of its stream, and its record kept current.

import type { ModelInfo } from "../../model/model-info.ts";
import type { BeforeSend, CallSignal, Provider, ProviderCall, ProviderEvent, ProviderRequest } from "../../provider.ts";
import { type Deadlines, Line } from "../call-clock.ts";
import { createPost } from "../http/client.ts";
import { chooseProxy, type ProxySettings } from "../http/proxy.ts";
import { chooseRetryDelay, defaultRetryPolicy, type RetryPolicy, waitFor } from "../retry.ts";
import { hideInError, hideSecret } from "../secret.ts";
import { checkKey, type GeminiContext, timeoutError } from "./context.ts";
import { GeminiError } from "./errors.ts";
import { acceptsParts } from "./parts.ts";
import { type AttemptRecord, vendor } from "./record.ts";
import { type AnswerStream, codeOfAttempt, type HttpRequest, headersFor, openRequest } from "./request.ts";
import { readGeminiUsage } from "./usage.ts";
import { buildBody, modelPath, printTurn } from "./wire.ts";

export interface GeminiSettings {
  apiKey: string;
  /** Without `/v1beta`; a path prefix is kept. Default: the vendor's own address. */
  baseUrl?: string;
  deadlines?: Partial<Deadlines>;
  retry?: Partial<RetryPolicy>;
  /** The catalogue: what a model takes for thinking is data. */
  findModel?: (model: string) => ModelInfo | undefined;
  /** Between 0 and 1, for the jitter of retries. */
  random?: () => number;
  /** The clock by which each attempt is dated, ms since 1970. */
  now?: () => number;
  /** Default: no proxy is on the way. */
  proxies?: ProxySettings | undefined;
}

export const geminiBaseUrl = "https://generativelanguage.googleapis.com";
const defaultDeadlines: Deadlines = { firstByteMs: 60_000, idleMs: 60_000, totalMs: 600_000 };

/** The adapter. Makes no request by itself and never checks a key by its pattern. Throws with a sentence for the operator on an address that is none. */
export function createGemini(settings: GeminiSettings): Provider {
  const apiKey = settings.apiKey.trim();
  const context: GeminiContext = {
    apiKey,
    hide: (text) => hideSecret(text, apiKey),
    baseUrl: (settings.baseUrl ?? geminiBaseUrl).replace(/\/+$/, ""),
    deadlines: { ...defaultDeadlines, ...settings.deadlines },
    retry: { ...defaultRetryPolicy, ...settings.retry },
    findModel: settings.findModel ?? (() => undefined),
    random: settings.random ?? Math.random,
    now: settings.now ?? Date.now,
    proxies: settings.proxies ?? { http: null, https: null, except: null },
  };
  chooseProxy(new URL(context.baseUrl), context.proxies);
  const control = () => import("./sdk.ts");
  return {
    vendor,
    printTurn,
    mostAttempts: context.retry.maxAttempts,
    acceptsParts,
    stream: (request, signal, beforeSend) => new GeminiCall(context, request, signal, beforeSend),
    readUsage: readGeminiUsage,
    countTokens: async (request, signal) => (await control()).countTokens(context, request, signal),
    listModels: async (signal) => (await control()).listModels(context, signal),
  };
}

/** One call. An iterator of its own: an async generator makes every read dearer. */
class GeminiCall implements ProviderCall, AsyncIterator<ProviderEvent[], undefined> {
  readonly #context: GeminiContext;
  /** Until it is sent: it may be long, and so may the answer take. */
  #request: ProviderRequest | null;
  readonly #signal: CallSignal;
  readonly #beforeSend: BeforeSend | undefined;
  readonly attempts: AttemptRecord[] = [];
  isInFlight = false;
  #iterated = false;
  #over = false;
  #line: Line | undefined;
  #stream: AnswerStream | undefined;

  constructor(
    context: GeminiContext,
    request: ProviderRequest,
    signal: CallSignal,
    beforeSend: BeforeSend | undefined,
  ) {
    this.#context = context;
    this.#request = request;
    this.#signal = signal;
    this.#beforeSend = beforeSend;
  }

  [Symbol.asyncIterator](): this {
    if (this.#iterated) throw new Error("a provider call can be iterated only once");
    this.#iterated = true;
    return this;
  }

  async next(): Promise<IteratorResult<ProviderEvent[], undefined>> {
    if (this.#stream?.isOver) this.#end();
    if (this.#over) return finished;
    try {
      if (this.#signal.aborted) throw this.#signal.reason;
      const batch = await (this.#stream === undefined ? this.#open() : this.#stream.nextBatch());
      if (batch !== null) return { done: false, value: batch };
    } catch (error) {
      this.#end();
      if (this.#signal.aborted) throw this.#signal.reason;
      const clean = hideInError(error, this.#context.apiKey);
      throw this.#line?.expired ? timeoutError(this.#line.expired, clean) : clean;
    }
    this.#end();
    return finished;
  }

  async return(): Promise<IteratorResult<ProviderEvent[], undefined>> {
    this.#end();
    return finished;
  }

  /** Sends the request, again where that may help, until the first events are there. */
  async #open(): Promise<ProviderEvent[] | null> {
    const context = this.#context;
    const line = new Line(context.deadlines, this.#signal);
    this.#line = line;
    if (this.#request === null) throw new Error("a provider call is asked for one batch after another");
    const request = buildRequest(context, this.#request, line, this.#beforeSend);
    this.#request = null;
    for (let waitedMs = 0, tries = 1, late = 0; ; tries++) {
      let stream: AnswerStream | undefined;
      try {
        stream = await openRequest(request, this);
        const batch = await stream.nextBatch();
        this.#stream = stream;
        return batch;
      } catch (error) {
        stream?.release();
        this.isInFlight = false;
        if (!(error instanceof GeminiError)) throw error;
        if (stream) stream.attempt.errorCode = codeOfAttempt(error, line);
        if (error.retry === "once") late++;
        if (error.retry === "no" || late > 1 || line.isCut) throw error;
        const vendorDelaySeconds = error.retryAfterSeconds;
        const question = { attempts: tries, waitedMs, vendorDelaySeconds, random: context.random() };
        const delayMs = chooseRetryDelay(context.retry, question);
        if (delayMs === undefined) throw error;
        line.stopWaiting();
        await waitFor(delayMs, line);
        waitedMs += delayMs;
      }
    }
  }

  #end(): void {
    this.#over = true;
    this.isInFlight = false;
    this.#line?.close();
    this.#stream?.release();
  }
}

const finished = { done: true, value: undefined } as const;

/** The way out is made at the first one: the key must be one that a header can hold. */
function buildRequest(
  context: GeminiContext,
  request: ProviderRequest,
  line: Line,
  beforeSend: BeforeSend | undefined,
): HttpRequest {
  context.post ??= createPost(context.baseUrl, headersFor(checkKey(context.apiKey)), context.proxies);
  return {
    context,
    post: context.post,
    path: `${modelPath(request.model, "streamGenerateContent")}?alt=sse`,
    body: buildBody(request, context.findModel(request.formOf ?? request.model)?.thinking),
    model: request.model,
    line,
    beforeSend,
  };
}
