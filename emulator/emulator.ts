// The Gemini emulator: a wire-level stand-in for the generative language API over real HTTP, with faults on demand.

import type { Scenario } from "./scenario.ts";

export { faultNames } from "./fault-list.ts";
export type { Scenario } from "./scenario.ts";

/** One request as it arrived. It is filled in while the call runs. */
export interface RecordedCall {
  method: string;
  /** Path and query, the key taken out. */
  path: string;
  /** generateContent, streamGenerateContent, countTokens, listModels, getModel, or "" for an unknown path. */
  verb: string;
  /** Without a fault suffix. */
  model: string;
  /** Lower-case names; the key is taken out. */
  headers: Record<string, string>;
  bodyText: string;
  /** The body as JSON; undefined when it is not JSON. */
  readonly body: unknown;
  /** Milliseconds since the epoch. */
  at: number;
  /** The client went before the end of the answer. */
  disconnected: boolean;
  /** The whole answer was sent. */
  finished: boolean;
  /** 0 until the answer begins. */
  status: number;
  /** The last usage sent to the client, or null. */
  usage: Record<string, unknown> | null;
}

export interface EmulatorOptions {
  /** Default 0: any free port. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** Keys that are accepted. Default: any that is not empty. */
  apiKeys?: string[];
  /** Milliseconds between the events of a stream. Default 0. */
  chunkDelayMs?: number;
  log?: (line: string) => void;
  /** How many calls are kept; true is 1000 (the default), false none. */
  record?: boolean | number;
}

/** Bytes to send as they are: for recorded answers. */
export interface ServedReply {
  status?: number;
  headers?: Record<string, string>;
  /** One network write each. */
  chunks: (string | Uint8Array)[];
  end?: "normal" | "reset" | "hang";
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

/** Starts listening. */
export function startEmulator(_options: EmulatorOptions = {}): Promise<Emulator> {
  return Promise.reject(new Error("not written yet"));
}
