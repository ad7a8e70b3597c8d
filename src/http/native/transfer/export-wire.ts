// An exported session on the wire: what `POST /sessions/import` takes back.

import { z } from "@hono/zod-openapi";
import type { ExportedTurn } from "../../../conversation/export.ts";
import type { Session } from "../../../conversation/session.ts";
import { userOutSchema } from "../../user.ts";
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
} from "../../wire.ts";
import { finishReasonSchema, noticesSchema } from "../message-wire.ts";
import { callSchema, joinCalls } from "../money/receipt-wire.ts";
import { encodeSession, exampleSession, sessionSchema } from "../session-wire.ts";

/** What an export says of itself. A file of a newer form is refused by an older server. */
export const exportVersion = 1 as const;

const turnShape = {
  id: idSchema,
  parent_id: idSchema.nullable().openapi({ description: "The answer that it follows; null at a beginning" }),
  question: z.object({ id: idSchema, content: z.string() }),
  answer: z.object({
    id: idSchema,
    content: z.string(),
    thought: z.string().nullable(),
    vendor_parts: z.string().nullable().openapi({
      description: "The answer as the vendor signed it, to be sent back to it: JSON in a text, byte for byte",
    }),
  }),
  status: z.enum(["complete", "stopped", "failed", "interrupted"]),
  model_requested: z.string(),
  model_served: z.string().nullable(),
  finish_reason: finishReasonSchema.nullable(),
  error: orNull(turnErrorSchema),
  notices: noticesSchema,
  usage: orNull(usageSchema),
  cost: orNull(costSchema),
  user: userOutSchema,
  started_at: timeSchema,
  first_token_at: timeSchema.nullable(),
  ended_at: timeSchema.nullable(),
  calls: z.array(callSchema).openapi({ description: "Every call to the vendor, as the receipt has it" }),
};

const exportedTurnSchema = z.object(turnShape).openapi("ExportedTurn");
export type ExportedTurnWire = z.infer<typeof exportedTurnSchema>;

export const exampleExport = {
  object: "session_export" as const,
  version: exportVersion,
  exported_at: "2026-11-23T09:31:00.000Z",
  session: exampleSession,
  tip: exampleIds.reply,
  turns: [
    {
      id: exampleIds.turn,
      parent_id: null,
      question: { id: exampleIds.user, content: "What goes into borscht?" },
      answer: {
        id: exampleIds.reply,
        content: "Beetroot, cabbage, potatoes and patience.",
        thought: null,
        vendor_parts: null,
      },
      status: "complete" as const,
      model_requested: "swift-2",
      model_served: "swift-2",
      finish_reason: "stop",
      error: null,
      notices: [],
      usage: exampleUsage,
      cost: exampleCost,
      user: null,
      started_at: "2026-11-23T09:30:00.000Z",
      first_token_at: "2026-11-23T09:30:01.204Z",
      ended_at: "2026-11-23T09:30:04.512Z",
      calls: [],
    },
  ],
};

export const exportSchema = z
  .object({
    object: z.literal("session_export"),
    version: z.literal(exportVersion),
    exported_at: timeSchema,
    session: sessionSchema,
    tip: idSchema.nullable().openapi({ description: "The newest message of the current branch" }),
    turns: z.array(exportedTurnSchema).openapi({
      description: "All of them, on every branch, each behind the one that it follows. One that still runs is left out",
    }),
  })
  .openapi("SessionExport", {
    example: exampleExport,
  });

/** The file up to its first turn; turns follow with commas between them, then `exportEnd`. All of it is one line. */
function encodeExportHead(session: Session, tip: string | null, at: number, more: object): string {
  const head = {
    ...{ object: "session_export", version: exportVersion, exported_at: printTime(at), ...more },
    ...{ session: { ...encodeSession(session), running_turn_id: null }, tip },
  };
  return `${JSON.stringify(head).slice(0, -1)},"turns":[`;
}

const exportEnd = "]}";

function encodeExportedTurn(turn: ExportedTurn): ExportedTurnWire {
  return {
    id: turn.id,
    parent_id: turn.parentId,
    question: { id: turn.questionId, content: turn.question },
    answer: { id: turn.answerId, content: turn.answer, thought: turn.thought, vendor_parts: turn.vendorParts },
    status: turn.status as ExportedTurnWire["status"],
    model_requested: turn.modelRequested,
    model_served: turn.modelServed,
    finish_reason: turn.finishReason,
    error: turn.error && encodeFailure(turn.error),
    notices: turn.notices,
    usage: turn.usage && encodeUsage(turn.usage),
    cost: turn.cost && encodeCost(turn.cost),
    user: turn.user,
    started_at: printTime(turn.startedAt),
    first_token_at: printTimeOrNull(turn.firstTokenAt),
    ended_at: printTimeOrNull(turn.endedAt),
    calls: joinCalls(turn.importedCalls, turn.entries),
  };
}

/** The whole file, some turns at a time. `more`: what only an operator is told. */
export async function* printExport(
  { session, tip, turns }: { session: Session; tip: string | null; turns: AsyncIterable<ExportedTurn[]> },
  at: number,
  more: { project?: string } = {},
): AsyncGenerator<string, void, void> {
  let before = encodeExportHead(session, tip, at, more);
  for await (const some of turns) {
    yield before + some.map((turn) => JSON.stringify(encodeExportedTurn(turn))).join(",");
    before = ",";
  }
  yield `${before === "," ? "" : before}${exportEnd}`;
}
