// What a call must have cost, derived again from its raw usage, what was counted beside it and its price row's content: the same rules
// as the booking's (receipt.ts), written down a second time. The border test keeps the two apart.

import { choosePrices, type PriceContent, searchPrice } from "./price-content.ts";
import { kinds, type RawCounts, readObject, readRawUsage, type Split, sum } from "./raw-usage.ts";

/** A row of the ledger as it is stored. */
export interface BookedCall {
  /** The number of its turn in the database, and that turn's id; null: there is no such turn. */
  turnRow: number;
  turn: string | null;
  /** Its own number in its turn: 1, 2, 3 ... */
  number: number;
  purpose: string;
  at: number;
  vendor: string;
  modelRequested: string;
  modelServed: string | null;
  price: { key: string; content: string } | null;
  /** input, cached, output, thinking, tool, total. */
  usage: readonly (number | null)[];
  total: string | null;
  /** 0 exact, 1 partial, 2 estimated, 3 unknown. */
  accuracy: number;
  balanced: number;
  outcome: string | null;
  errorCode: string | null;
  lines: string;
  usageRaw: string | null;
  counted: string | null;
}

/** As the columns of the same names must be. */
export type Derived = Pick<BookedCall, "usage" | "total" | "accuracy" | "balanced" | "lines">;

const [exact, partial, estimated, unknown] = [0, 1, 2, 3];
const noUsage = [null, null, null, null, null, null];

interface Estimates {
  prompt: number;
  answer: number;
  thoughts: number;
}

const noEstimates: Estimates = { prompt: 0, answer: 0, thoughts: 0 };

interface Measured {
  counts: RawCounts;
  more: { input: number; output: number };
  accuracy: number;
}

/** Throws where the price row does not read. `price`: the row's, read; undefined where the call has none. */
export function deriveCall(call: BookedCall, price: PriceContent | undefined): Derived {
  const raw = call.usageRaw === null ? undefined : readRawUsage(call.usageRaw);
  const balanced = raw && !raw.balanced ? 0 : 1;
  if (call.outcome === "refused") return { usage: noUsage, total: "0", accuracy: exact, balanced, lines: "[]" };
  const counted = call.counted === null ? undefined : readObject(call.counted);
  const tokens = counted?.tokens as Estimates | undefined;
  const derive = (measured: Measured) => bill(measured, balanced, counted, price?.rates);
  const derived = derive(measure(call, raw, tokens ?? noEstimates));
  // Before the estimates were kept with a call, what was raised stands in its counts alone.
  const isOlder = tokens === undefined && call.accuracy !== exact && `${derived.usage}` !== `${call.usage}`;
  return isOlder ? derive(takeEstimates(call, raw)) : derived;
}

function measure(call: BookedCall, raw: RawCounts | undefined, tokens: Estimates): Measured {
  if (!raw || raw.stated + countAll(raw) === 0) return estimate(raw, tokens);
  const [prompt, answer] = [promptOf(raw), sum(raw.output)];
  const gap = Math.max(0, raw.stated - countAll(raw));
  const isCounted = answer + raw.thinking > 0;
  const input = prompt > 0 ? 0 : (isCounted ? gap : Math.min(gap, tokens.prompt)) || tokens.prompt;
  const left = Math.max(0, gap - input);
  const isLastWord = call.outcome === "finished" && raw.balanced && isCounted && (answer > 0 || tokens.answer === 0);
  const lacking = (estimated: number, said: number) =>
    Math.max(0, (said + left === 0 ? estimated : Math.ceil(estimated / 3)) - said);
  const raised = isLastWord ? 0 : lacking(tokens.answer, answer) + lacking(tokens.thoughts, raw.thinking);
  const more = { input, output: Math.max(left, raised) };
  const isWhole = call.outcome === "finished" && raw.balanced && more.input + more.output === 0;
  return { counts: raw, more, accuracy: isWhole ? exact : partial };
}

/** Without a count of the vendor's. */
function estimate(raw: RawCounts | undefined, { prompt, answer, thoughts }: Estimates): Measured {
  const only = (text: number) => [text, 0, 0, 0, 0];
  const counts: RawCounts = {
    ...{ fresh: only(prompt), cached: only(0), output: only(answer), thinking: thoughts, tool: 0, stated: 0 },
    ...{ balanced: true, tier: raw?.tier ?? "standard" },
  };
  return { counts, more: { input: 0, output: 0 }, accuracy: estimated };
}

