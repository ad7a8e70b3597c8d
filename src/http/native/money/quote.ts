// POST a quote: what a message would cost, before it is sent. Nothing is stored, and the model is not asked.

import { z } from "@hono/zod-openapi";
import { chooseUser } from "../../../caller/user.ts";
import { AppError, errorCodes } from "../../../errors.ts";
import { printUsd } from "../../../money/money.ts";
import type { Quote } from "../../../turn/quote.ts";
import type { AppDeps } from "../../deps.ts";
import { answerJson, bodyErrors, jsonAnswer, type Route, route } from "../../route.ts";
import { readUser, userHeaderName, userHeaderSays, userSchema } from "../../user.ts";
import { count, usdSchema } from "../../wire.ts";
import { modelSchema, paramsSchema, systemSchema, textSchema } from "../fields.ts";
import { newMessageSchema } from "../message.ts";
import { budgetSchema, encodeBudget } from "./budget-wire.ts";

const quoteSchema = z
  .object({
    input_tokens: count.openapi({ description: "All that would be sent: system text, memory, message" }),
    cached_tokens_likely: count.openapi({
      description:
        "Of the input, likely from the vendor's cache: the last prompt, where it is long enough for the vendor and not older than five minutes",
    }),
    output_tokens_likely: count.openapi({
      description:
        "Thinking included: the median of the last answers of this model in this session, with fewer than three of them also in the project's others; with none, 500",
    }),
    max_output_tokens: count.openapi({
      description: "Thinking included: more cannot come, or will not be asked for where a budget leaves less",
    }),
    cost: z
      .object({
        floor: usdSchema.nullable().openapi({ description: "All from the cache, and not a word in return" }),
        likely: usdSchema.nullable().openapi({ description: "A guess, of whatever accuracy the input is" }),
        worst: usdSchema.nullable().openapi({
          description:
            "What the turn can cost at most: the dearest price of each token, the longest answer, and every try that may be billed; where there are budgets, what is held of them. A title made by a model is not in it",
        }),
      })
      .openapi({ description: "Null where the model has no price" }),
    currency: z.literal("USD"),
    accuracy: z.enum(["exact", "estimated"]).openapi({
      description:
        "Of the input. exact: the vendor has counted it. estimated: it is longer than 64 KiB, or no count came",
    }),
    budgets: z.array(budgetSchema).openapi({ description: "Those that concern the message, as they stand" }),
    accepted: z.boolean().openapi({ description: "Whether the message would be taken as things are" }),
    reason: z.enum(errorCodes).optional().openapi({ description: "Why not: the code that it would be refused with" }),
    detail: z.string().optional().openapi({ description: "The same in a sentence" }),
  })
  .openapi("Quote", {
    example: {
      input_tokens: 812,
      cached_tokens_likely: 0,
      output_tokens_likely: 500,
      max_output_tokens: 65_536,
      cost: { floor: "0.00002436", likely: "0.0014936", worst: "0.1665196" },
      currency: "USD",
      accuracy: "exact",
      budgets: [],
      accepted: true,
    },
  });

/** What a message would be sent with that begins a session. */
function firstMessageSchema(maxTextChars: number) {
  return z
    .strictObject({
      content: textSchema(maxTextChars),
      model: modelSchema.nullable().optional(),
      system: systemSchema.nullable().optional(),
      params: paramsSchema.optional(),
      user: userSchema.optional(),
    })
    .openapi("FirstMessage", { example: { content: "What goes into borscht?", system: "Answer in one sentence." } });
}

export function quoteRoutes({ quotes, settings }: AppDeps): Route[] {
  return [
    route({
      method: "post",
      path: "/quote",
      scope: "chat",
      operationId: "quoteFirstMessage",
      tag: "Messages",
      summary: "What the first message of a session would cost, before there is one",
      description: "Takes what the session would be made with beside the message; otherwise as a quote in a session.",
      headers: { [userHeaderName]: userHeaderSays },
      body: firstMessageSchema(settings.maxTextChars),
      bodyExamples: { plain: { content: "What goes into borscht?" } },
      responses: { 200: jsonAnswer("The quote", quoteSchema) },
      errors: bodyErrors,
      async handler({ exchange, body: { content, model = null, system = null, params = {}, user } }) {
        const { owner, caller } = exchange;
        if (caller.sessions) throw new AppError("forbidden", "This token is for some sessions, and begins no others.");
        const { keyId, models } = caller;
        const quote = await quotes.quote({
          ...{ owner, keyId, models, content, session: { model, system, params }, ifBusy: "reject" },
          ...{ model: undefined, params: undefined, parentId: undefined },
          user: chooseUser(caller, readUser(exchange, user)) ?? undefined,
        });
        return answerJson(200, encodeQuote(quote));
      },
    }),
    route({
      method: "post",
      path: "/sessions/{id}/quote",
      scope: "chat",
      operationId: "quoteMessage",
      tag: "Messages",
      summary: "What a message would cost, before it is sent",
      description:
        "Takes what sending a message takes. Nothing is stored, and nothing is sent to the vendor but a count of tokens. What is wrong with the request itself is refused as a message is; " +
        "what else would have it refused is the answer's `reason`. Cheap enough for each pause in typing: the same text is counted once.",
      params: { id: "session" },
      headers: { [userHeaderName]: userHeaderSays },
      body: newMessageSchema(settings.maxTextChars),
      bodyExamples: { plain: { content: "What goes into borscht?" } },
      responses: { 200: jsonAnswer("The quote", quoteSchema) },
      errors: [...bodyErrors, "not_found"],
      async handler({ exchange, id, body }) {
        const quote = await quotes.quote({
          owner: exchange.owner,
          session: id,
          content: body.content,
          model: body.model,
          params: body.params,
          parentId: body.parent_id,
          user: chooseUser(exchange.caller, readUser(exchange, body.user)) ?? undefined,
          keyId: exchange.caller.keyId,
          models: exchange.caller.models,
          ifBusy: body.if_busy ?? "reject",
        });
        return answerJson(200, encodeQuote(quote));
      },
    }),
  ];
}

function encodeQuote(quote: Quote): z.infer<typeof quoteSchema> {
  const { refusal } = quote;
  const print = (pico: bigint | null) => (pico === null ? null : printUsd(pico));
  return {
    input_tokens: quote.inputTokens,
    cached_tokens_likely: quote.cachedTokensLikely,
    output_tokens_likely: quote.answerTokensLikely,
    max_output_tokens: quote.maxAnswerTokens,
    cost: { floor: print(quote.floor), likely: print(quote.likely), worst: print(quote.worst) },
    currency: "USD",
    accuracy: quote.accuracy,
    budgets: quote.budgets.map(encodeBudget),
    accepted: refusal === null,
    ...(refusal && { reason: refusal.code, detail: refusal.message }),
  };
}
