// Gemini's usage object -> a meter: pure, tolerant of anything, and the only place that knows the vendor's counters.
//
// Rules (https://ai.google.dev/api/generate-content#UsageMetadata, read 2026-11-23): the prompt count includes what was
// cached; the candidates count excludes thoughts; tool-use tokens are outside the prompt; a counter of zero is absent.
// Where details do not add up to their counter, the counter wins: other modalities first, in order, the rest is text.

import { type ByModality, type Meter, modalities, mostTokens, sumModalities } from "../../money/usage.ts";

type Fields = Record<string, unknown>;

const nothing: ByModality = Object.freeze({});
const others: (keyof ByModality)[] = modalities.filter((modality) => modality !== "text");

/**
 * Never throws. What cannot be a count (negative, a fraction, a text, beyond all measure), and a usage that is no object, counts
 * as zero, and the meter is then not balanced.
 */
export function readGeminiUsage(usageRaw: string): Meter {
  const usage = parseObject(usageRaw);
  const counters = usage ?? {};
  let sound = usage !== undefined;
  const count = (name: string): number => {
    const value = counters[name] ?? 0;
    if (isCount(value)) return value;
    sound = false;
    return 0;
  };
  const prompt = count("promptTokenCount");
  const tool = count("toolUsePromptTokenCount");
  const candidates = count("candidatesTokenCount");
  const thinking = count("thoughtsTokenCount");
  const fromCache = count("cachedContentTokenCount");
  const stated = count("totalTokenCount");
  const input = splitByModality(prompt, counters.promptTokensDetails);
  return {
    input,
    cached: fitCached(splitByModality(fromCache, counters.cacheTokensDetails), input),
    tool: splitByModality(tool, counters.toolUsePromptTokensDetails),
    output: splitByModality(candidates, counters.candidatesTokensDetails),
    thinking,
    total: stated > 0 ? stated : null,
    balanced: sound && fromCache <= prompt && stated === prompt + candidates + thinking + tool,
    serviceTier: readServiceTier(counters.serviceTier),
  };
}

function splitByModality(counter: number, details: unknown): ByModality {
  if (counter === 0) return nothing;
  const stated = Array.isArray(details) ? sumDetails(details) : nothing;
  const split: ByModality = {};
  let left = counter;
  for (const modality of others) {
    const count = Math.min(stated[modality] ?? 0, left);
    if (count > 0) split[modality] = count;
    left -= count;
  }
  if (left > 0) split.text = left;
  return split;
}

/** Of the others only: text is what is left. */
function sumDetails(details: readonly unknown[]): ByModality {
  const sums: ByModality = {};
  for (const each of details) {
    const detail = asObject(each);
    const name = typeof detail.modality === "string" ? detail.modality.toLowerCase() : "";
    const modality = name as keyof ByModality;
    if (others.includes(modality)) sums[modality] = (sums[modality] ?? 0) + believe(detail.tokenCount);
  }
  return sums;
}

/**
 * Cached tokens are part of the prompt, so no modality can have more of them than the prompt has: what does not fit where
 * the vendor put it goes where there is room, text first, and what the prompt has no room for at all is dropped.
 */
function fitCached(cached: ByModality, input: ByModality): ByModality {
  if (cached === nothing) return nothing;
  const fitted: ByModality = {};
  let homeless = 0;
  for (const modality of modalities) {
    const stated = cached[modality] ?? 0;
    const fits = Math.min(stated, input[modality] ?? 0);
    if (fits > 0) fitted[modality] = fits;
    homeless += stated - fits;
  }
  if (homeless === 0 || sumModalities(fitted) === sumModalities(input)) return fitted;
  for (const modality of modalities) {
    const moved = Math.min(homeless, (input[modality] ?? 0) - (fitted[modality] ?? 0));
    if (moved > 0) fitted[modality] = (fitted[modality] ?? 0) + moved;
    homeless -= moved;
  }
  return fitted;
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= mostTokens;
}

function believe(value: unknown): number {
  return isCount(value) ? value : 0;
}

const longestTier = 32;

/** Absent, and SERVICE_TIER_UNSPECIFIED, is the standard tier; any other word is kept, whether or not it is known. */
function readServiceTier(value: unknown): string {
  const tier = typeof value === "string" ? value.slice(0, longestTier).toLowerCase() : "";
  return tier === "" || tier.endsWith("unspecified") ? "standard" : tier;
}

/** Undefined for what is no JSON object, and for one that is nested too deep to be read. */
function parseObject(json: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}
