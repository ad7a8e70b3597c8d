// What the emulator would say to one request: pieces of thought and text, how it finishes, and the counts; no bytes yet.

import { createHash } from "node:crypto";
import { asksForTitle, composeDemo, composeThoughts, composeTitle } from "./demo.ts";
import { composeJson } from "./json-answer.ts";
import type { Model } from "./models.ts";
import { cutPieces, filler, wordPieces } from "./pieces.ts";
import { type GenerateRequest, lastUserText } from "./request.ts";
import type { Scenario } from "./scenario.ts";
import { countTextTokens, cutToTokens } from "./tokens.ts";

export interface Answer {
  thoughts: string[];
  texts: string[];
  /** Thinking tokens in all, also when the thoughts are not shown. */
  thoughtTokens: number;
  finishReason: string | null;
  finishMessage?: string;
  signature?: string;
  emptyLast?: boolean;
  modelVersion: string;
  responseId: string;
  promptTokens: number;
  cachedTokens: number;
  toolTokens: number;
}

/** What is counted before the answer is made. */
export interface PromptCount {
  promptTokens: number;
  cachedTokens: number;
}

function asksToThink(request: GenerateRequest): { think: boolean; show: boolean; limit: number } {
  const config = request.generationConfig?.thinkingConfig ?? {};
  const budget = config.thinkingBudget;
  const level = config.thinkingLevel?.toLowerCase();
  const off = budget === 0 || (level === "minimal" && config.includeThoughts !== true);
  const asked = budget !== undefined || level !== undefined || config.includeThoughts === true;
  const limit = budget !== undefined && budget > 0 ? budget : Number.POSITIVE_INFINITY;
  return { think: asked && !off, show: config.includeThoughts === true, limit };
}

function composeText(request: GenerateRequest, scenario: Scenario): string {
  if (scenario.text !== undefined) return scenario.text;
  if (scenario.fault === "many-tiny") return filler(2000, 1);
  if (scenario.chunks !== undefined) return filler(scenario.chunks, scenario.chunkChars ?? 8);
  const config = request.generationConfig;
  if (config?.responseMimeType === "application/json") {
    return composeJson(config.responseSchema ?? config.responseJsonSchema, lastUserText(request));
  }
  return asksForTitle(request) ? composeTitle(request) : composeDemo(request);
}

function cutAtStops(text: string, stops: readonly string[]): string {
  let end = text.length;
  for (const stop of stops) {
    const at = stop === "" ? -1 : text.indexOf(stop);
    if (at >= 0 && at < end) end = at;
  }
  return text.slice(0, end);
}

function pieces(text: string, scenario: Scenario): string[] {
  if (text === "") return [];
  if (scenario.fault === "many-tiny") return cutPieces(text, 2000);
  if (scenario.chunks !== undefined) return cutPieces(text, scenario.chunks);
  return wordPieces(text);
}

function composeThinking(request: GenerateRequest, scenario: Scenario): { text: string; tokens: number } {
  if (scenario.thoughts !== undefined) {
    return { text: scenario.thoughts, tokens: scenario.thoughtsTokens ?? countTextTokens(scenario.thoughts) };
  }
  const { think, show, limit } = asksToThink(request);
  if (!think) return { text: "", tokens: scenario.thoughtsTokens ?? 0 };
  const text = cutToTokens(composeThoughts(request), limit);
  return { text: show ? text : "", tokens: scenario.thoughtsTokens ?? countTextTokens(text) };
}

/** The same for the same request and scenario: no clock and no chance in it. */
export function composeAnswer(request: GenerateRequest, model: Model, scenario: Scenario, count: PromptCount): Answer {
  const maxTokens = request.generationConfig?.maxOutputTokens ?? Number.POSITIVE_INFINITY;
  const thinking = composeThinking(request, scenario);
  const thoughtTokens = Math.min(thinking.tokens, maxTokens);
  const full = cutAtStops(composeText(request, scenario), request.generationConfig?.stopSequences ?? []);
  const text = Number.isFinite(maxTokens) ? cutToTokens(full, maxTokens - thoughtTokens) : full;
  const cachedTokens = scenario.cached ?? count.cachedTokens;
  const finishReason = scenario.finishReason === undefined ? "STOP" : scenario.finishReason;
  return {
    thoughts: thinking.text === "" ? [] : wordPieces(cutToTokens(thinking.text, maxTokens)),
    texts: pieces(text, scenario),
    thoughtTokens,
    finishReason: text.length < full.length ? "MAX_TOKENS" : finishReason,
    finishMessage: scenario.finishMessage,
    signature: scenario.signature,
    emptyLast: scenario.emptyLast,
    modelVersion: scenario.modelVersion ?? model.servedAs ?? model.id,
    responseId: scenario.responseId ?? responseIdOf(request, model),
    promptTokens: Math.max(count.promptTokens, cachedTokens),
    cachedTokens,
    toolTokens: scenario.toolTokens ?? 0,
  };
}

function responseIdOf(request: GenerateRequest, model: Model): string {
  const seed = JSON.stringify([model.id, request.contents.length, lastUserText(request)]);
  return createHash("sha256").update(seed).digest("base64url").slice(0, 22);
}
