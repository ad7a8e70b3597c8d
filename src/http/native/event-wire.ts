// A turn's events on the wire: `id`, `event` and one `data` line each. Every reader is encoded from here.

import type { NumberedEvent, TurnEvent } from "../../turn/reader/numbered-event.ts";
import { encodeCost, encodeUsage } from "../wire.ts";
import { encodeMessage } from "./message-wire.ts";
import { encodeSession } from "./session-wire.ts";
import { encodeTurn } from "./turn-wire.ts";

/** A run of events as one text. JSON escapes line ends, so each event's data is one line. */
export function encodeEvents(group: readonly NumberedEvent[]): string {
  let text = "";
  for (const { number, event } of group) text += `id: ${number}\nevent: ${event.type}\ndata: ${encodeData(event)}\n\n`;
  return text;
}

function encodeData(event: TurnEvent): string {
  switch (event.type) {
    case "text-delta":
    case "thought-delta":
      return `{"text":${JSON.stringify(event.text)}}`;
    case "usage":
      return JSON.stringify({ ...encodeUsage(event.usage), cost: encodeCost(event.cost) });
    case "turn-start":
      return JSON.stringify({
        turn_id: event.turn.id,
        session_id: event.turn.sessionId,
        user_message_id: event.turn.userMessageId,
        reply_message_id: event.turn.replyMessageId,
        model: event.turn.modelRequested,
      });
    case "turn-end":
      return JSON.stringify({
        turn: encodeTurn(event.turn),
        reply: encodeMessage(event.reply),
        session: encodeSession(event.session),
      });
  }
}
