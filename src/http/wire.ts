// What the wire's objects have in common: times, tokens, money, lists; each schema beside the encoder that fills it.

import { z } from "@hono/zod-openapi";
import type { Failure } from "../conversation/message.ts";
import { errorCodes } from "../errors.ts";
import { accuracies, type Cost } from "../money/ledger.ts";
import { printUsd } from "../money/money.ts";
import { noUsage, type Usage } from "../money/usage.ts";

export const exampleIds = {
  session: "01939c5e-7b1a-7c3d-9f20-0c1d2e3f4a5b",
  turn: "01939c5e-7c44-7a10-8b11-1a2b3c4d5e6f",
  user: "01939c5e-7c44-7a11-9b12-2b3c4d5e6f70",
  reply: "01939c5e-7c44-7a12-ab13-3c4d5e6f7081",
};

export const idSchema = z.uuidv7();
/** An id as callers send it: in any case. */
export const askedIdSchema = z
  .string()
  .regex(
    /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$/,
    "must be an id: a UUIDv7",
  )
  .transform((id) => id.toLowerCase())
  .openapi({ type: "string", format: "uuid", example: exampleIds.session });
export const timeSchema = z.iso.datetime().openapi({ description: "ISO 8601, UTC, with milliseconds" });
export const usdSchema = z
  .string()
  .regex(/^-?\d+(\.\d{1,12})?$/)
  .openapi({ description: "USD as a decimal string: no exponent, at most 12 decimals, no trailing zeros" });
export const count = z.int().min(0);

/** For a schema with a name in the document: `.nullable()` would make the named one nullable everywhere. */
export function orNull<Named extends z.ZodType>(schema: Named) {
  return z.union([schema, z.null()]);
}

/** What was printed of late: a turn's answer has eight times, of three or four moments. */
const printed = new Map<number, string>();
const mostPrinted = 256;

export function printTime(ms: number): string {
  let time = printed.get(ms);
  if (time === undefined) {
    time = new Date(ms).toISOString();
    if (printed.size === mostPrinted) printed.clear();
    printed.set(ms, time);
  }
  return time;
}
export function printTimeOrNull(ms: number | null): string | null {
  return ms === null ? null : printTime(ms);
}

export const usageSchema = z
  .object({
    input_tokens: count.openapi({ description: "Cached ones included" }),
    cached_tokens: count,
    output_tokens: count.openapi({ description: "Without thinking" }),
    thinking_tokens: count,
    tool_tokens: count,
    total_tokens: count.openapi({ description: "input + output + thinking + tool" }),
  })
  .openapi("Usage", {
    example: {
      input_tokens: 12,
      cached_tokens: 0,
      output_tokens: 40,
      thinking_tokens: 120,
      tool_tokens: 0,
      total_tokens: 172,
    },
  });
export type UsageWire = z.infer<typeof usageSchema>;

export function encodeUsage(usage: Usage): UsageWire {
  return {
    input_tokens: usage.inputTokens,
    cached_tokens: usage.cachedTokens,
    output_tokens: usage.outputTokens,
    thinking_tokens: usage.thinkingTokens,
    tool_tokens: usage.toolTokens,
    total_tokens: usage.totalTokens,
  };
}

export const costSchema = z
  .object({
    currency: z.literal("USD"),
    total: usdSchema.nullable().openapi({ description: "Null when the price is not known; never 0 for that" }),
    accuracy: z.enum(accuracies).openapi({
      description:
        "exact: the vendor's final count. partial: the stream broke or was stopped after some counts. estimated: counted from the text. unknown: no price",
    }),
    unpriced_turns: count.openapi({ description: "Turns whose cost is not known, and so is not in the total" }),
  })
  .openapi("Cost", { example: { currency: "USD", total: "0.0004036", accuracy: "exact", unpriced_turns: 0 } });
export type CostWire = z.infer<typeof costSchema>;

/** A total of null with a price known for everything means that nothing was charged: "0". */
export function encodeCost(cost: Cost): CostWire {
  return {
    currency: "USD",
    total: printTotal(cost),
    accuracy: cost.accuracy,
    unpriced_turns: cost.unpricedTurns,
  };
}
export function printTotal(cost: Pick<Cost, "total" | "accuracy">): string | null {
  if (cost.total !== null) return printUsd(cost.total);
  return cost.accuracy === "unknown" ? null : "0";
}

export const exampleUsage = encodeUsage({
  ...noUsage,
  inputTokens: 12,
  outputTokens: 40,
  thinkingTokens: 120,
  totalTokens: 172,
});
export const exampleCost: CostWire = { currency: "USD", total: "0.0004036", accuracy: "exact", unpriced_turns: 0 };

export const turnErrorSchema = z
  .object({ code: z.enum(errorCodes), detail: z.string() })
  .openapi("Failure", { example: { code: "provider_timeout", detail: "The model was silent for too long." } });

export function encodeFailure({ code, detail }: Failure): z.infer<typeof turnErrorSchema> {
  return { code, detail };
}

export const problemSchema = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(errorCodes),
    request_id: idSchema,
    errors: z
      .array(z.object({ pointer: z.string(), detail: z.string() }))
      .optional()
      .openapi({ description: "Each wrong field: a JSON Pointer into the body, or ?name for a query value" }),
    error: z
      .object({ message: z.string(), type: z.string(), code: z.string(), param: z.string().nullable() })
      .openapi({ description: "The same for clients that expect OpenAI's shape" }),
  })
  .openapi("Problem", { description: "RFC 9457. Some codes bring further members, e.g. running_turn_id" });

/** A page of anything, as every list of ours looks. */
export function listSchema<Item extends z.ZodType>(item: Item, extra: z.ZodRawShape = {}) {
  return z.object({
    object: z.literal("list"),
    data: z.array(item),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
    ...extra,
  });
}
export function encodeList<Item extends { id: string }>(data: Item[], hasMore: boolean) {
  return {
    object: "list" as const,
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: hasMore,
  };
}
