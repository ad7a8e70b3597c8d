// The fields that callers send: what each may be, and the sentence for when it is not.

import { z } from "@hono/zod-openapi";
import { thinkingLevels } from "../../model/params.ts";
import { askedIdSchema } from "../wire.ts";
import { storablePattern, visible, visiblePattern } from "./visible.ts";

/** Text of at most `max` characters (code points, as JSON Schema counts) that says something. */
export function textSchema(max: number) {
  return z
    .string()
    .refine((text) => visible.test(text), { error: "must not be blank", abort: true })
    .refine((text) => fits(text, max), `must have at most ${max} characters`)
    .openapi({
      minLength: 1,
      maxLength: max,
      pattern: visiblePattern,
      description: "At least one character that can be seen; no U+0000",
    });
}

/** Counting code points is slow, so it is done only for a text whose length leaves it open. */
function fits(text: string, max: number): boolean {
  if (text.length <= max) return true;
  if (text.length > max * 2) return false;
  let characters = 0;
  for (const _ of text) characters++;
  return characters <= max;
}

export const modelSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, "must be a model id such as those of GET /models")
  .openapi({ example: "swift-2" });

/** The vendors' whole numbers have 32 bits. */
const greatest = 2 ** 31 - 1;
const mostSchemaBytes = 64 * 1024;

/** U+0000 is refused wherever it stands, before a schema is asked. */
function storable(schema: z.ZodString) {
  return schema.openapi({ pattern: storablePattern });
}

/** The ranges that hold for all models: which of them takes what, in which range, is the catalogue's to say. */
export const paramsSchema = z
  .strictObject({
    temperature: z.number().min(0).max(2).optional(),
    top_p: z.number().min(0).max(1).optional(),
    top_k: z.int().min(1).max(1_000).optional(),
    max_output_tokens: z.int().min(1).max(greatest).optional().openapi({ description: "Thinking included" }),
    stop: z
      .array(storable(z.string().min(1).max(256)))
      .max(5)
      .optional(),
    seed: z
      .int()
      .min(-greatest - 1)
      .max(greatest)
      .optional(),
    thinking: z
      .union([z.enum(thinkingLevels), z.int().min(0).max(greatest)], {
        error: `must be one of ${thinkingLevels.join(", ")}, or a whole number of tokens`,
      })
      .optional(),
    response_schema: z
      .record(z.string(), z.unknown())
      .refine(
        (schema) => Buffer.byteLength(JSON.stringify(schema)) <= mostSchemaBytes,
        `must have at most ${mostSchemaBytes} bytes as JSON`,
      )
      .optional()
      .openapi({
        description: `A JSON Schema that the answer must follow: at most ${mostSchemaBytes} bytes as JSON without spaces, at most 61 levels deep`,
        ...{ "x-max-bytes": mostSchemaBytes },
      }),
  })
  .openapi("Params", {
    description: "What a model does not take is refused with 422, never sent and never silently dropped",
    example: { temperature: 0.7, max_output_tokens: 2048 },
  });

const mostMetadata = 50;
const metadataValue = z.union(
  [
    z
      .string()
      .refine((text) => fits(text, 500))
      .openapi({ maxLength: 500, pattern: storablePattern }),
    z.number().openapi({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
    z.boolean(),
    z.null(),
  ],
  { error: "must be a string of at most 500 characters, a number, true, false or null" },
);

export const metadataSchema = z
  .record(
    z.string().refine((name) => name !== "" && fits(name, 64), "must have a name of 1 to 64 characters"),
    metadataValue,
  )
  .refine((metadata) => Object.keys(metadata).length <= mostMetadata, `must have at most ${mostMetadata} names`)
  .openapi("Metadata", {
    description: "Your own notes on the session",
    maxProperties: mostMetadata,
    // No name of an object's own nature, and none that could not be stored.
    ...{ propertyNames: { minLength: 1, maxLength: 64, pattern: "^(?!__proto__$)[^\\u0000]*$" } },
    example: { customer: "c-17" },
  });

export const titleSchema = textSchema(200).openapi({ example: "Borscht for two" });
export const systemSchema = textSchema(100_000).openapi({ example: "Answer in one sentence." });

const limitSchema = z
  .string()
  .regex(/^([1-9]|[1-9]\d|100)$/, "must be a whole number from 1 to 100")
  .transform(Number)
  .openapi({ type: "integer", minimum: 1, maximum: 100 });

export const cursorFields = {
  limit: limitSchema.optional(),
  after: askedIdSchema.optional().openapi({ description: "Only what comes after this id in the list's order" }),
  before: askedIdSchema.optional().openapi({ description: "Only what comes before this id in the list's order" }),
};

export const flagSchema = z
  .enum(["true", "false"])
  .transform((word) => word === "true")
  .openapi({ type: "string", enum: ["true", "false"] });
