// Reads a provider call to its end and keeps everything it said, whether it ended well or not.

import { expect } from "bun:test";
import type { AnsweredAttempt, ProviderCall, ProviderEvent } from "../src/provider.ts";
import { ProviderError } from "../src/provider.ts";

export interface ReadCall {
  events: ProviderEvent[];
  text: string;
  thought: string;
  /** What was thrown; null for a call that ended well. */
  error: unknown;
  attempts: readonly AnsweredAttempt[];
  /** The last attempt, which speaks for the call. Only where something was sent. */
  readonly record: AnsweredAttempt;
}

export async function readCall(
  call: ProviderCall,
  onEvents: (events: readonly ProviderEvent[]) => void = () => {},
): Promise<ReadCall> {
  const read: ReadCall = {
    ...{ events: [], text: "", thought: "", error: null, attempts: call.attempts },
    get record() {
      return this.attempts.at(-1)!;
    },
  };
  try {
    for await (const events of call) {
      for (const event of events) {
        read.events.push(event);
        if (event.type === "text-delta") read.text += event.text;
        if (event.type === "thought-delta") read.thought += event.text;
      }
      onEvents(events);
    }
  } catch (error) {
    read.error = error;
  }
  return read;
}

/** Each piece by itself: which of them came together is not a matter of what was said. */
export function listPieces(events: readonly ProviderEvent[]) {
  return events.flatMap((event): { type: ProviderEvent["type"]; text?: string }[] => {
    if (event.type === "usage") return [event];
    expect([event.text, event.pieces.includes("")]).toEqual([event.pieces.join(""), false]);
    return event.pieces.map((text) => ({ type: event.type, text }));
  });
}

/** The code of what a call failed with; null when it ended well, and the text of anything that is not a ProviderError. */
export function codeOf(read: Pick<ReadCall, "error">): string | null {
  if (read.error === null) return null;
  return read.error instanceof ProviderError ? read.error.code : String(read.error);
}

/** Model, status and error code of each attempt. */
export const attemptsOf = ({ attempts }: Pick<ReadCall, "attempts">) =>
  attempts.map(({ model, status, errorCode }) => ({ model, status, errorCode }));
