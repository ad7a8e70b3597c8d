// Turns the events of an answer into network writes, whole or broken on purpose.

import type { ResponseEvent } from "./events.ts";
import type { Scenario, Split } from "./scenario.ts";
import type { Script, Step } from "./script.ts";
import { errorBody, overloaded } from "./vendor-error.ts";
import { type Framing, headersOf, printEvent, printLine, printPretty } from "./wire.ts";

/** One event as bytes, with the usage it carries. */
interface Frame {
  text: string;
  usage?: Record<string, unknown>;
}

/** Long enough for two writes to arrive as two reads, short enough not to be noticed. */
const splitPauseMs = 4;

function framesOf(events: ResponseEvent[], scenario: Scenario, framing: Framing): Frame[] {
  return events.map((event, index) => {
    const usage = event.usageMetadata;
    if (framing === "array") return { text: `${index === 0 ? "[" : ",\r\n"}${printPretty(event).trimEnd()}`, usage };
    const lines = scenario.fault === "named-events" ? `event: message\r\nid: ${index}\r\n` : "";
    return { text: lines + printEvent(event), usage };
  });
}

function writeOf(frame: Frame): Step {
  return frame.usage === undefined ? { bytes: frame.text } : { bytes: frame.text, usage: frame.usage };
}

/** The first place inside a character of several bytes; the middle where there is none. */
function insideCharacter(bytes: Uint8Array): number {
  const lead = bytes.findIndex((byte) => byte >= 0xc0);
  return lead >= 0 ? lead + 1 : bytes.length >> 1;
}

function splitSteps(frames: Frame[], split: Split): Step[] {
  if (split === "glued") {
    const usage = frames.at(-1)?.usage;
    return [writeOf({ text: frames.map((frame) => frame.text).join(""), usage })];
  }
  const pause: Step = { pauseMs: splitPauseMs };
  if (split === "utf8") {
    return frames.flatMap((frame) => {
      const bytes = Buffer.from(frame.text);
      const at = insideCharacter(bytes);
      const rest: Step = frame.usage
        ? { bytes: bytes.subarray(at), usage: frame.usage }
        : { bytes: bytes.subarray(at) };
      return [{ bytes: bytes.subarray(0, at) }, pause, rest, pause];
    });
  }
  let carried = "";
  const steps: Step[] = [];
  for (const frame of frames) {
    const middle = frame.text.length >> 1;
    steps.push(writeOf({ text: carried + frame.text.slice(0, middle), usage: frame.usage }), pause);
    carried = frame.text.slice(middle);
  }
  return [...steps, { bytes: carried }];
}

function pacedSteps(frames: Frame[], delayMs: number): Step[] {
  if (delayMs <= 0) return frames.map(writeOf);
  return frames.flatMap((frame, index) => (index === 0 ? [writeOf(frame)] : [{ pauseMs: delayMs }, writeOf(frame)]));
}

const faultSplits: Partial<Record<string, Split>> = { "split-utf8": "utf8", glued: "glued", halves: "halves" };

function stepsOf(frames: Frame[], scenario: Scenario, delayMs: number): Step[] {
  const split = faultSplits[scenario.fault ?? ""] ?? scenario.split ?? "events";
  return split === "events" ? pacedSteps(frames, delayMs) : splitSteps(frames, split);
}

function rawError(framing: Framing, comma: boolean): string {
  const body = printPretty(errorBody(overloaded()));
  return framing === "array" && comma ? `,\r\n${body.trimEnd()}\n]` : body;
}

/** What goes out in place of the rest, after `sent`; undefined when the stream stays whole. */
function brokenTail(scenario: Scenario, framing: Framing, sent: Frame[], next: Frame): Step[] | undefined {
  const body = rawError(framing, sent.length > 0);
  const pause: Step = { pauseMs: splitPauseMs };
  const { code: _, ...nameless } = errorBody(overloaded()).error;
  switch (scenario.fault) {
    case "raw-error-alone":
      return [pause, { bytes: body }];
    case "raw-error-glued":
      return [{ bytes: (sent.at(-1)?.text ?? "") + body }];
    case "raw-error-split":
      return [pause, { bytes: body.slice(0, 40) }, pause, { bytes: body.slice(40) }];
    case "array-error":
      return [pause, { bytes: framing === "array" ? body : `[${body.trimEnd()}\n]` }];
    case "data-error":
      return [{ bytes: framing === "array" ? body : `data: ${printLine(errorBody(overloaded()))}\r\n\r\n` }];
    case "data-error-no-code":
      return [{ bytes: framing === "array" ? body : `data: ${printLine({ error: nameless })}\r\n\r\n` }];
    case "bad-event":
      return [{ bytes: framing === "array" ? ',\r\n{"candidates": oops}\n]' : 'data: {"candidates": oops}\r\n\r\n' }];
    case "truncated-event":
      return [{ bytes: next.text.slice(0, next.text.length >> 1) }];
    case "reset-midstream":
    case "close-midstream":
      // The events must be with the client before the connection goes, or a reset would take them back.
      return [{ pauseMs: 20 }];
    case "stall":
      return [];
    default:
      return undefined;
  }
}

function endOf(fault: Scenario["fault"]): Script["end"] {
  if (fault === "reset-midstream") return "reset";
  if (fault === "close-midstream") return "close";
  return fault === "stall" || fault === "slow-drip" ? "hang" : "normal";
}

/** A tiny event again and again; never the end. */
function* drip(first: Step[], delayMs: number, framing: Framing, event: ResponseEvent | undefined): Generator<Step> {
  yield* first;
  const tiny = { ...event, candidates: [{ content: { parts: [{ text: "." }], role: "model" }, index: 0 }] };
  const bytes = framing === "array" ? `,\r\n${printPretty(tiny).trimEnd()}` : printEvent(tiny);
  while (true) {
    yield { pauseMs: delayMs };
    yield { bytes };
  }
}

/** The whole stream: `delayMs` between events unless the scenario says otherwise. */
export function streamScript(
  events: ResponseEvent[],
  scenario: Scenario,
  framing: Framing,
  defaultDelayMs: number,
): Script {
  const frames = framesOf(events, scenario, framing);
  const delayMs = scenario.delayMs ?? defaultDelayMs;
  const sent = frames.slice(0, Math.min(scenario.after ?? 2, frames.length - 1));
  const script = { status: 200, headers: headersOf(framing), end: endOf(scenario.fault) };
  if (scenario.fault === "slow-drip") {
    return { ...script, steps: drip(stepsOf(sent, scenario, 0), scenario.delayMs ?? 1000, framing, events[0]) };
  }
  const tail = brokenTail(scenario, framing, sent, frames[sent.length] ?? { text: "" });
  const whole = scenario.fault === "raw-error-glued" ? sent.slice(0, -1) : sent;
  if (tail) return { ...script, steps: [...stepsOf(whole, scenario, delayMs), ...tail] };
  const last = frames.at(-1);
  if (last && framing === "array") last.text += "\n]";
  else if (last && scenario.fault === "no-final-delimiter") last.text = last.text.trimEnd();
  if (scenario.fault === "done-marker" && framing === "sse") frames.push({ text: "data: [DONE]\r\n\r\n" });
  return { ...script, steps: stepsOf(frames, scenario, delayMs) };
}
