// Random usage as Gemini sends it: zero fields absent, cached inside the prompt, details that add up to their counters.

import fc from "fast-check";
import type { RawCounted, RawUsage } from "./recompute.ts";

/** Anything up to a full window, with the 200,000 border crowded. */
const promptCount = fc.oneof(
  fc.integer({ min: 0, max: 5000 }),
  fc.integer({ min: 199_990, max: 200_010 }),
  fc.integer({ min: 0, max: 1_048_576 }),
);
const smallCount = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 65_536 }));
const share = fc.oneof(fc.constant(0), fc.constant(1000), fc.integer({ min: 0, max: 1000 }));

const parts = fc.record({
  prompt: promptCount,
  audioShare: share,
  cachedTextShare: share,
  cachedAudioShare: share,
  candidates: smallCount,
  thoughts: smallCount,
  tool: smallCount,
  tier: fc.constantFrom("standard", "flex", "batch", "priority", "unheard-of", undefined),
});

export const rawUsage: fc.Arbitrary<RawUsage> = parts.map((part) => {
  const audio = Math.floor((part.prompt * part.audioShare) / 1000);
  const text = part.prompt - audio;
  const cachedAudio = Math.floor((audio * part.cachedAudioShare) / 1000);
  const cachedText = Math.floor((text * part.cachedTextShare) / 1000);
  const usage: RawUsage = {
    promptTokenCount: part.prompt,
    cachedContentTokenCount: cachedAudio + cachedText,
    candidatesTokenCount: part.candidates,
    thoughtsTokenCount: part.thoughts,
    toolUsePromptTokenCount: part.tool,
    totalTokenCount: part.prompt + part.candidates + part.thoughts + part.tool,
    promptTokensDetails: listModalities({ TEXT: text, AUDIO: audio }),
    cacheTokensDetails: listModalities({ TEXT: cachedText, AUDIO: cachedAudio }),
    serviceTier: part.tier,
  };
  return Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== 0 && value !== undefined));
});

/** What may have been searched: queries only where something was. */
export const rawCounted: fc.Arbitrary<RawCounted | null> = fc.option(
  fc.record({
    search: fc
      .constantFrom([0, 0], [1, 0], [1, 1], [1, 20])
      .map(([prompts = 0, queries = 0]) => ({ prompts, queries })),
    maps: fc.record({ prompts: fc.nat(1) }),
  }),
);

function listModalities(counts: Record<string, number>): { modality: string; tokenCount: number }[] | undefined {
  const listed = Object.entries(counts).filter(([, tokenCount]) => tokenCount > 0);
  return listed.length === 0 ? undefined : listed.map(([modality, tokenCount]) => ({ modality, tokenCount }));
}
