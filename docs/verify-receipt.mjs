#!/usr/bin/env node
// Derives receipts again from themselves: `node verify-receipt.mjs receipt.json ...`, or one from stdin. Needs nothing but Node.
//
//   curl -s http://127.0.0.1:8000/turns/ID/receipt | node verify-receipt.mjs
//
// Every call to the vendor is one attempt. Its lines follow from what the vendor counted (usage_raw), what was counted beside it (counted) and
// the price row (price.rates: USD per million tokens, per thousand searches). Prints each line and the total; exit status 1 on a difference.
import { readFileSync } from "node:fs";

const kinds = ["text", "audio", "image", "video", "document"];
const accuracies = ["exact", "partial", "estimated", "unknown"];
const sum = (counts) => counts.reduce((a, b) => a + b, 0);

/** A decimal text times 10^digits, exactly: prices have at most that many decimals. */
function scale(text, digits) {
  const [whole, fraction = ""] = String(text).split(".");
  return BigInt(whole + fraction.padEnd(digits, "0"));
}
/** Picodollars (10^-12 USD) as a decimal text. */
function usd(pico) {
  if (pico === null) return "null";
  const digits = String(pico).padStart(13, "0");
  return `${digits.slice(0, -12)}.${digits.slice(-12)}`.replace(/\.?0+$/, "");
}

/** What the vendor counted. What cannot be a count is taken as 0, and then the usage is not balanced. */
function readUsage(raw) {
  const usage = typeof raw === "object" && raw !== null && !Array.isArray(raw) ? raw : undefined;
  let good = usage !== undefined;
  const isCount = (value) => Number.isInteger(value) && value >= 0 && value <= 20_000_000;
  const count = (name) => {
    const value = usage?.[name] ?? 0;
    good &&= isCount(value);
    return isCount(value) ? value : 0;
  };
  /** By modality: the counter wins over its details, the rest is text. */
  const divide = (counter, details) => {
    const split = [counter, 0, 0, 0, 0];
    for (const detail of Array.isArray(details) ? details : []) {
      const kind = kinds.indexOf(String(detail?.modality).toLowerCase());
      if (kind > 0 && isCount(detail.tokenCount)) split[kind] += detail.tokenCount;
    }
    for (const kind of [1, 2, 3, 4]) {
      split[kind] = Math.min(split[kind], split[0]);
      split[0] -= split[kind];
    }
    return split;
  };
  const [prompt, answer, thinking] = ["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount"].map(count);
  const [tool, fromCache, stated] = ["toolUsePromptTokenCount", "cachedContentTokenCount", "totalTokenCount"].map(count);
  const input = divide(prompt, usage?.promptTokensDetails);
  // What was read from a cache is part of the prompt; what a modality has no room for goes where there is room.
  const wanted = divide(fromCache, usage?.cacheTokensDetails);
  const cached = wanted.map((tokens, kind) => Math.min(tokens, input[kind]));
  for (let kind = 0, left = fromCache - sum(cached); kind < 5; kind++) {
    const more = Math.min(left, input[kind] - cached[kind]);
    cached[kind] += more;
    left -= more;
  }
  const word = typeof usage?.serviceTier === "string" ? usage.serviceTier.slice(0, 32).toLowerCase() : "";
  return {
    ...{ fresh: input.map((tokens, kind) => tokens - cached[kind]), cached, stated, thinking, tool },
    output: divide(answer, usage?.candidatesTokensDetails),
    balanced: good && fromCache <= prompt && stated === prompt + answer + thinking + tool,
    tier: word === "" || word.endsWith("unspecified") ? "standard" : word,
  };
}

/** The tokens to bill, and how sure they are: 0 exact, 1 partial, 2 estimated. `more`: what the vendor's counts lack. */
function measure(call, said) {
  const none = { prompt: 0, answer: 0, thoughts: 0 };
  const [prompt, answer] = [sum(said.fresh) + sum(said.cached), sum(said.output)];
  const all = prompt + answer + said.thinking + said.tool;
  // A call booked by an older program has no estimates: they are what its usage has beyond the vendor's.
  const { usage } = call;
  const older = usage && !call.counted?.tokens && call.accuracy !== "exact";
  const tokens = older
    ? { prompt: usage.input_tokens, answer: usage.output_tokens, thoughts: usage.thinking_tokens }
    : (call.counted?.tokens ?? none);
  if (all + said.stated === 0) {
    const text = (count) => [count, 0, 0, 0, 0];
    const counts = { fresh: text(tokens.prompt), cached: text(0), output: text(tokens.answer), thinking: tokens.thoughts };
    return { counts: { ...counts, tool: 0, tier: said.tier }, more: [0, 0], sure: 2 };
  }
  const gap = Math.max(0, said.stated - all);
  const isCounted = answer + said.thinking > 0;
  const input = prompt > 0 ? 0 : (isCounted ? gap : Math.min(gap, tokens.prompt)) || tokens.prompt;
  const left = Math.max(0, gap - input);
  const lastWord = call.outcome === "finished" && said.balanced && isCounted && (answer > 0 || tokens.answer === 0);
  const lacking = (estimate, counted) => Math.max(0, (counted + left ? Math.ceil(estimate / 3) : estimate) - counted);
  const raised = lastWord ? 0 : lacking(tokens.answer, answer) + lacking(tokens.thoughts, said.thinking);
  const more = older
    ? [Math.max(0, usage.input_tokens - prompt), Math.max(0, usage.output_tokens - answer)]
    : [input, Math.max(left, raised)];
  return { counts: said, more, sure: call.outcome === "finished" && said.balanced && sum(more) === 0 ? 0 : 1 };
}

