// A file of a session, read: all of it is checked before anything of it is believed.

import { z } from "@hono/zod-openapi";
import type { ImportedTurn, ImportSession } from "../../../conversation/import.ts";
import type { FieldError } from "../../../errors.ts";
import { type Cost, worseAccuracy } from "../../../money/ledger.ts";
import { parseUsd } from "../../../money/money.ts";
import { mostTokens, type Usage } from "../../../money/usage.ts";
import type { Provider } from "../../../provider.ts";
import { invalidRequest, mostErrors } from "../../field-errors.ts";
import { userSchema } from "../../user.ts";
import { askedIdSchema, costSchema, orNull, timeSchema, turnErrorSchema, usageSchema } from "../../wire.ts";
import { metadataSchema, modelSchema, paramsSchema, systemSchema, titleSchema } from "../fields.ts";
import { noticesSchema } from "../message-wire.ts";
import { callSchema } from "../money/receipt-wire.ts";
import { storablePattern } from "../visible.ts";
import { exampleExport, exportVersion } from "./export-wire.ts";

const mostMessageCharacters = 16_000_000;
const mostTurnCalls = 200;
const mostTurns = 100_000;
/** No model that is known has a longer name. */
const longestName = 128;
const text = z
  .string()
  .max(mostMessageCharacters)
  .openapi({ maxLength: mostMessageCharacters, pattern: storablePattern });
const name = z.string().min(1).max(longestName);
const emptyOrText = (schema: z.ZodType<string>) => schema.nullable().optional();

const turnSchema = z.object({
  id: askedIdSchema,
  parent_id: orNull(askedIdSchema),
  question: z.object({ id: askedIdSchema, content: text }),
  answer: z.object({
    id: askedIdSchema,
    content: text,
    thought: text.nullable(),
    vendor_parts: text.nullable(),
  }),
  status: z.enum(["complete", "stopped", "failed", "interrupted"]),
  model_requested: name,
  model_served: name.nullable(),
  finish_reason: z.string().max(longestName).nullable(),
  error: orNull(turnErrorSchema),
  notices: noticesSchema.max(20),
  usage: orNull(usageSchema),
  cost: orNull(costSchema),
  user: emptyOrText(userSchema),
  started_at: timeSchema,
  first_token_at: timeSchema.nullable(),
  ended_at: timeSchema.nullable(),
  calls: z.array(callSchema).max(mostTurnCalls),
});
type TurnIn = z.infer<typeof turnSchema>;

/** What is not named here is the other server's own, and passed over. */
export const importSchema = z
  .looseObject({
    object: z.literal("session_export"),
    version: z.literal(exportVersion, {
      error: `is not ${exportVersion}: the file was made by a program of another version, and this one reads version ${exportVersion}`,
    }),
    session: z.looseObject({
      id: askedIdSchema,
      title: emptyOrText(titleSchema),
      model: emptyOrText(modelSchema),
      system: emptyOrText(systemSchema),
      params: paramsSchema.optional(),
      metadata: metadataSchema.optional(),
      user: emptyOrText(userSchema),
      pinned: z.boolean().optional(),
      created_at: timeSchema,
      updated_at: timeSchema,
      active_at: timeSchema.optional(),
    }),
    tip: orNull(askedIdSchema),
    turns: z.array(turnSchema).max(mostTurns),
  })
  .openapi("SessionImport", {
    description: "What `GET /sessions/{id}/export` answers with",
    example: exampleExport,
  });
export type ImportWire = z.infer<typeof importSchema>;

/** Above it nothing is believed: a session of a million dollars, and sums that no row could hold. */
const mostPico = 10n ** 18n;

/** As the store takes it, without whom it is for. Throws invalid_request with a pointer to everything that does not fit. */
export function readImport(
  wire: ImportWire,
  acceptsParts: Provider["acceptsParts"],
): Omit<ImportSession, "owner" | "seesUser" | "copy" | "at" | "idempotency"> {
  const errors = checkTree(wire);
  const turns = wire.turns.map((turn, index) => readTurn(turn, index, acceptsParts, errors));
  const total = turns.reduce((sum, { cost }) => sum + (cost?.total ?? 0n), 0n);
  if (total > mostPico) errors.push({ pointer: "/turns", detail: "cost more together than a session may have cost" });
  if (errors.length > 0) throw invalidRequest(errors.slice(0, mostErrors));
  const { session } = wire;
  return {
    id: session.id,
    title: session.title ?? null,
    model: session.model ?? null,
    system: session.system ?? null,
    params: session.params ?? {},
    metadata: session.metadata ?? {},
    user: session.user ?? null,
    pinned: session.pinned ?? false,
    createdAt: Date.parse(session.created_at),
    updatedAt: Date.parse(session.updated_at),
    activeAt: Date.parse(session.active_at ?? session.updated_at),
    tip: wire.tip,
    turns,
  };
}

