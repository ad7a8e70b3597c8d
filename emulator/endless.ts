// A vendor without limits: an answer, or a part of one, that never ends until the client goes.

import type { FaultName } from "./fault-list.ts";
import type { Script, Step } from "./script.ts";
import { type Framing, headersOf, printEvent } from "./wire.ts";

const piece = "endless ".repeat(8 * 1024);

type Part = Record<string, unknown>;

/** What each event of an endless stream holds. */
const parts: Partial<Record<FaultName, Part>> = {
  "endless-text": { text: piece },
  "endless-thoughts": { text: piece, thought: true },
  "endless-parts": { text: "", thoughtSignature: "A".repeat(piece.length) },
};

/** The beginning of something, and what goes on for ever after it. */
function* goOn(begin: string, more: string): Generator<Step> {
  yield { bytes: begin };
  while (true) {
    yield { bytes: more };
    yield { pauseMs: 0 };
  }
}

/** Undefined for any other fault. On a unary call, and as a JSON array, it is always the one text that does not end. */
export function endlessScript(fault: FaultName | undefined, framing: Framing): Script | undefined {
  if (fault === "endless-head") {
    const steps = goOn("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Endless: ", piece);
    return { status: 200, headers: {}, mute: true, raw: true, steps, end: "hang" };
  }
  const part = fault && parts[fault];
  if (!part && fault !== "endless-event") return undefined;
  const script = { status: 200, headers: headersOf(framing), end: "hang" as const };
  if (part && framing === "sse") {
    const event = printEvent({ candidates: [{ content: { parts: [part], role: "model" }, index: 0 }] });
    return { ...script, steps: goOn("", event) };
  }
  const begin = '{"candidates": [{"content": {"parts": [{"text": "';
  return { ...script, steps: goOn(framing === "sse" ? `data: ${begin}` : begin, piece) };
}