/** The whole call: its lines, its total in picodollars (null: unknown), and how sure that is. */
function derive(call) {
  const said = readUsage(call.usage_raw ?? {});
  const balanced = call.usage_raw === null || said.balanced;
  if (call.outcome === "refused") return { lines: [], total: 0n, accuracy: "exact", balanced };
  const { counts, more, sure } = measure(call, said);
  const { search = { prompts: 0, queries: 0 }, maps = { prompts: 0 } } = call.counted ?? {};
  const rates = call.price?.rates;
  const searched = search.prompts + search.queries > 0;
  if (!rates || (searched && !rates.search) || (maps.prompts > 0 && !rates.maps))
    return { lines: [], total: null, accuracy: "unknown", balanced };

  const own = counts.tier === "standard" ? rates : rates.tier?.[counts.tier]; // a tier without a price: the standard one, as a guess
  const set = own ?? rates;
  const input = sum(counts.fresh) + sum(counts.cached) + more[0];
  const prices = set.above && input > set.above.tokens ? set.above : set;
  const lines = [];
  const add = (item, quantity, unit, price) => {
    if (quantity > 0) lines.push({ item, quantity, unit, price, amount: BigInt(quantity) * price });
  };
  const price = (name, kind) => scale(prices[`${name}_${kind}`] ?? prices[name], 6);
  kinds.forEach((kind, at) => add(`input_${kind}`, counts.fresh[at], "token", price("input", kind)));
  add("input_unreported", more[0], "token", price("input"));
  kinds.forEach((kind, at) => add(`cached_${kind}`, counts.cached[at], "token", price("cached", kind)));
  add("tool_input", counts.tool, "token", rates.bill_tool_input ? price("input") : 0n);
  kinds.forEach((kind, at) => add(`output_${kind}`, counts.output[at], "token", price("output", kind)));
  add("thinking", counts.thinking, "token", price("output"));
  add("output_unreported", more[1], "token", price("output"));
  const perPrompt = rates.search?.per === "prompt";
  if (searched) add("grounding", perPrompt ? search.prompts : search.queries, perPrompt ? "request" : "query", scale(rates.search.price, 9));
  if (maps.prompts > 0) add("grounding_maps", maps.prompts, rates.maps.per === "prompt" ? "request" : "query", scale(rates.maps.price, 9));
  const guessed = !own || (searched && !perPrompt && search.queries === 0) || (maps.prompts > 0 && rates.maps.per === "query");
  const total = lines.reduce((all, { amount }) => all + amount, 0n);
  return { lines, total, accuracy: accuracies[guessed ? 2 : sure], balanced };
}

let differences = 0;
function compare(what, says, should) {
  if (says === should) return;
  differences++;
  console.log(`  DIFFERENT: ${what} is ${says}, and should be ${should}`);
}

function check(receipt) {
  const calls = receipt.attempts;
  let total = calls.length === 0 && receipt.total !== null ? scale(receipt.total, 12) : null;
  let worst = calls.length === 0 ? receipt.accuracy : "exact";
  for (const call of calls) {
    const model = call.model_served ?? call.model_requested;
    console.log(`call ${call.attempt}, ${call.purpose}, ${call.at}: ${model}, ${call.price?.id ?? "no price"}`);
    // A call that could not be counted at all is booked as of unknown cost, without lines.
    const isNothing = call.price === null && call.usage === null && call.accuracy === "unknown" && call.lines.length === 0;
    const derived = isNothing ? { lines: [], total: null, accuracy: "unknown", balanced: call.balanced } : derive(call);
    for (const { item, quantity, unit, price, amount } of derived.lines)
      console.log(
        `  ${item.padEnd(18)} ${String(quantity).padStart(9)} ${unit.padEnd(7)} x ${usd(price).padStart(14)} = ${usd(amount)}`,
      );
    const said = call.lines.map((line) => [line.item, line.quantity, line.unit, line.unit_price, line.amount].join(" "));
    const should = derived.lines.map((line) =>
      [line.item, line.quantity, line.unit, usd(line.price), usd(line.amount)].join(" "),
    );
    compare("lines", said.join("; "), should.join("; "));
    compare("total", String(call.total), usd(derived.total));
    compare("accuracy", call.accuracy, derived.accuracy);
    compare("balanced", call.balanced, derived.balanced);
    if (derived.total !== null) total = (total ?? 0n) + derived.total;
    if (accuracies.indexOf(derived.accuracy) > accuracies.indexOf(worst)) worst = derived.accuracy;
  }
  compare("the turn's total", String(receipt.total), usd(total));
  compare("the turn's accuracy", receipt.accuracy, worst);
  console.log(`turn ${receipt.turn_id}: ${usd(total)} USD, ${worst}`);
}

/** What the server answers instead of a receipt, a wrong key say, is told in its words. */
function read(text) {
  let receipt;
  try {
    receipt = JSON.parse(text);
  } catch {} // told below
  if (receipt?.attempts) return receipt;
  console.error(`This is no receipt: ${receipt?.detail ?? "it is no JSON with `attempts`"}`);
  process.exit(1);
}

const files = process.argv.slice(2);
for (const file of files.length > 0 ? files : [0]) check(read(readFileSync(file, "utf8")));
if (differences > 0) console.log(`${differences} different`);
process.exitCode = differences > 0 ? 1 : 0;
