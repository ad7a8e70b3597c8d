// The faults that change what a 200 says: blocked, empty, without usage, with unknown keys. The wire itself stays whole.

import type { Answer } from "./answer.ts";
import { promptUsage, type ResponseEvent, usageMetadata } from "./events.ts";
import type { Scenario } from "./scenario.ts";

const defaultHugeBytes = 3 * 1024 * 1024;
const thinkingWhenNoneIsAsked = 64;

/** Changes an answer before its events are made. */
export function shapeAnswer(answer: Answer, scenario: Scenario): Answer {
  switch (scenario.fault) {
    case "empty-stop":
      return { ...answer, thoughts: [], texts: [], signature: undefined, emptyLast: false };
    case "max-tokens-no-parts": {
      const thoughtTokens = answer.thoughtTokens || thinkingWhenNoneIsAsked;
      return {
        ...answer,
        thoughts: [],
        texts: [],
        signature: undefined,
        emptyLast: false,
        thoughtTokens,
        finishReason: "MAX_TOKENS",
      };
    }
    case "recitation-midtext":
      return { ...answer, texts: answer.texts.slice(0, scenario.after ?? 2), finishReason: "RECITATION" };
    case "function-call":
      return { ...answer, thoughts: [], texts: [], signature: undefined, emptyLast: false };
    case "model-armor":
      return {
        ...answer,
        texts: answer.texts.slice(0, 1),
        finishReason: "MODEL_ARMOR",
        finishMessage: "Blocked by a template.",
      };
    case "account-limited":
      return {
        ...answer,
        ...{ thoughts: [], texts: [], signature: undefined, emptyLast: false, finishReason: "PUP_LIMITED_DISABLED" },
      };
    case "long-names": {
      const long = "x".repeat(20_000);
      return { ...answer, modelVersion: long, responseId: long, finishMessage: long };
    }
    case "unknown-finish":
      return { ...answer, finishReason: "SOLAR_FLARE" };
    case "no-finish":
      return { ...answer, finishReason: null };
    case "other-model":
      return { ...answer, modelVersion: "gemini-3.5-flash-lite" };
    case "huge-event":
      return { ...answer, texts: [hugeText(scenario.bytes ?? defaultHugeBytes)] };
    default:
      return answer;
  }
}

function hugeText(bytes: number): string {
  const line = "Three megabytes of text in one event. ";
  return line.repeat(Math.ceil(bytes / line.length)).slice(0, bytes);
}

/** One event that stands for a whole blocked answer. */
function blockedEvent(answer: Answer, how: "prompt" | "output"): ResponseEvent {
  const { modelVersion, responseId } = answer;
  const usage = promptUsage(answer);
  if (how === "prompt") {
    return { promptFeedback: { blockReason: "PROHIBITED_CONTENT" }, usageMetadata: usage, modelVersion, responseId };
  }
  const safetyRatings = [{ category: "HARM_CATEGORY_DANGEROUS_CONTENT", probability: "HIGH", blocked: true }];
  const candidates = [{ finishReason: "SAFETY", index: 0, safetyRatings }];
  return { candidates, usageMetadata: usage, modelVersion, responseId };
}

/** In the middle: totals that grow too large, then fall; the last ones stay what they are. */
function makeUsageFall(events: ResponseEvent[], answer: Answer): void {
  events.slice(0, -1).forEach((event, index) => {
    const candidates = 5_000 - index;
    const prompt = answer.promptTokens + (index % 2 === 0 ? 447 : 0);
    event.usageMetadata = usageMetadata({ prompt, candidates, thoughts: answer.thoughtTokens, tool: 0, cached: 0 });
  });
}

function stopEarly(events: ResponseEvent[], at: number): void {
  const candidate = events[Math.min(at, events.length) - 1]?.candidates?.[0];
  if (candidate) candidate.finishReason = "STOP";
}

function addUnknownKeys(events: ResponseEvent[]): void {
  for (const event of events) {
    event.billablePromptUsage = { tokens: [1, 2], note: null };
    event.modelStatus = { modelStage: "STABLE" };
    for (const candidate of event.candidates ?? []) {
      delete candidate.index;
      candidate.quantumState = { spin: "up" };
    }
  }
}

const absurdUsage = {
  promptTokenCount: Number.MAX_SAFE_INTEGER,
  cachedContentTokenCount: Number.MAX_SAFE_INTEGER - 1,
  candidatesTokenCount: 1e300,
  thoughtsTokenCount: -1,
  totalTokenCount: 0.5,
};

function nest(depth: number): unknown {
  let nested: unknown = 1;
  for (let level = 0; level < depth; level++) nested = [nested];
  return nested;
}

function callFunction(events: ResponseEvent[]): void {
  const content = events.at(-1)?.candidates?.[0]?.content;
  if (content) content.parts = [{ functionCall: { name: "look_up", args: { query: "weather" } } }];
}

/** Changes the events of an answer; may put others in their place. */
export function shapeEvents(events: ResponseEvent[], answer: Answer, scenario: Scenario): ResponseEvent[] {
  if (scenario.fault === "blocked-prompt") return [blockedEvent(answer, "prompt")];
  if (scenario.fault === "safety-no-content") return [blockedEvent(answer, "output")];
  if (scenario.fault === "function-call") callFunction(events);
  if (scenario.fault === "absurd-usage") for (const event of events) event.usageMetadata = absurdUsage;
  if (scenario.fault === "nested-usage") {
    for (const event of events.slice(-1)) event.usageMetadata = { ...event.usageMetadata, deep: nest(1_000) };
  }
  if (scenario.fault === "usage-falls") makeUsageFall(events, answer);
  if (scenario.fault === "early-stop") stopEarly(events, scenario.after ?? 2);
  if (scenario.fault === "unknown-keys") addUnknownKeys(events);
  if (scenario.usage !== undefined || scenario.fault === "no-usage") {
    for (const event of events) {
      if (scenario.usage && scenario.fault !== "no-usage") event.usageMetadata = scenario.usage;
      else delete event.usageMetadata;
    }
  }
  return events;
}
