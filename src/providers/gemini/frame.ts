// What a streamed answer is cut into.

import type { Run } from "./usual.ts";

/**
 * One thing found in the stream: an event's JSON; usual events that have been read; the JSON of an error that stood outside any event; what the stream
 * holds that is neither, in our words; or that something in it is longer than anything an answer has.
 */
export type Frame =
  | string
  | Run
  | { kind: "error"; json: string }
  | { kind: "broken"; why: string }
  | { kind: "too-long" };
