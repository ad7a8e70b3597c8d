// The bill computed a second time, in another way than the server does: no lines, no per-token units; everything at full price
// first, then what was too much taken off again. From the table as published (`recompute`), and from a receipt alone
// (`recomputeReceipt`).

/**
 * The table as published: USD per million tokens. Columns: input, audio, output, cached, cached audio, above 200k x 3 (input, output,
 * cached), then USD per thousand searches and per thousand of Maps: p for each grounded prompt, q for each query.
 */
const table = `
gemini-2.5-flash        2026-01-01  0.30  1.00  2.50  0.03   0.10   -     -     -     35p 25p
gemini-2.5-flash        2026-12-01  0.30  -     2.50  0.03   -      -     -     -     14q 14q
gemini-2.5-flash-lite   2026-01-01  0.10  0.30  0.40  0.01   0.03   -     -     -     35p 25p
gemini-2.5-pro          2026-01-01  1.25  -     10    0.125  -      2.50  15    0.25  35p 25p
gemini-3.5-flash-lite   2026-01-01  0.30  -     2.50  0.03   -      -     -     -     14q 14q
gemini-3.1-flash-lite   2026-01-01  0.25  0.50  1.50  0.025  0.05   -     -     -     14q 14q
gemini-3-flash-preview  2026-01-01  0.50  1.00  3.00  0.05   0.10   -     -     -     14q 14q
gemini-3.5-flash        2026-01-01  1.50  -     9.00  0.15   -      -     -     -     14q 14q
gemini-3.6-flash        2026-01-01  0.75  -     3.75  0.075  -      -     -     -     14q 14q
gemini-3.6-flash        2027-01-01  1.50  -     7.50  0.15   -      -     -     -     14q 14q
gemini-3.7-flash        2026-01-01  0.75  -     3.75  0.075  -      -     -     -     14q 14q
gemini-3.7-flash        2027-01-01  1.50  -     7.50  0.15   -      -     -     -     14q 14q
gemini-3.8-flash        2026-01-01  0.75  -     3.75  0.075  -      -     -     -     14q 14q
gemini-3.8-flash        2027-01-01  1.50  -     7.50  0.15   -      -     -     -     14q 14q
gemini-3.1-pro-preview  2026-01-01  2     -     12    0.20   -      4     18    0.40  14q 14q
gemini-4-hydrogen       2026-01-01  1.50  -     7.50  0.075  -      -     -     -     14q 14q
gemini-4-argon          2026-01-01  2     -     10    0.10   -      -     -     -     14q 14q
gemini-4-argon          2026-12-01  4     -     20    0.20   -      -     -     -     14q 14q
gemini-4-carbon         2026-01-01  2     -     10    0.10   -      -     -     -     14q 14q
gemini-4-carbon         2026-12-01  4     -     20    0.20   -      -     -     -     14q 14q
gemini-4-neon           2026-01-01  3     -     15    0.15   -      -     -     -     14q 14q
`;

/** The service tiers whose prices are known; the same columns, after the tier. Any other is billed at the standard price. */
const tierTable = `
gemini-2.5-flash        2026-01-01  flex      0.15  0.50  1.25  0.03   0.10   -     -     -
gemini-2.5-flash        2026-12-01  flex      0.15  -     1.25  0.02   -      -     -     -
gemini-2.5-flash        2026-12-01  priority  0.54  -     4.50  0.05   -      -     -     -
gemini-2.5-flash-lite   2026-01-01  flex      0.05  0.15  0.20  0.01   0.03   -     -     -
gemini-2.5-pro          2026-01-01  flex      0.625 -     5     0.125  -      1.25  7.50  0.25
gemini-3.5-flash-lite   2026-01-01  flex      0.15  -     1.25  0.02   -      -     -     -
gemini-3.5-flash-lite   2026-01-01  priority  0.54  -     4.50  0.05   -      -     -     -
gemini-3-flash-preview  2026-01-01  flex      0.25  0.50  1.50  0.05   0.10   -     -     -
gemini-3.1-pro-preview  2026-01-01  flex      1     -     6     0.20   -      2     9     0.40
`;

export interface PublishedRow {
  model: string;
  from: string;
  cells: string[];
  tiers: Record<string, string[]>;
}

const wordsOf = (lines: string) =>
  lines
    .trim()
    .split("\n")
    .map((line) => line.split(/\s+/));

export const published: PublishedRow[] = wordsOf(table).map(([model = "", from = "", ...cells]) => ({
  model,
  from,
  cells,
  tiers: Object.fromEntries(
    wordsOf(tierTable)
      .filter(([itsModel, itsFrom]) => itsModel === model && itsFrom === from)
      .map(([, , tier = "", ...prices]) => [tier, prices]),
  ),
}));

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
}

export interface RawCounted {
  search: { prompts: number; queries: number };
  maps: { prompts: number };
}

/** Billions of a billionth: 10^-18 USD, so that nothing is ever rounded. */
const scale = 18;

function attoUsd(decimal: string): bigint {
  const [whole = "0", fraction = ""] = decimal.split(".");
  return BigInt(whole + fraction) * 10n ** BigInt(scale - fraction.length);
}

/** In attodollars a million tokens. */
interface Rates {
  input: bigint;
  inputAudio: bigint;
  output: bigint;
  cached: bigint;
  cachedAudio: bigint;
}

