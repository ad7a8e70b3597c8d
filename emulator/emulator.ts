// The Gemini emulator: a wire-level stand-in for the generative language API over real HTTP, with faults on demand.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Call, type RecordedCall } from "./call.ts";
import { controlScript } from "./control.ts";
import { errorScript } from "./error-faults.ts";
import { PrefixCache } from "./prefix-cache.ts";
import { notFoundScript, routeVendor, type Service } from "./routes.ts";
import { type Scenario, ScenarioError } from "./scenario.ts";
import { ScenarioQueue, type ServedReply } from "./scenario-queue.ts";
import { bodyScript, playScript, type Script } from "./script.ts";
import { internalError, invalidArgument } from "./vendor-error.ts";

export type { RecordedCall } from "./call.ts";
export { type FaultName, faultNames } from "./fault-list.ts";
export type { Scenario } from "./scenario.ts";
export type { ServedReply } from "./scenario-queue.ts";

export interface EmulatorOptions {
  /** Default 0: any free port. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** Keys that are accepted. Default: any that is not empty. */
  apiKeys?: string[];
  /** Milliseconds between the events of a stream. Default 0. */
  chunkDelayMs?: number;
  /** The clock, in milliseconds since 1970: models retire by it. Default: the machine's. */
  now?: () => number;
  log?: (line: string) => void;
  /** How many calls are kept; true is 1000 (the default), false none. */
  record?: boolean | number;
}

export interface Emulator {
  /** http://HOST:PORT, without a version. */
  url: string;
  port: number;
  /** The calls that were kept, the oldest first. */
  readonly calls: RecordedCall[];
  /** Those of generateContent and streamGenerateContent. */
  generateCalls(): RecordedCall[];
  /** Generate calls since the start or the last reset, kept or not. */
  readonly callCount: number;
  /** The next generate calls take these, in order. A header or a model suffix of the call itself goes first. */
  play(...scenarios: Scenario[]): void;
  /** What every call gets when nothing is queued; null: the demo answer. */
  always(scenario: Scenario | null): void;
  /** The next generate call in the queue is answered with exactly these bytes, unchecked. */
  serve(reply: ServedReply): void;
  /** Resolves when no call is being answered. */
  idle(): Promise<void>;
  /** Forgets calls, queue, `always` and the prefix cache. */
  reset(): void;
  /** Cuts what is open and stops listening. */
  close(): Promise<void>;
}

const defaultKept = 1000;
const bodyLimitBytes = 20 * 1024 * 1024;

function keptCalls(record: boolean | number | undefined): number {
  if (record === undefined || record === true) return defaultKept;
  return record === false ? 0 : record;
}

/** The calls, the service behind them, and what is running now. */
class Desk {
  calls: Call[] = [];
  callCount = 0;
  #running = 0;
  #idlers: (() => void)[] = [];
  readonly service: Service;
  readonly #kept: number;
  readonly #log: ((line: string) => void) | undefined;

  constructor(options: EmulatorOptions) {
    this.#kept = keptCalls(options.record);
    this.#log = options.log;
    this.service = {
      cache: new PrefixCache(),
      queue: new ScenarioQueue(),
      chunkDelayMs: options.chunkDelayMs ?? 0,
      now: options.now ?? Date.now,
      apiKeys: options.apiKeys,
    };
  }

  /** Counts a call of the vendor's API, and watches how it ends. */
  enter(call: Call, response: ServerResponse): void {
    if (call.isGenerate) this.callCount += 1;
    this.calls.push(call);
    if (this.calls.length > this.#kept) this.calls.splice(0, this.calls.length - this.#kept);
    this.#running += 1;
    response.once("close", () => {
      const whole = call.finished && response.writableFinished;
      if (!whole && !call.cutByUs) call.disconnected = true;
      call.finished = whole;
      this.#running -= 1;
      if (this.#running === 0) for (const wake of this.#idlers.splice(0)) wake();
      this.#log?.(`${call.method} ${call.path} ${call.disconnected ? "client left" : call.status}`);
    });
  }

  idle(): Promise<void> {
    return this.#running === 0 ? Promise.resolve() : new Promise((resolve) => this.#idlers.push(resolve));
  }

  reset(): void {
    this.calls = [];
    this.callCount = 0;
    this.service.queue.clear();
    this.service.cache.clear();
  }

  report(error: unknown): void {
    this.#log?.(`the emulator itself failed: ${error instanceof Error ? error.stack : error}`);
  }

  /** The script for a request, whatever is wrong with it. */
  scriptFor(call: Call, request: IncomingMessage): Script {
    const url = request.url ?? "/";
    const key = request.headers["x-goog-api-key"];
    try {
      if (call.bytes.length > bodyLimitBytes) {
        return errorScript(
          invalidArgument(`Request payload size exceeds the limit: ${bodyLimitBytes} bytes.`),
          "unary",
        );
      }
      const script = routeVendor(call, url, Array.isArray(key) ? key[0] : key, this.service);
      return script ?? controlScript(call, this) ?? notFoundScript();
    } catch (error) {
      if (error instanceof ScenarioError || error instanceof SyntaxError) {
        return bodyScript(400, { "content-type": "text/plain; charset=utf-8" }, `emulator: ${error.message}\n`);
      }
      this.report(error);
      return errorScript(internalError(), "unary");
    }
  }
}

async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

async function handle(request: IncomingMessage, response: ServerResponse, desk: Desk): Promise<void> {
  const call = new Call(request);
  try {
    call.bytes = await readBody(request);
  } catch {
    return; // The client left before its request was complete.
  }
  const script = desk.scriptFor(call, request);
  if (call.verb !== "") desk.enter(call, response);
  try {
    await playScript(response, script, call);
  } catch (error) {
    desk.report(error); // For instance a served header that HTTP does not allow.
    response.destroy();
  }
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

/** Starts listening. Rejects when the address cannot be had. */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const desk = new Desk(options);
  // Kept-alive connections outlive any test: a client must never meet one that is just being closed.
  const server = createServer({ keepAliveTimeout: 600_000, requestTimeout: 0 }, (request, response) => {
    void handle(request, response, desk);
  });
  const host = options.host ?? "127.0.0.1";
  const port = await listen(server, options.port ?? 0, host);
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    port,
    get calls() {
      return desk.calls;
    },
    generateCalls: () => desk.calls.filter((call) => call.isGenerate),
    get callCount() {
      return desk.callCount;
    },
    play: (...scenarios) => desk.service.queue.play(scenarios),
    always: (scenario) => desk.service.queue.always(scenario),
    serve: (reply) => desk.service.queue.serve(reply),
    idle: () => desk.idle(),
    reset: () => desk.reset(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
