// The event stream in the OpenAPI document: what each event's data looks like, and a whole small stream as the example.

import { z } from "@hono/zod-openapi";
import type { Answer } from "../route.ts";
import { costSchema, exampleIds, idSchema, usageSchema } from "../wire.ts";
import { exampleMessages, messageSchema } from "./message-wire.ts";
import { exampleSession, sessionSchema } from "./session-wire.ts";
import { exampleTurn, turnSchema } from "./turn-wire.ts";

/** The data of each event, under its name in the document. */
export const eventSchemas = {
  TurnStartEvent: z.object({
    turn_id: idSchema,
    session_id: idSchema,
    user_message_id: idSchema,
    reply_message_id: idSchema,
    model: z.string(),
  }),
  TextDeltaEvent: z.object({ text: z.string() }),
  ThoughtDeltaEvent: z.object({ text: z.string() }),
  UsageEvent: z.object({ ...usageSchema.shape, cost: costSchema }),
  TurnEndEvent: z.object({ turn: turnSchema, reply: messageSchema, session: sessionSchema }),
};

const start = {
  turn_id: exampleIds.turn,
  session_id: exampleIds.session,
  user_message_id: exampleIds.user,
  reply_message_id: exampleIds.reply,
  model: "swift-2",
};
const exampleEvents: [string, object][] = [
  ["turn-start", start],
  ["text-delta", { text: "Beetroot, cabbage, " }],
  ["text-delta", { text: "potatoes and patience." }],
  ["turn-end", { turn: exampleTurn, reply: exampleMessages.reply, session: exampleSession }],
];
const exampleStream = exampleEvents
  .map(([type, data], index) => `id: ${index + 1}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`)
  .join("");

export const eventStreamAnswer: Answer = {
  description:
    "The turn as it happens: events numbered from 1 within the turn (`id`). First `turn-start`, then `text-delta`, " +
    "`thought-delta` and `usage`, always last `turn-end`. A comment every 15 s of silence. A stream that ends without " +
    "`turn-end` means: ask GET /turns/{id}/events with Last-Event-ID.",
  content: {
    "text/event-stream": {
      schema: z.string().openapi("EventStream", {
        description:
          "Data by event: turn-start TurnStartEvent, text-delta TextDeltaEvent, thought-delta ThoughtDeltaEvent, usage UsageEvent, turn-end TurnEndEvent",
      }),
      example: exampleStream,
    },
  },
};
