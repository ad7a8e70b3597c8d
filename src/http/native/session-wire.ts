// A session on the wire.

import { z } from "@hono/zod-openapi";
import type { Session } from "../../conversation/session.ts";
import type { FoundSession } from "../../store.ts";
import { userOutSchema } from "../user.ts";
import {
  costSchema,
  count,
  encodeCost,
  encodeUsage,
  exampleCost,
  exampleIds,
  exampleUsage,
  idSchema,
  orNull,
  printTime,
  printTimeOrNull,
  timeSchema,
  usageSchema,
} from "../wire.ts";
import { metadataSchema, paramsSchema } from "./fields.ts";

const shape = {
  id: idSchema,
  object: z.literal("session"),
  title: z.string().nullable().openapi({ description: "Null until given, or until the first message names it" }),
  model: z.string().nullable().openapi({ description: "Null: each turn uses the server's default of its day" }),
  system: z.string().nullable(),
  params: paramsSchema,
  metadata: metadataSchema,
  user: userOutSchema,
  pinned: z.boolean(),
  message_count: count,
  created_at: timeSchema,
  updated_at: timeSchema,
  active_at: timeSchema.openapi({ description: "When its newest message was sent; until then, when it was made" }),
  deleted_at: timeSchema.nullable(),
  running_turn_id: idSchema.nullable(),
  usage: usageSchema,
  cost: costSchema,
  imported: orNull(
    z.object({ at: timeSchema, cost: costSchema }).openapi("ImportedPart", {
      description:
        "When it came from a file, and what its turns had cost before: in `cost`, and no spend of this server",
      example: { at: "2026-11-23T09:31:00.000Z", cost: exampleCost },
    }),
  ),
  version: z.int().min(1).openapi({ description: "Grows by one with every change; the ETag" }),
};

export const exampleSession = {
  id: exampleIds.session,
  object: "session" as const,
  title: "Borscht for two",
  model: null,
  system: "Answer in one sentence.",
  params: { temperature: 0.7 },
  metadata: { customer: "c-17" },
  user: null,
  pinned: false,
  message_count: 2,
  created_at: "2026-11-23T09:30:00.000Z",
  updated_at: "2026-11-23T09:30:04.512Z",
  active_at: "2026-11-23T09:30:00.000Z",
  deleted_at: null,
  running_turn_id: null,
  usage: exampleUsage,
  cost: exampleCost,
  imported: null,
  version: 3,
};

export const sessionSchema = z.object(shape).openapi("Session", { example: exampleSession });
export type SessionWire = z.infer<typeof sessionSchema>;

export const foundSessionSchema = z
  .object({
    ...shape,
    snippet: z.string().nullable().optional().openapi({
      description:
        "Only in answers to ?q=: the words around what was found, as HTML: what was found stands between <mark> and </mark>, everything else is escaped",
    }),
    message_id: idSchema.nullable().optional().openapi({
      description: "Only in answers to ?q=: the message that the snippet is from; null where the title was found",
    }),
  })
  .openapi("ListedSession", { example: exampleSession });

/** A session that was found: the only HTML of this API, safe to show as it is. */
export function encodeFound(found: FoundSession) {
  return { ...encodeSession(found), snippet: found.snippet && markAsHtml(found.snippet), message_id: found.messageId };
}

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function markAsHtml(snippet: string): string {
  const escaped = snippet.replace(/[&<>"']/g, (sign) => entities[sign]!);
  return escaped.replaceAll("\ue000", "<mark>").replaceAll("\ue001", "</mark>");
}

export function encodeSession(session: Session): SessionWire {
  return {
    id: session.id,
    object: "session",
    title: session.title,
    model: session.model,
    system: session.system,
    params: session.params,
    metadata: session.metadata,
    user: session.user,
    pinned: session.pinned,
    message_count: session.messageCount,
    created_at: printTime(session.createdAt),
    updated_at: printTime(session.updatedAt),
    active_at: printTime(session.activeAt),
    deleted_at: printTimeOrNull(session.deletedAt),
    running_turn_id: session.runningTurnId,
    usage: encodeUsage(session.usage),
    cost: encodeCost(session.cost),
    imported: session.imported && {
      at: printTime(session.imported.at),
      cost: encodeCost(session.imported.cost),
    },
    version: session.version,
  };
}
