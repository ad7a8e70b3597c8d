// A conversation of a hundred turns: what the vendor would bill under full, stepped and naive sliding memory, given a prefix cache.

import { join } from "node:path";
import { type Emulator, startEmulator } from "../../emulator/emulator.ts";
import { readConfig } from "../../src/config.ts";
import { noLog } from "../../src/log.ts";
import { serve } from "../../src/main.ts";
import type { Workload } from "../bench.ts";
import { model, textOf } from "../conversation.ts";
import { makeFolder, streamPath } from "../targets.ts";

const turns = 100;
const questionChars = 400;
const answerChars = 1_600;
/** Far above the vendor's smallest cached prefix (4,096 tokens), and reached after about a third of the conversation. */
const windowTokens = 16_000;
/** Picodollars per token: 0.30, 0.03 and 2.50 USD per million (vendor's page, read 2026-11-23). */
const prices = { input: 300_000n, cached: 30_000n, output: 2_500_000n };

interface Content {
  role: string;
  parts: { text: string }[];
}
interface Usage {
  promptTokenCount?: number;
  cachedContentTokenCount?: number;
  candidatesTokenCount?: number;
}
interface Bill {
  promptTokens: number;
  cachedTokens: number;
  outputTokens: number;
  inputCost: bigint;
  cost: bigint;
  /** Turns whose prompt did not begin with the whole prompt before it, and those of them in which memory was cut. */
  broken: number;
  cuts: number;
}

export const cache: Workload = {
  name: "cache",
  quick: true,
  async run(bench) {
    const folder = makeFolder(bench.folder, "cache");
    const full = await askServer(join(folder, "full.db"), "");
    const stepped = await askServer(join(folder, "stepped.db"), String(windowTokens));
    const sliding = await slide();
    const bills = { full, stepped, sliding };
    const share = Number(stepped.cost) / Number(sliding.cost);
    const stable = stability(stepped);
    return {
      name: "cache",
      title: "A hundred turns and the vendor's prefix cache",
      what: `The same ${turns} questions of ${questionChars} characters, answers of ${answerChars}. Full sends everything; stepped is our memory with a window of ${windowTokens} tokens, cut in big steps; sliding is the usual way, which drops the oldest messages each turn. The emulator caches prefixes of whole messages, as the vendor describes.`,
      aims: [
        { aim: "stepped costs at most half of sliding", measured: share.toFixed(2), reached: share <= 0.5 },
        { aim: "prefix stability 1.000 except at declared steps", measured: stable.toFixed(3), reached: stable === 1 },
      ],
      columns: [
        "memory",
        "prompt tokens",
        "of them cached",
        "answer tokens",
        "prompts USD",
        "total USD",
        "cuts",
        "stability",
      ],
      rows: Object.entries(bills).map(([name, bill]) => [
        name,
        bill.promptTokens,
        `${bill.cachedTokens} (${Math.round((100 * bill.cachedTokens) / bill.promptTokens)} %)`,
        bill.outputTokens,
        printUsd(bill.inputCost),
        printUsd(bill.cost),
        bill.cuts,
        stability(bill).toFixed(3),
      ]),
      plots: [],
      notes: [
        "Stability is the share of turns, apart from those in which memory was cut, whose prompt begins with the whole prompt before it, byte for byte.",
      ],
      voids: [],
      data: JSON.parse(
        JSON.stringify(bills, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value)),
      ),
    };
  },
};

function stability({ broken, cuts }: Bill): number {
  return (turns - 1 - broken) / (turns - 1 - cuts);
}

/** The conversation through the server itself; what it sent is read at the vendor's end. */
async function askServer(file: string, memoryTokens: string): Promise<Bill> {
  const emulator = await startTalker();
  const env = {
    GEMINI_API_KEY: "bench",
    GEMINI_BASE_URL: emulator.url,
    GEMINI_MODEL: model,
    PORT: "0",
    DATABASE_URL: `sqlite:${file}`,
    MEMORY_MAX_TOKENS: memoryTokens,
  };
  const server = await serve(readConfig({ flags: [], env, dotEnv: null }), { log: noLog });
  try {
    const { id } = await post(`${server.url}/sessions`, {});
    for (let turn = 0; turn < turns; turn++) {
      const answer = await post(`${server.url}/sessions/${id}/messages`, { content: textOf(turn, questionChars) });
      if (answer.turn?.status !== "complete") throw new Error(`turn ${turn}: ${JSON.stringify(answer)}`);
    }
  } finally {
    await server.stop();
  }
  return finishBill(emulator);
}

/** The naive way: as many of the newest messages as fit, chosen anew each turn. */
async function slide(): Promise<Bill> {
  const emulator = await startTalker();
  const said: Content[] = [];
  for (let turn = 0; turn < turns; turn++) {
    said.push({ role: "user", parts: [{ text: textOf(turn, questionChars) }] });
    while (tokensOf(said) > windowTokens) said.splice(0, 2);
    const response = await fetch(emulator.url + streamPath, {
      method: "POST",
      headers: { "content-type": "application/json", "x-goog-api-key": "bench" },
      body: JSON.stringify({ contents: said }),
    });
    await response.text();
    said.push({ role: "model", parts: [{ text: textOf(7, answerChars) }] });
  }
  return finishBill(emulator);
}

/** Four characters a token: what the emulator counts too, for such texts. */
function tokensOf(said: readonly Content[]): number {
  return said.reduce((sum, { parts }) => sum + Math.ceil(parts[0]!.text.length / 4), 0);
}

async function startTalker(): Promise<Emulator> {
  const emulator = await startEmulator({ record: turns * 2 });
  emulator.always({ text: textOf(7, answerChars), delayMs: 0 });
  return emulator;
}

async function finishBill(emulator: Emulator): Promise<Bill> {
  const bill: Bill = { promptTokens: 0, cachedTokens: 0, outputTokens: 0, inputCost: 0n, cost: 0n, broken: 0, cuts: 0 };
  let before: Content[] = [];
  for (const call of emulator.generateCalls()) {
    const { contents } = call.body as { contents: Content[] };
    const usage = (call.usage ?? {}) as Usage;
    addUsage(bill, usage);
    const isLonger = before.every((content, at) => JSON.stringify(content) === JSON.stringify(contents[at]));
    if (!isLonger) bill.broken++;
    if (before.length > 0 && JSON.stringify(contents[0]) !== JSON.stringify(before[0])) bill.cuts++;
    before = contents;
  }
  if (emulator.callCount !== turns) throw new Error(`${emulator.callCount} calls for ${turns} turns`);
  await emulator.close();
  return bill;
}

function addUsage(
  bill: Bill,
  { promptTokenCount = 0, cachedContentTokenCount = 0, candidatesTokenCount = 0 }: Usage,
): void {
  const input = BigInt(promptTokenCount - cachedContentTokenCount) * prices.input;
  const cached = BigInt(cachedContentTokenCount) * prices.cached;
  bill.promptTokens += promptTokenCount;
  bill.cachedTokens += cachedContentTokenCount;
  bill.outputTokens += candidatesTokenCount;
  bill.inputCost += input + cached;
  bill.cost += input + cached + BigInt(candidatesTokenCount) * prices.output;
}

interface Answer {
  id: string;
  turn?: { status: string };
}

async function post(url: string, body: unknown): Promise<Answer> {
  const headers = { "content-type": "application/json" };
  return (await fetch(url, { method: "POST", headers, body: JSON.stringify(body) })).json() as Promise<Answer>;
}

function printUsd(pico: bigint): string {
  return (Number(pico) / 1e12).toFixed(4);
}
