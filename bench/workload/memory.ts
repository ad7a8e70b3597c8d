// The cost of a turn in sessions of up to 100,000 messages, far beyond what a model takes, and the longest one's history, page by page and whole.

import { join } from "node:path";
import { type Bench, printInterval, type Workload, type WorkloadResult } from "../bench.ts";
import type { Child } from "../child.ts";
import { askJson } from "../clients.ts";
import { runClosed } from "../load.ts";
import { prefillOne } from "../prefill.ts";
import { readTree } from "../process-tree.ts";
import { createRandom, isBeyond, percentile, type Rate, rateOf, ratioOf, shuffle } from "../statistics.ts";
import { makeFolder, startOurs, startVendor } from "../targets.ts";

const sizes = [10, 1_000, 40_000, 100_000];
/** Read in whole before the longest, as often as brings the runtime's heap to the size it then keeps: what is more is due to the length. */
const shorter = 20_000;
const shorterReadings = 3;
/** No count of the prompt: then our own estimate stands, by which the model's window holds some 15,000 of these messages. */
const usage = { candidatesTokenCount: 60, totalTokenCount: 60 };
const pageLimit = 50;
const pageRequests = 200;

interface Pages {
  name: string;
  tookMs: number[];
}
interface Export {
  messages: number;
  seconds: number;
  /** Before the shorter readings, before this one, and at most in it. */
  rssFirst: number;
  rssBefore: number;
  rssMost: number;
}

export const memory: Workload = {
  name: "memory",
  quick: false,
  async run(bench) {
    const folder = makeFolder(bench.folder, "memory");
    const databaseUrl = `sqlite:${join(folder, "rozmova.db")}`;
    const sessions: string[] = [];
    for (const size of sizes) {
      bench.say(`memory: writing a session of ${size} messages`);
      sessions.push(await prefillOne(databaseUrl, size));
    }
    const shorterSession = await prefillOne(databaseUrl, shorter);
    const vendor = await startVendor(folder);
    await vendor.answer({ unchecked: true, chunks: 4, chunkChars: 60, delayMs: 0, usage });
    const ours = await startOurs({ folder, vendorUrl: vendor.url, databaseUrl });
    try {
      const { rates, failures } = await measureTurns(bench, ours, sessions);
      const pages = await measurePages(ours.url, sessions.at(-1)!);
      const whole = await measureExport(ours, sessions.at(-1)!, shorterSession);
      return describe(bench, rates, failures, pages, whole);
    } finally {
      await ours.stop();
      await vendor.stop();
    }
  },
};

/** Turns one after another, since a session takes one at a time; sizes in random order within each round. */
async function measureTurns(bench: Bench, ours: Child, sessions: readonly string[]) {
  const rates: Rate[][] = sizes.map(() => []);
  const failures: string[] = [];
  const random = createRandom(bench.seed);
  const rounds = bench.full ? 6 : 3;
  for (let round = 0; round <= rounds; round++) {
    for (const at of shuffle([...sizes.keys()], random)) {
      const before = readTree(ours.pid);
      const turns = sizes[at]! > 10_000 ? 10 : 100; // of prompts of megabytes
      const finished = await runClosed(turns, 1, askJson(ours.url, [sessions[at]!]));
      const cpu = readTree(ours.pid).cpuSeconds - before.cpuSeconds;
      failures.push(...finished.failures);
      if (round > 0) rates[at]!.push({ amount: cpu * 1e6, per: finished.done });
    }
    bench.say(`memory round ${round}/${rounds}`);
  }
  return { rates, failures };
}

async function measurePages(url: string, session: string): Promise<Pages[]> {
  const first = `${url}/sessions/${session}/history?limit=${pageLimit}`;
  const newest = `${first}&order=desc`;
  let deep = first;
  // A cursor from the middle: a page of the whole list, found by walking there once.
  const middle = await findMiddle(url, session);
  deep = `${first}&after=${middle}`;
  const pages: Pages[] = [];
  for (const [name, address] of [
    ["first page", first],
    ["newest page", newest],
    [`page in the middle`, deep],
  ] as const) {
    const finished = await runClosed(pageRequests + 20, 1, async () => {
      const response = await fetch(address);
      const { data } = (await response.json()) as { data: unknown[] };
      if (data.length !== pageLimit) throw new Error(`${response.status}: ${data.length} messages`);
    });
    if (finished.failures.length > 0) throw new Error(finished.failures[0]);
    pages.push({ name, tookMs: finished.tookMs.slice(20) });
  }
  return pages;
}

