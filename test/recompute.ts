// The bill computed a second time, from the price table's own words and the raw usage alone, in another way than the
// server does: no lines, no per-token units; everything at full price first, then what was too much taken off again.

/** The table as published: USD per million tokens. Columns: input, audio, output, cached, cached audio, above 200k x 3. */
const table = `
gemini-2.5-flash        2026-01-01  0.30  1.00  2.50  0.03   0.10   -     -     -
gemini-2.5-flash-lite   2026-01-01  0.10  0.30  0.40  0.01   0.03   -     -     -
gemini-2.5-pro          2026-01-01  1.25  -     10    0.125  -      2.50  15    0.25
gemini-3.5-flash-lite   2026-01-01  0.30  -     2.50  0.03   -      -     -     -
gemini-3.1-flash-lite   2026-01-01  0.25  0.50  1.50  0.025  0.05   -     -     -
gemini-3-flash-preview  2026-01-01  0.50  1.00  3.00  0.05   0.10   -     -     -
gemini-3.5-flash        2026-01-01  1.50  -     9.00  0.15   -      -     -     -
gemini-3.6-flash        2026-01-01  0.75  -     3.75  0.075  -      -     -     -
gemini-3.6-flash        2027-01-01  1.50  -     7.50  0.15   -      -     -     -
gemini-3.7-flash        2026-01-01  0.75  -     3.75  0.075  -      -     -     -
gemini-3.7-flash        2027-01-01  1.50  -     7.50  0.15   -      -     -     -
gemini-3.8-flash        2026-01-01  0.75  -     3.75  0.075  -      -     -     -
gemini-3.8-flash        2027-01-01  1.50  -     7.50  0.15   -      -     -     -
gemini-3.1-pro-preview  2026-01-01  2     -     12    0.20   -      4     18    0.40
gemini-4-hydrogen       2026-01-01  1.50  -     7.50  0.075  -      -     -     -
gemini-4-argon          2026-01-01  2     -     10    0.10   -      -     -     -
gemini-4-argon          2026-12-01  4     -     20    0.20   -      -     -     -
gemini-4-carbon         2026-01-01  2     -     10    0.10   -      -     -     -
gemini-4-carbon         2026-12-01  4     -     20    0.20   -      -     -     -
gemini-4-neon           2026-01-01  3     -     15    0.15   -      -     -     -
`;

export interface PublishedRow {
  model: string;
  from: string;
  cells: string[];
}

export const published: PublishedRow[] = table
  .trim()
  .split("\n")
  .map((line) => {
    const [model = "", from = "", ...cells] = line.split(/\s+/);
    return { model, from, cells };
  });

export interface RawUsage {
  promptTokenCount?: number;
  cachedContentTokenCount?: number;
  candidatesTokenCount?: number;
  thoughtsTokenCount?: number;
  toolUsePromptTokenCount?: number;
  totalTokenCount?: number;
  promptTokensDetails?: { modality: string; tokenCount: number }[];
  cacheTokensDetails?: { modality: string; tokenCount: number }[];
  serviceTier?: string;
  _grounding?: { searchPrompts: number; searchQueries: number; mapsPrompts: number };
}

/** Billions of a billionth: 10^-18 USD, so that halves and 9/5 of any price are whole without thinking about it. */
const scale = 18;

function attoUsd(decimal: string): bigint {
  const [whole = "0", fraction = ""] = decimal.split(".");
  return BigInt(whole + fraction) * 10n ** BigInt(scale - fraction.length);
}

/** The bill in picodollars, or a thrown Error if it is not a whole number of them. */
export function recompute(row: PublishedRow, usage: RawUsage): bigint {
  const [
    input = "",
    inputAudio = "-",
    output = "",
    cached = "",
    cachedAudio = "-",
    bigIn = "-",
    bigOut = "",
    bigCached = "",
  ] = row.cells;
  const prompt = BigInt(usage.promptTokenCount ?? 0);
  const big = bigIn !== "-" && prompt > 200_000n;
  const inRate = attoUsd(big ? bigIn : input);
  const outRate = attoUsd(big ? bigOut : output);
  const cachedRate = attoUsd(big ? bigCached : cached);
  const audioRate = inputAudio === "-" ? inRate : attoUsd(inputAudio);
  const cachedAudioRate = cachedAudio === "-" ? cachedRate : attoUsd(cachedAudio);

  const audio = countAudio(usage.promptTokensDetails);
  const audioFromCache = countAudio(usage.cacheTokensDetails);
  const allFromCache = BigInt(usage.cachedContentTokenCount ?? 0);
  let tokens = (prompt + BigInt(usage.toolUsePromptTokenCount ?? 0)) * inRate;
  tokens += audio * (audioRate - inRate);
  tokens -= (allFromCache - audioFromCache) * (inRate - cachedRate);
  tokens -= audioFromCache * (audioRate - cachedAudioRate);
  tokens += BigInt((usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0)) * outRate;

  // Per million tokens, times ten so that both 0.5 and 1.8 are whole numbers.
  const tenths =
    usage.serviceTier === "priority" ? 18n : usage.serviceTier === "flex" || usage.serviceTier === "batch" ? 5n : 10n;
  const older = row.model.startsWith("gemini-2.");
  const searches = older ? (usage._grounding?.searchPrompts ?? 0) : (usage._grounding?.searchQueries ?? 0);
  const searchRate = older ? attoUsd("35") : attoUsd("14");
  const grounding = BigInt(searches) * searchRate + BigInt(usage._grounding?.mapsPrompts ?? 0) * attoUsd("25");

  const total = tokens * tenths + grounding * 10n * 1000n; // in attodollars x 10^7
  const perPico = 10n ** 6n * 10n ** 7n;
  if (total % perPico !== 0n) throw new Error(`not a whole number of picodollars: ${row.model}`);
  return total / perPico;
}

function countAudio(details: RawUsage["promptTokensDetails"]): bigint {
  return BigInt(details?.find((detail) => detail.modality === "AUDIO")?.tokenCount ?? 0);
}
