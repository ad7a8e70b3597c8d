// Our request -> Gemini's JSON, printed so that a conversation's body is byte-identical from its start up to its newest
// message in every turn: the vendor's cache works on prefixes. What varies (contents, then settings) comes last.

import type { GenerationConfig, ThinkingConfig, ThinkingLevel } from "@google/genai";
import type { ModelInfo, ThinkingBudget } from "../../model/model-info.ts";
import type { Params, Thinking } from "../../model/params.ts";
import { type PrintTurn, ProviderError, type ProviderRequest } from "../../provider.ts";
import type { RequestBody } from "../http/exchange.ts";

/** What a model takes for thinking, as the catalogue has it: undefined for a model it does not know, null for one that cannot. */
export type ThinkingAbility = ModelInfo["thinking"] | undefined;

/** The name goes into the URL path, so anything but a plain name is refused. */
const modelName = /^[a-z0-9][a-z0-9.-]{0,127}$/;

/** The path of a model's call below the base URL. Throws invalid_request on a name that cannot be a model's. */
export function modelPath(model: string, verb: string): string {
  if (!modelName.test(model)) throw new ProviderError("invalid_request", "This is not a model name.");
  return `/v1beta/models/${model}:${verb}`;
}

/**
 * The body of a generate call, as pieces one behind the other: what stands before the memory, the memory as it is kept, the rest.
 * Throws invalid_request for a thinking setting the model does not take.
 */
export function buildBody(request: ProviderRequest, ability: ThinkingAbility): RequestBody {
  const config = JSON.stringify(buildConfig(request.params, ability));
  const settings = config === "{}" ? "" : `,"generationConfig":${config}`;
  const { before, after } = printConversation(request);
  return [`{${before}`, request.memory, `${after}${settings}}`];
}

/** The system instruction and the messages around the memory, as members of a JSON object. */
export function printConversation({ system, question }: Pick<ProviderRequest, "system" | "question">) {
  const instruction = system ? `"systemInstruction":{"parts":[${textPart(system)}]},` : "";
  return { before: `${instruction}"contents":[`, after: `${printText("user", question)}]` };
}

/** A question and its answer, each with a comma behind it: another message always follows. */
export const printTurn: PrintTurn = (question, answer, vendorParts) => {
  // A function call that nobody answered would have every later request refused: rows of before 2026-11-27 may hold one.
  const parts = vendorParts !== null && /"functionCall"\s*:/.test(vendorParts) ? null : vendorParts;
  const answered = parts === null ? printText("model", answer) : `{"role":"model","parts":${parts}}`;
  return `${printText("user", question)},${answered},`;
};

function printText(role: "user" | "model", text: string): string {
  return `{"role":"${role}","parts":[${textPart(text)}]}`;
}

/** A part of plain text, as JSON. */
export function textPart(text: string): string {
  return `{"text":${JSON.stringify(text)}}`;
}

function buildConfig(params: Params, ability: ThinkingAbility): GenerationConfig {
  const config: GenerationConfig = {};
  if (params.temperature !== undefined) config.temperature = params.temperature;
  if (params.top_p !== undefined) config.topP = params.top_p;
  if (params.top_k !== undefined) config.topK = params.top_k;
  if (params.max_output_tokens !== undefined) config.maxOutputTokens = params.max_output_tokens;
  if (params.stop !== undefined && params.stop.length > 0) config.stopSequences = params.stop;
  if (params.seed !== undefined) config.seed = params.seed;
  if (params.response_schema !== undefined) {
    config.responseMimeType = "application/json";
    config.responseJsonSchema = params.response_schema;
  }
  if (params.thinking !== undefined) config.thinkingConfig = buildThinking(params.thinking, ability);
  return config;
}

/**
 * Never both `thinkingBudget` and `thinkingLevel`: the vendor refuses that. Thoughts are shown (as summaries) when thinking
 * was asked for, and not when the model's own default was left alone. Throws invalid_request for what the model does not take.
 */
function buildThinking(thinking: Thinking, ability: ThinkingAbility): ThinkingConfig {
  const shown = thinking === "off" || thinking === 0 ? {} : { includeThoughts: true };
  if (ability === undefined) return { ...shown, ...guessThinking(thinking) };
  if (ability === null) throw refuseThinking(thinking);
  if (ability.kind === "budget") return { ...shown, thinkingBudget: chooseBudget(thinking, ability) };
  const level = typeof thinking === "number" ? undefined : ability.wire[thinking];
  if (level === undefined) throw refuseThinking(thinking);
  return { ...shown, thinkingLevel: level as ThinkingLevel };
}

/** For a model nobody described: newer ones take words, and a number can only be a budget. */
function guessThinking(thinking: Thinking): ThinkingConfig {
  if (thinking === "off") return { thinkingBudget: 0 };
  return typeof thinking === "number"
    ? { thinkingBudget: thinking }
    : { thinkingLevel: thinking.toUpperCase() as ThinkingLevel };
}

function chooseBudget(thinking: Thinking, ability: ThinkingBudget): number {
  if (thinking === "off" || thinking === 0) {
    if (!ability.canBeOff) throw refuseThinking(thinking);
    return 0;
  }
  const tokens = typeof thinking === "number" ? thinking : ability.levels[thinking];
  if (tokens === undefined || tokens < ability.min || tokens > ability.max) throw refuseThinking(thinking);
  return tokens;
}

function refuseThinking(thinking: Thinking): ProviderError {
  return new ProviderError("invalid_request", `This model does not take thinking: ${JSON.stringify(thinking)}.`);
}