/** Every turn follows one that stands before it, and no id stands for two things. */
function checkTree({ session, tip, turns }: ImportWire): FieldError[] {
  const errors: FieldError[] = [];
  const ids = new Set([session.id]);
  const answers = new Set<string>();
  const messages = new Set<string>();
  for (const [index, { id, parent_id, question, answer }] of turns.entries()) {
    if (parent_id !== null && !answers.has(parent_id))
      errors.push({
        pointer: `/turns/${index}/parent_id`,
        detail: "must be the answer of a turn that stands before this one",
      });
    for (const [where, one] of [
      ["id", id],
      ["question/id", question.id],
      ["answer/id", answer.id],
    ] as const) {
      if (ids.has(one)) errors.push({ pointer: `/turns/${index}/${where}`, detail: "stands for something else, too" });
      ids.add(one);
    }
    answers.add(answer.id);
    messages.add(question.id).add(answer.id);
  }
  if (tip !== null && !messages.has(tip)) errors.push({ pointer: "/tip", detail: "must be one of the messages" });
  return errors;
}

function readTurn(
  turn: TurnIn,
  index: number,
  acceptsParts: Provider["acceptsParts"],
  errors: FieldError[],
): ImportedTurn {
  const { question, answer, error, calls } = turn;
  const parts = answer.vendor_parts;
  return {
    id: turn.id,
    parentId: turn.parent_id,
    questionId: question.id,
    answerId: answer.id,
    question: question.content,
    answer: answer.content,
    thought: answer.thought,
    // Another vendor's, or what no vendor sends, is of no use: the text alone is sent then.
    vendorParts: parts !== null && acceptsParts(parts, answer.content) ? parts : null,
    status: turn.status,
    modelRequested: turn.model_requested,
    modelServed: turn.model_served,
    finishReason: turn.finish_reason,
    error,
    notices: turn.notices,
    usage: turn.usage && readUsage(turn.usage, `/turns/${index}/usage`, errors),
    cost: turn.cost && readCost(turn.cost, `/turns/${index}/cost/total`, errors),
    user: turn.user ?? null,
    startedAt: Date.parse(turn.started_at),
    firstTokenAt: turn.first_token_at === null ? null : Date.parse(turn.first_token_at),
    endedAt: turn.ended_at === null ? null : Date.parse(turn.ended_at),
    calls: JSON.stringify(calls),
  };
}

function readUsage(wire: z.infer<typeof usageSchema>, pointer: string, errors: FieldError[]): Usage {
  for (const [field, count] of Object.entries(wire))
    if (count > mostTokens * mostTurnCalls)
      errors.push({ pointer: `${pointer}/${field}`, detail: "is more than any turn can have used" });
  return {
    inputTokens: wire.input_tokens,
    cachedTokens: wire.cached_tokens,
    outputTokens: wire.output_tokens,
    thinkingTokens: wire.thinking_tokens,
    toolTokens: wire.tool_tokens,
    totalTokens: wire.total_tokens,
  };
}

function readCost({ total, accuracy }: z.infer<typeof costSchema>, pointer: string, errors: FieldError[]): Cost {
  let pico: bigint | null = null;
  try {
    pico = total === null ? null : parseUsd(total);
  } catch {
    errors.push({ pointer, detail: "is no amount of USD" });
  }
  if (pico !== null && (pico < 0n || pico > mostPico))
    errors.push({ pointer, detail: "must be from 0 to 1000000 USD" });
  // What has no total is not known, whatever else is said of it.
  const known = pico === null ? worseAccuracy(accuracy, "unknown") : accuracy;
  return { total: pico, accuracy: known, unpricedTurns: known === "unknown" ? 1 : 0 };
}
