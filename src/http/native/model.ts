// The models: what each takes and costs today, and when it retires.

import { z } from "@hono/zod-openapi";
import { isRetired } from "../../model/model.ts";
import type { ModelInfo } from "../../model/model-info.ts";
import { wordsOf } from "../../model/model-params.ts";
import { thinkingLevels } from "../../model/params.ts";
import type { Price, PriceBook } from "../../money/price.ts";
import { printPriceRow } from "../../money/price-row.ts";
import type { AppDeps } from "../deps.ts";
import { answerJson, jsonAnswer, type Route, route } from "../route.ts";
import { count, encodeList, listSchema } from "../wire.ts";

const thinkingSchema = z.object({
  kind: z.enum(["budget", "level"]).openapi({ description: "budget: words or a number of tokens; level: words only" }),
  levels: z.array(z.enum(thinkingLevels)),
  min_tokens: count.nullable(),
  max_tokens: count.nullable(),
  default: z.enum(thinkingLevels).nullable(),
});

const exampleModel = {
  id: "swift-2",
  object: "model" as const,
  vendor: "example",
  display_name: "Swift 2",
  is_default: true,
  limits: { input_tokens: 1_048_576, output_tokens: 65_536, shared_window: false },
  abilities: {
    params: ["temperature", "top_p", "max_output_tokens", "thinking"],
    ignored_params: [],
    thinking: {
      kind: "budget" as const,
      levels: ["off" as const, "low" as const],
      min_tokens: 1,
      max_tokens: 24_576,
      default: null,
    },
  },
  price: {
    id: "example/swift-2@2026-01-01#0123abcd",
    currency: "USD" as const,
    origin: "catalogue" as const,
    rates: {
      input: "0.30",
      cached: "0.03",
      output: "2.50",
      source: "the vendor's pricing page",
      read_on: "2026-10-07",
    },
  },
  retires_on: "2026-12-01",
  retired: false,
  successor: "swift-3",
  warnings: [],
  source: "the vendor's model page",
  read_on: "2026-10-07",
};

const modelSchema = z
  .object({
    id: z.string(),
    object: z.literal("model"),
    vendor: z.string(),
    display_name: z.string(),
    is_default: z.boolean().openapi({ description: "Answers where neither the message nor the session names a model" }),
    limits: z.object({
      input_tokens: count,
      output_tokens: count.openapi({ description: "Thinking included" }),
      shared_window: z.boolean().openapi({ description: "Whether input and output share input_tokens" }),
    }),
    abilities: z.object({
      params: z.array(z.string()).openapi({ description: "The params it takes; any other is refused" }),
      ignored_params: z.array(z.string()).openapi({ description: "Taken by the vendor without effect" }),
      thinking: thinkingSchema.nullable(),
    }),
    price: z
      .object({
        id: z.string(),
        currency: z.literal("USD"),
        origin: z.enum(["catalogue", "file"]).openapi({
          description: "Whose row it is: one the program brings along, or one of the operator's PRICES_FILE",
        }),
        rates: z
          .record(z.string(), z.unknown())
          .openapi({ description: "Per million tokens, with source and the day it was read" }),
      })
      .nullable()
      .openapi({ description: "In force now; null when it is not known" }),
    retires_on: z
      .string()
      .nullable()
      .openapi({ description: "From this day (UTC) no longer served under its own name" }),
    retired: z.boolean(),
    successor: z.string().nullable(),
    warnings: z.array(z.string()),
    source: z.string(),
    read_on: z.string(),
  })
  .openapi("Model", { example: exampleModel });

const modelListSchema = listSchema(modelSchema).openapi("ModelList", { example: encodeList([exampleModel], false) });

export function modelRoutes({ catalogue, prices, turns, now }: AppDeps): Route[] {
  return [
    route({
      method: "get",
      path: "/models",
      scope: "any",
      operationId: "listModels",
      tag: "Models",
      summary: "List the models, with their limits, abilities and prices in force",
      responses: { 200: jsonAnswer("All that the caller may use", modelListSchema) },
      errors: [],
      handler({ exchange: { caller } }) {
        const at = now();
        const models = catalogue
          .list()
          .filter(({ id }) => caller.models?.includes(id) ?? true)
          .map((model) => encodeModel(model, findPrice(prices, model, at), turns.defaultModel, at));
        return answerJson(200, encodeList(models, false));
      },
    }),
  ];
}

function findPrice(prices: PriceBook, model: ModelInfo, at: number): Price | undefined {
  return prices.find(model.vendor, model.id, at);
}

function encodePrice({ id, isOwn, row }: Price) {
  return {
    ...{ id, currency: "USD" as const },
    origin: isOwn ? ("file" as const) : ("catalogue" as const),
    rates: printPriceRow(row),
  };
}

function encodeModel(
  model: ModelInfo,
  price: Price | undefined,
  defaultModel: string,
  at: number,
): z.infer<typeof modelSchema> {
  return {
    id: model.id,
    object: "model",
    vendor: model.vendor,
    display_name: model.displayName,
    is_default: model.id === defaultModel,
    limits: { input_tokens: model.inputTokens, output_tokens: model.outputTokens, shared_window: model.sharedWindow },
    abilities: { params: model.accepts, ignored_params: model.ignores, thinking: encodeThinking(model.thinking) },
    price: price ? encodePrice(price) : null,
    retires_on: model.retiresOn,
    retired: isRetired(model, at),
    successor: model.successor,
    warnings: model.warnings,
    source: model.source,
    read_on: model.readOn,
  };
}

function encodeThinking(thinking: ModelInfo["thinking"]): z.infer<typeof thinkingSchema> | null {
  if (thinking === null) return null;
  const levels = wordsOf(thinking);
  if (thinking.kind === "level")
    return { kind: "level", levels, min_tokens: null, max_tokens: null, default: thinking.default };
  return {
    kind: "budget",
    levels,
    min_tokens: thinking.min,
    max_tokens: thinking.max,
    default: thinking.offByDefault ? "off" : null,
  };
}
