// What the events of a turn do to the answer that is shown.

import type { Message, Turn, TurnEvent } from "../api/wire.ts";
import type { Shown } from "./shown.ts";

type Start = TurnEvent & { type: "turn-start" };

/** The turn has begun: its messages have ids now. */
export function noteStart(
  { turn_id, session_id, user_message_id, reply_message_id, model }: Start,
  answer: Shown,
  question: Shown | null,
): void {
  const common = { turn_id, session_id };
  answer.message.value = { ...answer.message.value, ...common, id: reply_message_id, model };
  if (question) question.message.value = { ...question.message.value, ...common, id: user_message_id };
}

export function noteProgress(event: TurnEvent, answer: Shown): void {
  if (event.type === "text-delta") answer.prose.append(event.text);
  else if (event.type === "thought-delta") answer.thoughts.append(event.text);
  else if (event.type === "usage" && answer.live.value) answer.live.value = { ...answer.live.value, usage: event };
}

export function noteTurn(answer: Shown, turn: Turn): void {
  answer.notices.value = turn.notices;
  answer.finishReason.value = turn.finish_reason;
}

/** The answer as it stays. What was on the screen stays there, also where the server lost it in a crash; then it is marked. */
export function noteEnd(turn: Turn, reply: Message, answer: Shown): void {
  const open = reply.status !== "complete";
  const seen = answer.prose.text;
  const lost = open && seen.length > reply.content.length && seen.startsWith(reply.content);
  answer.message.value = reply;
  noteTurn(answer, turn);
  answer.unsaved.value = lost ? seen.length - reply.content.length : 0;
  answer.prose.finish(lost ? undefined : reply.content, open);
  answer.thoughts.finish(undefined, open);
  answer.live.value = null;
}
