// A message on the wire.

import { z } from "@hono/zod-openapi";
import { type Message, partsOf } from "../../conversation/message.ts";
import {
  costSchema,
  encodeCost,
  encodeFailure,
  encodeUsage,
  exampleCost,
  exampleIds,
  exampleUsage,
  idSchema,
  orNull,
  printTime,
  timeSchema,
  turnErrorSchema,
  usageSchema,
} from "../wire.ts";

export const statusSchema = z.enum(["running", "complete", "stopped", "failed", "interrupted"]).openapi("Status");

const exampleMessage = {
  id: exampleIds.user,
  object: "message" as const,
  session_id: exampleIds.session,
  parent_id: null,
  turn_id: exampleIds.turn,
  role: "user" as const,
  content: "What goes into borscht?",
  parts: [{ type: "text" as const, text: "What goes into borscht?" }],
  status: "complete" as const,
  model: null,
  usage: null,
  cost: null,
  error: null,
  created_at: "2026-11-23T09:30:00.000Z",
};

export const exampleMessages = {
  user: exampleMessage,
  reply: {
    ...exampleMessage,
    id: exampleIds.reply,
    parent_id: exampleIds.user,
    role: "assistant" as const,
    content: "Beetroot, cabbage, potatoes and patience.",
    parts: [{ type: "text" as const, text: "Beetroot, cabbage, potatoes and patience." }],
    model: "swift-2",
    usage: exampleUsage,
    cost: exampleCost,
  },
};

export const messageSchema = z
  .object({
    id: idSchema,
    object: z.literal("message"),
    session_id: idSchema,
    parent_id: idSchema.nullable().openapi({ description: "The message this one follows" }),
    turn_id: idSchema,
    role: z.enum(["user", "assistant"]),
    content: z.string(),
    parts: z.array(z.object({ type: z.enum(["text", "thought"]), text: z.string() })).openapi({
      description: "What the message consists of, in order. More types will come: skip those you do not know",
    }),
    status: statusSchema,
    model: z.string().nullable(),
    usage: orNull(usageSchema),
    cost: orNull(costSchema),
    error: orNull(turnErrorSchema),
    created_at: timeSchema,
  })
  .openapi("Message", { example: exampleMessages.reply });
export type MessageWire = z.infer<typeof messageSchema>;

export function encodeMessage(message: Message): MessageWire {
  return {
    id: message.id,
    object: "message",
    session_id: message.sessionId,
    parent_id: message.parentId,
    turn_id: message.turnId,
    role: message.role,
    content: message.content,
    parts: partsOf(message),
    status: message.status,
    model: message.model,
    usage: message.usage && encodeUsage(message.usage),
    cost: message.cost && encodeCost(message.cost),
    error: message.error && encodeFailure(message.error),
    created_at: printTime(message.createdAt),
  };
}
