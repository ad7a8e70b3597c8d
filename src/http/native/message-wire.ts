// A message on the wire.

import { z } from "@hono/zod-openapi";
import { type Message, partsOf, type Siblings } from "../../conversation/message.ts";
import { noticeCodes } from "../../conversation/notice.ts";
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
  finish_reason: null,
  notices: [],
  model: null,
  usage: null,
  cost: null,
  error: null,
  created_at: "2026-11-23T09:30:00.000Z",
  siblings: { index: 1, count: 1, previous_id: null, next_id: null },
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
    finish_reason: "stop",
    model: "swift-2",
    usage: exampleUsage,
    cost: exampleCost,
  },
};

export const finishReasonSchema = z.string().openapi({
  description:
    "The vendor's, in lower case: stop, max_tokens, blocked, ... A blocked answer is a complete turn. tool_calls: the model " +
    "asked for a function; content_not_shown: all it gave is of a kind not shown yet; empty: nothing",
});
export const noticesSchema = z
  .array(z.object({ code: z.enum(noticeCodes), detail: z.string() }))
  .openapi({ description: "What you should know of how the turn was served" });

const siblingsSchema = z
  .object({
    index: z.int().min(1),
    count: z.int().min(1),
    previous_id: idSchema.nullable(),
    next_id: idSchema.nullable(),
  })
  .openapi("Siblings", {
    description:
      "The messages at this place, in the order they were made: of a question, the other questions after the same message; of an answer, the " +
      "other answers to the same question. PATCH the session's `tip` with one of them to go there",
    example: exampleMessage.siblings,
  });
type SiblingsWire = z.infer<typeof siblingsSchema>;

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
    finish_reason: finishReasonSchema.nullable(),
    notices: noticesSchema,
    model: z.string().nullable(),
    usage: orNull(usageSchema),
    cost: orNull(costSchema),
    error: orNull(turnErrorSchema),
    created_at: timeSchema,
    siblings: siblingsSchema,
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
    finish_reason: message.finishReason,
    notices: message.notices as MessageWire["notices"],
    model: message.model,
    usage: message.usage && encodeUsage(message.usage),
    cost: message.cost && encodeCost(message.cost),
    error: message.error && encodeFailure(message.error),
    created_at: printTime(message.createdAt),
    siblings: encodeSiblings(message.siblings),
  };
}

const noSiblings: SiblingsWire = { index: 1, count: 1, previous_id: null, next_id: null };

function encodeSiblings({ index, count, previousId, nextId }: Siblings): SiblingsWire {
  return count === 1 ? noSiblings : { index, count, previous_id: previousId, next_id: nextId };
}
