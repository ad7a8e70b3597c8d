// Token counts: what a caller sees (Usage) and what a price is applied to (Meter). Pure data, no vendor words.

/** Token counts of one turn or of many. `inputTokens` includes cached, `outputTokens` excludes thinking. */
export interface Usage {
  inputTokens: number;
  cachedTokens: number;
  outputTokens: number;
  thinkingTokens: number;
  toolTokens: number;
  /** input + output + thinking + tool */
  totalTokens: number;
}

export const modalities = ["text", "audio", "image", "video", "document"] as const;
export type Modality = (typeof modalities)[number];

/** Counts by modality; what a vendor does not break down counts as text. Absent means zero. */
export type ByModality = Partial<Record<Modality, number>>;

/**
 * More tokens than any one call can mean: the widest windows announced are half of it. A greater count is not believed, so that
 * no vendor can say a bill that 64-bit integers of picodollars do not hold.
 */
export const mostTokens = 20_000_000;

/** What is billed and what no vendor's usage counts: taken from the call itself, and kept beside the usage. */
export interface Counted {
  /** Prompts that were grounded in a search, and unique non-empty queries. */
  search: { prompts: number; queries: number };
  maps: { prompts: number };
  /** Our estimates, which the bill of a call that is not exact was made with; absent: none was needed. */
  tokens?: EstimatedTokens;
}

export interface EstimatedTokens {
  prompt: number;
  answer: number;
  thoughts: number;
}

export const nothingCounted: Counted = { search: { prompts: 0, queries: 0 }, maps: { prompts: 0 } };

/** One provider call, measured by its usage. Made by the adapter's pure usage function. */
export interface Meter {
  /** Prompt tokens, those read from a cache and written to one included. Chooses the price tier. */
  input: ByModality;
  /** The part of `input` that was served from a cache. */
  cached: ByModality;
  /** The part of `input` that was written to a cache, by how long it is kept there ("5m", "1h"). */
  cacheWrite?: Record<string, number>;
  /** Tokens that tools put into the prompt, outside `input`. */
  tool: ByModality;
  /** Answer tokens without thinking. */
  output: ByModality;
  thinking: number;
  /** The vendor's own total, or null when it sent none that can be believed. */
  total: number | null;
  /**
   * Whether the counts fit each other: the total is the sum of the parts, what was cached is part of the prompt, and each is a
   * whole number from 0 to `mostTokens`. True for a usage without counts.
   */
  balanced: boolean;
  /** "standard", or the vendor's own word in small letters. */
  serviceTier: string;
}

export const noUsage: Usage = {
  inputTokens: 0,
  cachedTokens: 0,
  outputTokens: 0,
  thinkingTokens: 0,
  toolTokens: 0,
  totalTokens: 0,
};

/** Sum over modalities. */
export function sumModalities(counts: ByModality): number {
  const { text = 0, audio = 0, image = 0, video = 0, document = 0 } = counts;
  return text + audio + image + video + document;
}

/** The caller's view of a metered call. */
export function usageOf(meter: Meter): Usage {
  const inputTokens = sumModalities(meter.input);
  const outputTokens = sumModalities(meter.output);
  const toolTokens = sumModalities(meter.tool);
  return {
    inputTokens,
    cachedTokens: sumModalities(meter.cached),
    outputTokens,
    thinkingTokens: meter.thinking,
    toolTokens,
    totalTokens: inputTokens + outputTokens + meter.thinking + toolTokens,
  };
}

export function addUsage(a: Usage, b: Usage): Usage {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    cachedTokens: a.cachedTokens + b.cachedTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    thinkingTokens: a.thinkingTokens + b.thinkingTokens,
    toolTokens: a.toolTokens + b.toolTokens,
    totalTokens: a.totalTokens + b.totalTokens,
  };
}
