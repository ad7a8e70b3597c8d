// A vendor's raw usage, read for the second time and by rules written down for the second time: nothing here is what the booking
// uses, so that a mistake there is not made again here.
//
// A counter that is absent is 0. What cannot be a count is not believed, counts as 0, and the usage is not balanced. Details that do
// not sum to their counter: the counter wins, the other modalities take theirs first, text has the rest. What was read from a cache is
// part of the prompt: where it was put in a modality that has too little, it goes where there is room, text first.

export const kinds = ["text", "audio", "image", "video", "document"];
/** A count for each of `kinds`. */
export type Split = readonly number[];

export interface RawCounts {
  /** Read anew and from a cache; together the prompt. */
  fresh: Split;
  cached: Split;
  output: Split;
  thinking: number;
  tool: number;
  /** The vendor's own total; 0 when it says none. */
  stated: number;
  balanced: boolean;
  /** "standard", or the vendor's word in small letters. */
  tier: string;
}

/** A greater count is not believed. */
const mostTokens = 20_000_000;
const longestTier = 32;

/** Never throws. */
export function readRawUsage(text: string): RawCounts {
  const usage = readObject(text);
  let isGood = usage !== undefined;
  const said = (name: string): number => {
    const value = usage?.[name] ?? 0;
    if (!isCount(value)) isGood = false;
    return isCount(value) ? value : 0;
  };
  const [prompt, output] = [said("promptTokenCount"), said("candidatesTokenCount")];
  const [thinking, tool] = [said("thoughtsTokenCount"), said("toolUsePromptTokenCount")];
  const [fromCache, stated] = [said("cachedContentTokenCount"), said("totalTokenCount")];
  const all = divide(prompt, usage?.promptTokensDetails);
  const cached = placeWithin(all, divide(fromCache, usage?.cacheTokensDetails));
  return {
    fresh: all.map((count, kind) => count - cached[kind]!),
    cached,
    output: divide(output, usage?.candidatesTokensDetails),
    thinking,
    tool,
    stated,
    balanced: isGood && fromCache <= prompt && stated === prompt + output + thinking + tool,
    tier: readTier(usage?.serviceTier),
  };
}

export function sum(split: Split): number {
  let total = 0;
  for (const count of split) total += count;
  return total;
}

function divide(counter: number, details: unknown): Split {
  const split = [counter, 0, 0, 0, 0];
  if (!Array.isArray(details)) return split;
  for (const detail of details) {
    const { modality, tokenCount } = (detail ?? {}) as { modality?: unknown; tokenCount?: unknown };
    const kind = typeof modality === "string" ? kinds.indexOf(modality.toLowerCase()) : -1;
    if (kind > 0 && isCount(tokenCount)) split[kind]! += tokenCount;
  }
  for (let kind = 1; kind < split.length; kind++) {
    split[kind] = Math.min(split[kind]!, split[0]!);
    split[0]! -= split[kind]!;
  }
  return split;
}

function placeWithin(all: Split, wanted: Split): Split {
  const placed = wanted.map((count, kind) => Math.min(count, all[kind]!));
  let homeless = sum(wanted) - sum(placed);
  for (let kind = 0; homeless > 0 && kind < placed.length; kind++) {
    const more = Math.min(homeless, all[kind]! - placed[kind]!);
    placed[kind]! += more;
    homeless -= more;
  }
  return placed;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= mostTokens;
}

function readTier(value: unknown): string {
  const word = typeof value === "string" ? value.slice(0, longestTier).toLowerCase() : "";
  return word === "" || word.endsWith("unspecified") ? "standard" : word;
}

/** Undefined for what is no object, or no JSON. */
export function readObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
