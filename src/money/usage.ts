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

/** One provider call, measured: everything a price can depend on. Made by the adapter's pure usage function. */
export interface Meter {
  /** Prompt tokens, cached ones included. Chooses the price tier. */
  input: ByModality;
  /** The part of `input` that was served from a cache. */
  cached: ByModality;
  /** Tokens that tools put into the prompt, outside `input`. */
  tool: ByModality;
  /** Answer tokens without thinking. */
  output: ByModality;
  thinking: number;
  /** The vendor's own total, or null when it sent none. */
  total: number | null;
  /** Whether the vendor's total equals the sum of the parts (true when it sent none of them). */
  balanced: boolean;
  serviceTier: "standard" | "flex" | "batch" | "priority";
  /** Searches made: prompts that were grounded, and unique non-empty queries, by kind. */
  grounding: { search: { prompts: number; queries: number }; maps: { prompts: number } };
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
  let sum = 0;
  for (const name of modalities) sum += counts[name] ?? 0;
  return sum;
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
