// A turn's events on the wire: `id`, `event` and one `data` line each. Every reader is encoded from here.

import type { EventRun, TurnEvent } from "../../turn/reader/event-run.ts";
import { encodeCost, encodeUsage } from "../wire.ts";
import { encodeMessage } from "./message-wire.ts";
import { encodeSession } from "./session-wire.ts";
import { encodeTurn } from "./turn-wire.ts";

/** A run of events as one text. */
export function encodeEvents({ first, events }: EventRun): string {
  let text = "";
  let number = first;
  for (const event of events) text += encodeEvent(number++, event);
  return text;
}

/** JSON escapes line ends, so an event's data is one line. */
function encodeEvent(number: number, event: TurnEvent): string {
  if (typeof event === "string") return `id: ${number}\nevent: text-delta\ndata: {"text":"${escapeText(event)}"}\n\n`;
  if (event.type === "thought-delta")
    return `id: ${number}\nevent: thought-delta\ndata: {"text":"${escapeText(event.text)}"}\n\n`;
  return `id: ${number}\nevent: ${event.type}\ndata: ${JSON.stringify(encodeData(event))}\n\n`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const escaped = /["\\\u0000-\u001f\ud800-\udfff]/;

/** A text as JSON holds it between the quotes. Most need no escape, and to look for one costs a fifth of printing. */
function escapeText(text: string): string {
  return escaped.test(text) ? JSON.stringify(text).slice(1, -1) : text;
}

function encodeData(event: Exclude<TurnEvent, string | { text: string }>) {
  switch (event.type) {
    case "usage":
      return { ...encodeUsage(event.usage), cost: encodeCost(event.cost) };
    case "turn-start":
      return {
        turn_id: event.turn.id,
        session_id: event.turn.sessionId,
        user_message_id: event.turn.userMessageId,
        reply_message_id: event.turn.replyMessageId,
        model: event.turn.modelRequested,
      };
    case "turn-end":
      return {
        turn: encodeTurn(event.turn),
        reply: encodeMessage(event.reply),
        session: encodeSession(event.session),
      };
  }
}