function ratesOf(cells: string[], prompt: bigint): Rates {
  const [input = "", inputAudio = "-", output = "", cached = "", cachedAudio = "-", ...above] = cells;
  const [bigIn = "-", bigOut = "", bigCached = ""] = above;
  const big = bigIn !== "-" && prompt > 200_000n;
  return ratesAt(
    big
      ? { input: bigIn, output: bigOut, cached: bigCached }
      : {
          input,
          output,
          cached,
          ...(inputAudio === "-" ? {} : { input_audio: inputAudio }),
          ...(cachedAudio === "-" ? {} : { cached_audio: cachedAudio }),
        },
  );
}

interface WrittenPrices {
  input: string;
  input_audio?: string;
  output: string;
  cached: string;
  cached_audio?: string;
}

function ratesAt(prices: WrittenPrices): Rates {
  return {
    input: attoUsd(prices.input),
    inputAudio: attoUsd(prices.input_audio ?? prices.input),
    output: attoUsd(prices.output),
    cached: attoUsd(prices.cached),
    cachedAudio: attoUsd(prices.cached_audio ?? prices.cached),
  };
}

/** `more`: tokens that no usage holds, of the prompt and of the answer. */
function billTokens(usage: RawUsage, rates: Rates, billTools: boolean, more = { input: 0, output: 0 }): bigint {
  const prompt = BigInt((usage.promptTokenCount ?? 0) + more.input);
  const audio = countAudio(usage.promptTokensDetails);
  const audioFromCache = countAudio(usage.cacheTokensDetails);
  const allFromCache = BigInt(usage.cachedContentTokenCount ?? 0);
  let tokens = (prompt + (billTools ? BigInt(usage.toolUsePromptTokenCount ?? 0) : 0n)) * rates.input;
  tokens += audio * (rates.inputAudio - rates.input);
  tokens -= (allFromCache - audioFromCache) * (rates.input - rates.cached);
  tokens -= audioFromCache * (rates.inputAudio - rates.cachedAudio);
  tokens += BigInt((usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0) + more.output) * rates.output;
  return tokens;
}

/** From attodollars times a million and times a thousand to picodollars, or a thrown Error if it is no whole number of them. */
function toPico(millions: bigint, thousands: bigint): bigint {
  const total = millions + thousands * 1000n;
  const perPico = 10n ** 6n * 10n ** 6n;
  if (total % perPico !== 0n) throw new Error("not a whole number of picodollars");
  return total / perPico;
}

/** The bill in picodollars by the published table. */
export function recompute(row: PublishedRow, usage: RawUsage, counted?: RawCounted | null): bigint {
  const cells = row.tiers[usage.serviceTier ?? "standard"] ?? row.cells;
  const rates = ratesOf(cells, BigInt(usage.promptTokenCount ?? 0));
  const [searchCell = "", mapsCell = ""] = row.cells.slice(8);
  const searches = searchCell.endsWith("p") ? counted?.search.prompts : counted?.search.queries;
  const searchBill = BigInt(searches ?? 0) * attoUsd(searchCell.slice(0, -1));
  const mapsBill = BigInt(counted?.maps.prompts ?? 0) * attoUsd(mapsCell.slice(0, -1));
  return toPico(billTokens(usage, rates, true), searchBill + mapsBill);
}

/** One call's receipt as the API answers it: all that its total depends on. */
export interface CallReceipt {
  price: { rates: Record<string, unknown> } | null;
  usage_raw: unknown;
  counted: RawCounted | null;
  lines: { item: string; quantity: number }[];
}

type WrittenRow = WrittenPrices & {
  above?: WrittenPrices & { tokens: number };
  tier?: Record<string, WrittenPrices & { above?: WrittenPrices & { tokens: number } }>;
  search?: { per: string; price: string };
  maps?: { per: string; price: string };
  bill_tool_input: boolean;
};

/** The total from the receipt alone. Only what no usage can hold, the unreported tokens, is taken from its lines. */
export function recomputeReceipt({ price, usage_raw, counted, lines }: CallReceipt): bigint {
  const row = price!.rates as unknown as WrittenRow;
  const usage = usage_raw as RawUsage;
  const quantityOf = (item: string) => lines.find((line) => line.item === item)?.quantity ?? 0;
  const more = { input: quantityOf("input_unreported"), output: quantityOf("output_unreported") };
  const set = row.tier?.[usage.serviceTier ?? "standard"] ?? row;
  const isBig = set.above !== undefined && (usage.promptTokenCount ?? 0) + more.input > set.above.tokens;
  const searches = row.search?.per === "prompt" ? counted?.search.prompts : counted?.search.queries;
  const searchBill = BigInt(searches ?? 0) * attoUsd(row.search?.price ?? "0");
  const mapsBill = BigInt(counted?.maps.prompts ?? 0) * attoUsd(row.maps?.price ?? "0");
  const tokens = billTokens(usage, ratesAt(isBig ? set.above! : set), row.bill_tool_input, more);
  return toPico(tokens, searchBill + mapsBill);
}

function countAudio(details: RawUsage["promptTokensDetails"]): bigint {
  return BigInt(details?.find((detail) => detail.modality === "AUDIO")?.tokenCount ?? 0);
}
