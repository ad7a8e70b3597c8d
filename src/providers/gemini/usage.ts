// Gemini's usage object -> a meter: pure, tolerant of anything, and the only place that knows the vendor's counters.
//
// Rules (https://ai.google.dev/api/generate-content#UsageMetadata, read 2026-11-23): the prompt count includes what was
// cached; the candidates count excludes thoughts; tool-use tokens are outside the prompt; a counter of zero is absent.
// Where details do not add up to their counter, the counter wins: other modalities first, in order, the rest is text.

import { type ByModality, type Meter, modalities, sumModalities } from "../../money/usage.ts";

/** The one key we add to the vendor's object: what was searched, which the vendor reports outside its usage. */
export const groundingKey = "_grounding";

/** Searches of one answer, as kept under `_grounding` in the raw usage. Counts only: the queries are the user's words. */
export interface GroundingCounts {
  searchPrompts: number;
  /** Unique, non-empty. */
  searchQueries: number;
  mapsPrompts: number;
}

type Fields = Record<string, unknown>;

/** Never throws: what cannot be read (not JSON, negative, not a whole number, a string) counts as zero. */
export function readGeminiUsage(usageRaw: string): Meter {
  const usage = parseObject(usageRaw);
  const prompt = readCount(usage.promptTokenCount);
  const tool = readCount(usage.toolUsePromptTokenCount);
  const candidates = readCount(usage.candidatesTokenCount);
  const thinking = readCount(usage.thoughtsTokenCount);
  const total = usage.totalTokenCount === undefined ? null : readCount(usage.totalTokenCount);
  const input = splitByModality(prompt, usage.promptTokensDetails);
  const cached = splitByModality(readCount(usage.cachedContentTokenCount), usage.cacheTokensDetails);
  const grounding = asObject(usage[groundingKey]);
  return {
    input,
    cached: fitCached(cached, input),
    tool: splitByModality(tool, usage.toolUsePromptTokensDetails),
    output: splitByModality(candidates, usage.candidatesTokensDetails),
    thinking,
    total,
    balanced: (total ?? 0) === prompt + candidates + thinking + tool,
    serviceTier: readServiceTier(usage.serviceTier),
    grounding: {
      search: { prompts: readCount(grounding.searchPrompts), queries: readCount(grounding.searchQueries) },
      maps: { prompts: readCount(grounding.mapsPrompts) },
    },
  };
}

function splitByModality(counter: number, details: unknown): ByModality {
  const stated = Array.isArray(details) ? sumDetails(details) : {};
  const split: ByModality = {};
  let left = counter;
  for (const modality of modalities) {
    if (modality === "text") continue;
    const count = Math.min(stated[modality] ?? 0, left);
    if (count > 0) split[modality] = count;
    left -= count;
  }
  if (left > 0) split.text = left;
  return split;
}

function sumDetails(details: readonly unknown[]): ByModality {
  const sums: ByModality = {};
  for (const detail of details.map(asObject)) {
    const name = typeof detail.modality === "string" ? detail.modality.toLowerCase() : "";
    const modality = modalities.find((known) => known === name);
    if (modality) sums[modality] = (sums[modality] ?? 0) + readCount(detail.tokenCount);
  }
  return sums;
}

/**
 * Cached tokens are part of the prompt, so no modality can have more of them than the prompt has: what does not fit where
 * the vendor put it goes where there is room, text first, and what the prompt has no room for at all is dropped.
 */
function fitCached(cached: ByModality, input: ByModality): ByModality {
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

function readCount(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : 0;
}

function readServiceTier(value: unknown): Meter["serviceTier"] {
  const tier = typeof value === "string" ? value.toLowerCase() : "";
  return tier === "flex" || tier === "batch" || tier === "priority" ? tier : "standard";
}

function parseObject(json: string): Fields {
  try {
    return asObject(JSON.parse(json));
  } catch {
    return {};
  }
}

function asObject(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}
