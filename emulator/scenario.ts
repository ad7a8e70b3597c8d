// What one generate call should be answered with: a plain JSON value, readable from code, a header or the control endpoint.

import { type FaultName, isFaultName } from "./fault-list.ts";

/** How the bytes of the events are cut into network writes. */
export type Split = "events" | "utf8" | "glued" | "halves";

/** Every field is optional; `{}` is the plain demo answer. Unknown fields are refused, so that a typo cannot pass as a test. */
export interface Scenario {
  /** One of `faultNames`. */
  fault?: FaultName;
  /** How many calls this scenario answers before the next one takes over. Default 1 in `play`, without end in `always`. */
  times?: number;
  /** Mid-stream faults: how many events go out before it. Default 2. */
  after?: number;
  /** The visible answer. Without it: the demo answer, or `chunks` words of filler. */
  text?: string;
  /** How many events carry the text. Default: a few words each. */
  chunks?: number;
  /** Characters per event of filler text. Default 8. */
  chunkChars?: number;
  /** Milliseconds between events. Default: the emulator's `chunkDelayMs`. */
  delayMs?: number;
  /** Milliseconds before the response headers. */
  firstByteMs?: number;
  /** Text of a thought part sent first, whatever the request asked for. */
  thoughts?: string;
  /** Thinking tokens. Default: counted from `thoughts`. */
  thoughtsTokens?: number;
  /** Tokens that tools put into the prompt. */
  toolTokens?: number;
  /** Prompt tokens reported as served from the cache (the prompt is never reported smaller). Default: the emulator's own prefix cache. */
  cached?: number;
  /** Sent as it is in every event; null sends none. */
  usage?: Record<string, unknown> | null;
  modelVersion?: string;
  responseId?: string;
  /** Default STOP; null ends the stream without one. */
  finishReason?: string | null;
  finishMessage?: string;
  /** Base64; sent in a last part with an empty text, as Gemini 3 does. */
  signature?: string;
  /** The finish comes in a last event whose text is empty, as in two of seven recordings. */
  emptyLast?: boolean;
  split?: Split;
  /** quota-minute and quota-day: what RetryInfo says, in seconds. Default 48. */
  retryDelaySeconds?: number;
  /** huge-event: bytes of its text. Default 3 MB. */
  bytes?: number;
  /** Answers without reading the request (no validation, no count of it): the fastest path, for load. */
  unchecked?: boolean;
}

type FieldKind = "string" | "number" | "boolean" | "nullable-string" | "nullable-object" | "fault" | "split";

const fields: Record<keyof Scenario, FieldKind> = {
  fault: "fault",
  times: "number",
  after: "number",
  text: "string",
  chunks: "number",
  chunkChars: "number",
  delayMs: "number",
  firstByteMs: "number",
  thoughts: "string",
  thoughtsTokens: "number",
  toolTokens: "number",
  cached: "number",
  usage: "nullable-object",
  modelVersion: "string",
  responseId: "string",
  finishReason: "nullable-string",
  finishMessage: "string",
  signature: "string",
  emptyLast: "boolean",
  split: "split",
  retryDelaySeconds: "number",
  bytes: "number",
  unchecked: "boolean",
};

const splits: readonly string[] = ["events", "utf8", "glued", "halves"];

function fits(kind: FieldKind, value: unknown): boolean {
  switch (kind) {
    case "number":
      return typeof value === "number" && Number.isFinite(value) && value >= 0;
    case "nullable-string":
      return value === null || typeof value === "string";
    case "nullable-object":
      return value === null || (typeof value === "object" && !Array.isArray(value));
    case "fault":
      return typeof value === "string" && isFaultName(value);
    case "split":
      return typeof value === "string" && splits.includes(value);
    default:
      return typeof value === kind;
  }
}

/** A scenario that cannot be played: the message names the field. */
export class ScenarioError extends Error {}

/** Checks a value from outside. Throws ScenarioError. */
export function parseScenario(value: unknown): Scenario {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ScenarioError("a scenario is a JSON object");
  }
  for (const [name, field] of Object.entries(value)) {
    const kind = Object.hasOwn(fields, name) ? fields[name as keyof Scenario] : undefined;
    if (kind === undefined) throw new ScenarioError(`unknown field "${name}"`);
    if (field !== undefined && !fits(kind, field)) {
      throw new ScenarioError(`"${name}" cannot be ${JSON.stringify(field)}`);
    }
  }
  return value as Scenario;
}
