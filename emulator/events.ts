// An answer as the vendor's response objects: the events of a stream, or the one object of a unary call.

import type { Answer } from "./answer.ts";
import { countTextTokens } from "./tokens.ts";

export type UsageMetadata = Record<string, unknown>;

export interface Candidate {
  content?: { parts?: Record<string, unknown>[]; role: string };
  finishReason?: string;
  finishMessage?: string;
  index?: number;
  [unknown: string]: unknown;
}

export interface ResponseEvent {
  candidates?: Candidate[];
  promptFeedback?: Record<string, unknown>;
  usageMetadata?: UsageMetadata;
  modelVersion?: string;
  responseId?: string;
  [unknown: string]: unknown;
}

export interface Counts {
  prompt: number;
  candidates: number;
  thoughts: number;
  tool: number;
  /** Only reported at the end, as recordings mostly show. */
  cached: number;
}

/** total = prompt + candidates + thoughts + tool; what is zero is absent. */
export function usageMetadata(counts: Counts): UsageMetadata {
  const { prompt, candidates, thoughts, tool, cached } = counts;
  const detail = (tokenCount: number) => [{ modality: "TEXT", tokenCount }];
  const usage: UsageMetadata = {};
  if (prompt > 0) usage.promptTokenCount = prompt;
  if (candidates > 0) usage.candidatesTokenCount = candidates;
  const total = prompt + candidates + thoughts + tool;
  if (total > 0) usage.totalTokenCount = total;
  if (cached > 0) usage.cachedContentTokenCount = cached;
  if (prompt > 0) usage.promptTokensDetails = detail(prompt);
  if (cached > 0) usage.cacheTokensDetails = detail(cached);
  if (tool > 0) {
    usage.toolUsePromptTokenCount = tool;
    usage.toolUsePromptTokensDetails = detail(tool);
  }
  if (thoughts > 0) usage.thoughtsTokenCount = thoughts;
  usage.serviceTier = "standard";
  return usage;
}

function promptCounts(answer: Answer): Counts {
  return { prompt: answer.promptTokens, candidates: 0, thoughts: 0, tool: answer.toolTokens, cached: 0 };
}

/** The usage of a finished answer. */
function finalUsage(answer: Answer): UsageMetadata {
  return usageMetadata({
    ...promptCounts(answer),
    candidates: countTextTokens(answer.texts.join("")),
    thoughts: answer.thoughtTokens,
    cached: answer.cachedTokens,
  });
}

/** The usage of an answer of which nothing was generated. */
export function promptUsage(answer: Answer): UsageMetadata {
  return usageMetadata({ ...promptCounts(answer), cached: answer.cachedTokens });
}

function eventOf(answer: Answer, parts: Record<string, unknown>[], usage: UsageMetadata): ResponseEvent {
  return {
    candidates: [{ content: { parts, role: "model" }, index: 0 }],
    usageMetadata: usage,
    modelVersion: answer.modelVersion,
    responseId: answer.responseId,
  };
}

function finish(answer: Answer, event: ResponseEvent): void {
  const candidate = event.candidates?.[0];
  if (!candidate) return;
  const { content, index } = candidate;
  event.candidates = [
    {
      content,
      ...(answer.finishReason !== null && { finishReason: answer.finishReason }),
      index,
      ...(answer.finishMessage !== undefined && { finishMessage: answer.finishMessage }),
    },
  ];
}

/** An event without parts, for an answer without a word. */
function bareEvent(answer: Answer, usage: UsageMetadata): ResponseEvent {
  const event = eventOf(answer, [], usage);
  event.candidates = [{ content: { role: "model" }, index: 0 }];
  finish(answer, event);
  return event;
}

/** The events of a stream, with running totals in each and the finish on the last. */
export function streamEvents(answer: Answer): ResponseEvent[] {
  const counts = promptCounts(answer);
  const events: ResponseEvent[] = [];
  let bytes = 0;
  for (const text of answer.thoughts) {
    bytes += Buffer.byteLength(text);
    counts.thoughts = Math.min(Math.ceil(bytes / 4), answer.thoughtTokens);
    events.push(eventOf(answer, [{ text, thought: true }], usageMetadata(counts)));
  }
  counts.thoughts = answer.thoughtTokens;
  bytes = 0;
  for (const text of answer.texts) {
    bytes += Buffer.byteLength(text);
    counts.candidates = Math.ceil(bytes / 4);
    events.push(eventOf(answer, [{ text }], usageMetadata(counts)));
  }
  const last = usageMetadata({ ...counts, cached: answer.cachedTokens });
  if (answer.signature !== undefined) {
    events.push(eventOf(answer, [{ text: "", thoughtSignature: answer.signature }], last));
  } else if (answer.emptyLast) {
    events.push(eventOf(answer, [{ text: "" }], last));
  } else if (answer.texts.length === 0) {
    events.push(bareEvent(answer, last));
  }
  const final = events[events.length - 1]!;
  final.usageMetadata = last;
  finish(answer, final);
  return events;
}

/** The one object of a unary answer: the stream's events put together. */
export function unaryEvent(answer: Answer): ResponseEvent {
  const parts: Record<string, unknown>[] = [];
  if (answer.thoughts.length > 0) parts.push({ text: answer.thoughts.join(""), thought: true });
  if (answer.texts.length > 0) {
    const signed = answer.signature === undefined ? {} : { thoughtSignature: answer.signature };
    parts.push({ text: answer.texts.join(""), ...signed });
  }
  if (answer.texts.length === 0 && parts.length === 0) return bareEvent(answer, finalUsage(answer));
  const event = eventOf(answer, parts, finalUsage(answer));
  finish(answer, event);
  return event;
}
