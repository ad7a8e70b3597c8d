// A turn on the wire.

import { z } from "@hono/zod-openapi";
import type { Turn } from "../../turn/turn.ts";
import { userOutSchema } from "../user.ts";
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
  printTimeOrNull,
  timeSchema,
  turnErrorSchema,
  usageSchema,
} from "../wire.ts";
import { finishReasonSchema, noticesSchema, statusSchema } from "./message-wire.ts";

export const exampleTurn = {
  id: exampleIds.turn,
  object: "turn" as const,
  session_id: exampleIds.session,
  user_message_id: exampleIds.user,
  reply_message_id: exampleIds.reply,
  status: "complete" as const,
  model_requested: "swift-2",
  model_served: "swift-2",
  finish_reason: "stop",
  usage: exampleUsage,
  cost: exampleCost,
  error: null,
  notices: [],
  settled: true,
  user: null,
  key_id: null,
  imported: false,
  started_at: "2026-11-23T09:30:00.000Z",
  first_token_at: "2026-11-23T09:30:01.204Z",
  ended_at: "2026-11-23T09:30:04.512Z",
};

export const turnSchema = z
  .object({
    id: idSchema,
    object: z.literal("turn"),
    session_id: idSchema,
    user_message_id: idSchema,
    reply_message_id: idSchema,
    status: statusSchema,
    model_requested: z.string(),
    model_served: z.string().nullable(),
    finish_reason: finishReasonSchema.nullable(),
    usage: orNull(usageSchema),
    cost: orNull(costSchema),
    error: orNull(turnErrorSchema),
    notices: noticesSchema,
    settled: z.boolean().openapi({ description: "False while a stopped turn's bill is still being read" }),
    user: userOutSchema,
    key_id: idSchema.nullable().openapi({ description: "The key it was asked for with, or whose token" }),
    imported: z
      .boolean()
      .openapi({ description: "It came from a file: its cost is history, and no spend of this server" }),
    started_at: timeSchema,
    first_token_at: timeSchema.nullable(),
    ended_at: timeSchema.nullable(),
  })
  .openapi("Turn", { example: exampleTurn });
export type TurnWire = z.infer<typeof turnSchema>;

export function encodeTurn(turn: Turn): TurnWire {
  return {
    id: turn.id,
    object: "turn",
    session_id: turn.sessionId,
    user_message_id: turn.userMessageId,
    reply_message_id: turn.replyMessageId,
    status: turn.status,
    model_requested: turn.modelRequested,
    model_served: turn.modelServed,
    finish_reason: turn.finishReason,
    usage: turn.usage && encodeUsage(turn.usage),
    cost: turn.cost && encodeCost(turn.cost),
    error: turn.error && encodeFailure(turn.error),
    notices: turn.notices,
    settled: turn.settled,
    user: turn.user,
    key_id: turn.keyId,
    imported: turn.imported,
    started_at: printTime(turn.startedAt),
    first_token_at: printTimeOrNull(turn.firstTokenAt),
    ended_at: printTimeOrNull(turn.endedAt),
  };
}