async function findMiddle(url: string, session: string): Promise<string> {
  const middle = sizes.at(-1)! / 2;
  let found: string | undefined;
  let seen = 0;
  await readLines(`${url}/sessions/${session}/history`, (text) => {
    if (found !== undefined) return;
    const ids = text.match(/"id":"[0-9a-f-]{36}","object":"message"/g) ?? [];
    seen += ids.length;
    if (seen >= middle && ids.length > 0) found = ids.at(-1)!.slice(6, 42);
  });
  if (found === undefined) throw new Error("no message in the middle of the history");
  return found;
}

async function measureExport(ours: Child, session: string, shorterSession: string): Promise<Export> {
  const read = (id: string, take: (text: string) => void) => readLines(`${ours.url}/sessions/${id}/history`, take);
  const rssFirst = readTree(ours.pid).rssBytes;
  for (let reading = 0; reading < shorterReadings; reading++) await read(shorterSession, () => {});
  const rssBefore = readTree(ours.pid).rssBytes;
  let rssMost = rssBefore;
  let messages = 0;
  const watch = setInterval(() => (rssMost = Math.max(rssMost, readTree(ours.pid).rssBytes)), 20);
  const began = performance.now();
  try {
    await read(session, (text) => {
      messages += text.split('"object":"message"').length - 1;
    });
  } finally {
    clearInterval(watch);
  }
  return { messages, seconds: (performance.now() - began) / 1000, rssFirst, rssBefore, rssMost };
}

/** Gives each chunk with the end of the one before, so that nothing that is looked for is cut. */
async function readLines(address: string, take: (text: string) => void): Promise<void> {
  const response = await fetch(address);
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body!) {
    const text = rest + decoder.decode(chunk, { stream: true });
    const end = text.lastIndexOf("}") + 1;
    take(text.slice(0, end));
    rest = text.slice(end);
  }
  take(rest);
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

function describe(bench: Bench, rates: Rate[][], failures: string[], pages: Pages[], whole: Export): WorkloadResult {
  const cost = rates.map((rounds) => rateOf(rounds, bench.seed));
  const growth = ratioOf(rates[3]!, rates[2]!, bench.seed);
  const slowest = Math.max(...pages.map(({ tookMs }) => percentile(tookMs, 0.95)));
  const grownMb = (whole.rssMost - whole.rssBefore) / 1e6;
  return {
    name: "memory",
    title: "Long conversations",
    what: `Turns in sessions of ${sizes.map((size) => size.toLocaleString("en-US")).join(", ")} messages, one at a time, with as much of them sent as the model takes (some 15,000 messages); then the history of the longest session.`,
    aims: [
      {
        aim: "a turn with 100,000 messages behind it costs what one with 40,000 costs: both are more than the model takes",
        measured: `ratio ${printInterval(growth)}`,
        reached: !isBeyond(growth, 0.05) || growth.value < 1,
      },
      { aim: "a page of the history, p95 at most 5 ms", measured: `${slowest.toFixed(2)} ms`, reached: slowest <= 5 },
      {
        aim: `memory for the whole history does not grow with it (at most 32 MB more than for ${shorter.toLocaleString("en-US")} messages)`,
        measured: `${grownMb.toFixed(0)} MB more for ${whole.messages} messages`,
        reached: grownMb <= 32,
      },
    ],
    columns: ["what", "measured"],
    rows: [
      ...sizes.map((size, at) => [`CPU us for a turn, ${size} messages`, printInterval(cost[at]!)]),
      ...pages.map(({ name, tookMs }) => [
        `history, ${name} of ${pageLimit}: p50 / p95 ms`,
        [0.5, 0.95].map((share) => percentile(tookMs, share).toFixed(2)).join(" / "),
      ]),
      [
        "whole history",
        `${whole.messages} messages in ${whole.seconds.toFixed(2)} s, RSS ${mb(whole.rssBefore)} -> ${mb(whole.rssMost)} MB at most; before, ${shorterReadings} times ${shorter} messages: ${mb(whole.rssFirst)} -> ${mb(whole.rssBefore)} MB`,
      ],
    ],
    plots: [
      {
        kind: "bars",
        name: "memory",
        title: "CPU of a turn by the length of its session",
        unit: "microseconds",
        bars: sizes.map((size, at) => ({ label: size.toLocaleString("en-US"), interval: cost[at]! })),
      },
    ],
    notes: [
      "The sessions of 10 and 1,000 messages grow by two hundred in each round.",
      "The first readings of a whole history bring the runtime's heap to a size that it then keeps, whatever the length; so the longest is read after shorter ones.",
    ],
    voids: failures,
    data: {
      rates,
      pages: pages.map(({ name, tookMs }) => ({ name, p50: percentile(tookMs, 0.5), p95: percentile(tookMs, 0.95) })),
      whole,
    },
  };
}
