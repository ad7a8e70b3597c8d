// Whether a model takes a param, and in which range: one rule per param, read from the catalogue's data.

import type { ModelInfo } from "./model-info.ts";
import { everyParam, type Params, type ThinkingLevel, thinkingLevels } from "./params.ts";

/** What is asked of a model nobody described: every param, in the ranges that hold for all. */
type CheckedModel = Pick<ModelInfo, "id" | "accepts" | "ignores"> & {
  outputTokens: number | null;
  thinking: ModelInfo["thinking"] | "unknown";
};

export function unknownModel(id: string): CheckedModel {
  return { id, accepts: everyParam, ignores: [], outputTokens: null, thinking: "unknown" };
}

/** The sentence that says what is wrong with `params[name]`, or null. An absent (undefined) param is never wrong. */
export function checkParam(model: CheckedModel, name: keyof Params, params: Params): string | null {
  if (params[name] === undefined) return null;
  if (!model.accepts.includes(name) && !model.ignores.includes(name)) return `${model.id} does not take ${name}`;
  return checkRange(model, name, params);
}

const greatestSeed = 2 ** 31 - 1; // the wire's seed is a signed 32-bit integer
const mostStops = 5; // "up to 5 character sequences", generateContent reference

function checkRange(model: CheckedModel, name: keyof Params, params: Params): string | null {
  switch (name) {
    case "temperature":
      return within(params.temperature, 0, 2);
    case "top_p":
      return within(params.top_p, 0, 1);
    case "top_k":
      return whole(params.top_k, 1, null);
    case "max_output_tokens":
      return whole(params.max_output_tokens, 1, model.outputTokens);
    case "seed":
      return whole(params.seed, -greatestSeed - 1, greatestSeed);
    case "stop":
      return checkStop(params.stop);
    case "thinking":
      return checkThinking(model, params.thinking);
    case "response_schema":
      return null; // its shape is the vendor's business; the adapter sends it as it is
    default:
      return `${name satisfies never} is not a param`;
  }
}

function within(value: unknown, least: number, most: number): string | null {
  const ok = typeof value === "number" && value >= least && value <= most;
  return ok ? null : `must be a number from ${least} to ${most}`;
}

function whole(value: unknown, least: number, most: number | null): string | null {
  const ok = Number.isSafeInteger(value) && (value as number) >= least && (most === null || (value as number) <= most);
  return ok ? null : `must be a whole number ${most === null ? `of at least ${least}` : `from ${least} to ${most}`}`;
}

function checkStop(stop: unknown): string | null {
  const ok =
    Array.isArray(stop) && stop.length <= mostStops && stop.every((text) => typeof text === "string" && text !== "");
  return ok ? null : `must be at most ${mostStops} strings, none of them empty`;
}

function checkThinking(model: CheckedModel, asked: Params["thinking"]): string | null {
  const rule = model.thinking;
  if (rule === null) return `${model.id} does not take thinking`;
  const word = thinkingLevels.find((level) => level === asked);
  if (word === undefined && !(Number.isSafeInteger(asked) && (asked as number) >= 0))
    return `must be one of ${thinkingLevels.join(", ")}, or a whole number of tokens`;
  if (rule === "unknown") return null;
  if (rule.kind === "level") {
    if (word !== undefined && rule.levels.includes(word)) return null;
    return `${model.id} takes thinking as one of ${rule.levels.join(", ")}`;
  }
  if (word === "off" || asked === 0)
    return rule.canBeOff ? null : `thinking of ${model.id} cannot be off; it takes ${rule.min} to ${rule.max} tokens`;
  const tokens = word === undefined ? (asked as number) : rule.levels[word];
  if (tokens !== undefined && tokens >= rule.min && tokens <= rule.max) return null;
  const taken = wordsOf(rule).join(", ");
  return `${model.id} takes thinking as one of ${taken}, or ${rule.min} to ${rule.max} tokens${rule.canBeOff ? ", or 0" : ""}`;
}

/** The words that a model with this rule takes, from the least to the most. */
export function wordsOf(rule: NonNullable<ModelInfo["thinking"]>): ThinkingLevel[] {
  if (rule.kind === "level") return rule.levels;
  return thinkingLevels.filter((level) => (level === "off" ? rule.canBeOff : rule.levels[level] !== undefined));
}