function takeEstimates(call: BookedCall, raw: RawCounts | undefined): Measured {
  const [input = 0, , output = 0, thinking = 0] = call.usage.map((count) => count ?? 0);
  if (!raw || raw.stated + countAll(raw) === 0)
    return estimate(raw, { prompt: input, answer: output, thoughts: thinking });
  const more = { input: Math.max(0, input - promptOf(raw)), output: Math.max(0, output - sum(raw.output)) };
  return { counts: raw, more, accuracy: partial };
}

function promptOf({ fresh, cached }: RawCounts): number {
  return sum(fresh) + sum(cached);
}

function countAll(counts: RawCounts): number {
  return promptOf(counts) + sum(counts.output) + counts.thinking + counts.tool;
}

type Rates = Record<string, unknown>;
const [inputs, cacheds, outputs] = ["input", "cached", "output"].map((name) =>
  kinds.map((kind) => `${name}_${kind}`),
) as [string[], string[], string[]];

function bill(
  { counts, more, accuracy }: Measured,
  balanced: number,
  counted: Rates | undefined,
  rates: Rates | undefined,
): Derived {
  const input = promptOf(counts) + more.input;
  const output = sum(counts.output) + more.output;
  const all = input + output + counts.thinking + counts.tool;
  const usage = [input, sum(counts.cached), output, counts.thinking, counts.tool, all];
  const searches = readSearches(counted);
  const search = rates?.search as Rates | undefined;
  const maps = rates?.maps as Rates | undefined;
  const hasSearched = searches.prompts + searches.queries > 0;
  if (!rates || (hasSearched && !search) || (searches.maps > 0 && !maps))
    return { usage, lines: "[]", total: null, accuracy: unknown, balanced };

  const prices = choosePrices(rates, counts.tier, input);
  // A list of lists as JSON.stringify prints it: nothing in it has to be escaped.
  let lines = "";
  let total = 0n;
  const add = (item: string, quantity: number, price: bigint, unit = "token") => {
    if (quantity === 0) return;
    const amount = BigInt(quantity) * price;
    total += amount;
    lines += `${lines === "" ? "" : ","}["${item}",${quantity},"${unit}","${price}","${amount}"]`;
  };
  const addKinds = (names: readonly string[], split: Split, unitPrices: readonly bigint[]) => {
    for (let kind = 0; kind < split.length; kind++) add(names[kind]!, split[kind]!, unitPrices[kind]!);
  };
  const [textInput, textOutput] = [prices.input[0]!, prices.output[0]!];
  addKinds(inputs, counts.fresh, prices.input);
  add("input_unreported", more.input, textInput);
  addKinds(cacheds, counts.cached, prices.cached);
  add("tool_input", counts.tool, rates.bill_tool_input === false ? 0n : textInput);
  addKinds(outputs, counts.output, prices.output);
  add("thinking", counts.thinking, textOutput);
  add("output_unreported", more.output, textOutput);
  if (search && hasSearched) {
    const [quantity, unit] = search.per === "prompt" ? [searches.prompts, "request"] : [searches.queries, "query"];
    add("grounding", quantity, searchPrice(search), unit);
  }
  if (maps && searches.maps > 0)
    add("grounding_maps", searches.maps, searchPrice(maps), maps.per === "prompt" ? "request" : "query");
  // Of a tier without a price, and of queries that nobody counts, the nearest is taken.
  const isGuess =
    !prices.isTierKnown ||
    (hasSearched && search?.per === "query" && searches.queries === 0) ||
    (searches.maps > 0 && maps?.per === "query");
  return { usage, lines: `[${lines}]`, total: `${total}`, accuracy: isGuess ? estimated : accuracy, balanced };
}

function readSearches(counted: Rates | undefined): { prompts: number; queries: number; maps: number } {
  const { search, maps } = (counted ?? {}) as Record<string, Record<string, number> | undefined>;
  return { prompts: search?.prompts ?? 0, queries: search?.queries ?? 0, maps: maps?.prompts ?? 0 };
}
