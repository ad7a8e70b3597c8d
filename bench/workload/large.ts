// A database of a million sessions and five million messages: lists, searches, and how soon a server is ready on it.

import { statSync } from "node:fs";
import { join } from "node:path";
import type { Bench, Workload, WorkloadResult } from "../bench.ts";
import type { Child } from "../child.ts";
import { addSession, askStream } from "../clients.ts";
import { runClosed } from "../load.ts";
import { type Large, prefillLarge } from "../prefill-large.ts";
import { median, percentile } from "../statistics.ts";
import { makeFolder, startOurs, startVendor, type Vendor } from "../targets.ts";

const pageSize = 20;
const requests = 200;
const starts = 5;

interface Timed {
  name: string;
  kind: "list" | "search";
  tookMs: number[];
}

export const large: Workload = {
  name: "large",
  quick: false,
  async run(bench) {
    const folder = makeFolder(bench.folder, "large");
    const file = join(folder, "rozmova.db");
    const filled = await prefillLarge(file, bench.messages, bench.seed, (line) => bench.say(`large: ${line}`));
    const vendor = await startVendor(folder);
    const start = (databaseUrl: string) => startReady(folder, vendor.url, databaseUrl);
    try {
      const emptyMs = await timeStarts(async (at) => start(`sqlite:${join(folder, `empty-${at}.db`)}`));
      const largeMs = await timeStarts(async () => start(`sqlite:${file}`));
      const killedMs = await timeAfterKill(bench, vendor, start, `sqlite:${file}`);
      const { child } = await start(`sqlite:${file}`);
      const timed = await timeReads(bench, child, filled);
      await child.stop();
      return describe(bench, filled, timed, { emptyMs, largeMs, killedMs }, statSync(file).size);
    } finally {
      await vendor.stop();
    }
  },
};

interface Started {
  child: Child;
  readyMs: number;
}

/** From the start of the process to the first 200 of /readyz. */
async function startReady(folder: string, vendorUrl: string, databaseUrl: string): Promise<Started> {
  const began = performance.now();
  const child = await startOurs({ folder, vendorUrl, databaseUrl });
  while ((await fetch(`${child.url}/readyz`)).status !== 200) await new Promise((resolve) => setTimeout(resolve, 2));
  return { child, readyMs: performance.now() - began };
}

async function timeStarts(start: (at: number) => Promise<Started>): Promise<number[]> {
  const took: number[] = [];
  for (let at = 0; at < starts; at++) {
    const { child, readyMs } = await start(at);
    took.push(readyMs);
    await child.stop();
  }
  return took;
}

/** Killed while 64 streams run; ready means that the turns it left are closed and booked. */
async function timeAfterKill(
  bench: Bench,
  vendor: Vendor,
  start: (databaseUrl: string) => Promise<Started>,
  databaseUrl: string,
): Promise<number[]> {
  const took: number[] = [];
  await vendor.answer({ unchecked: true, chunks: 100, chunkChars: 8, delayMs: 30 });
  for (let at = 0; at < starts; at++) {
    const { child } = await start(databaseUrl);
    const sessions = await Promise.all(Array.from({ length: 64 }, () => addSession(child.url)));
    const load = runClosed(64, 64, askStream(child.url, sessions, 100));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await child.stop("SIGKILL");
    await load;
    const again = await start(databaseUrl);
    took.push(again.readyMs);
    await again.child.stop();
    bench.say(`large: ready ${Math.round(again.readyMs)} ms after kill ${at + 1}/${starts}`);
  }
  return took;
}

async function timeReads(bench: Bench, { url }: Child, filled: Large): Promise<Timed[]> {
  const { sessions, rareWord, commonWord, ukrainianWord, phrase } = filled;
  const deepPage = Math.min(50_000, Math.floor(sessions.length / pageSize));
  const cursor = sessions[sessions.length - 1 - (deepPage - 1) * pageSize] ?? sessions[0]!;
  const list = (name: string, query: string) => ({ name, kind: "list" as const, query: `limit=${pageSize}&${query}` });
  const search = (name: string, words: string) => ({
    ...{ name, kind: "search" as const },
    query: `limit=${pageSize}&q=${encodeURIComponent(words)}`,
  });
  const asked = [
    list("sessions, page 1", ""),
    list(`sessions, page ${deepPage.toLocaleString("en-US")}`, `after=${cursor}`),
    search("search: a rare word", rareWord),
    search("search: a word in every second message", commonWord),
    search("search: two words", phrase),
    search("search: two words, one of them common", `${commonWord} ${rareWord}`),
    search("search: a Ukrainian word", ukrainianWord),
  ];
  const timed: Timed[] = [];
  for (const { name, kind, query } of asked) {
    const finished = await runClosed(requests + 10, 1, async () => {
      const response = await fetch(`${url}/sessions?${query}`);
      const { data } = (await response.json()) as { data?: unknown[] };
      if (response.status !== 200 || !data || data.length === 0) throw new Error(`${name}: ${response.status}`);
    });
    if (finished.failures.length > 0) throw new Error(finished.failures[0]);
    timed.push({ name, kind, tookMs: finished.tookMs.slice(10) });
    bench.say(`large: ${name} p95 ${percentile(timed.at(-1)!.tookMs, 0.95).toFixed(1)} ms`);
  }
  return timed;
}

function describe(
  bench: Bench,
  filled: Large,
  timed: Timed[],
  ready: { emptyMs: number[]; largeMs: number[]; killedMs: number[] },
  bytes: number,
): WorkloadResult {
  const slowest = (kind: Timed["kind"]) =>
    Math.max(...timed.filter((one) => one.kind === kind).map(({ tookMs }) => percentile(tookMs, 0.95)));
  const [firstPage, deepPage] = timed.map(({ tookMs }) => median(tookMs));
  const sessions = filled.sessions.length.toLocaleString("en-US");
  const messages = filled.messages.toLocaleString("en-US");
  const within = (aim: string, ms: number, most: number) => ({
    aim: `${aim} at most ${most} ms`,
    measured: `${ms.toFixed(ms < 20 ? 1 : 0)} ms`,
    reached: ms <= most,
  });
  return {
    name: "large",
    title: "A large database",
    what: `${sessions} sessions, ${messages} messages, ${(bytes / 1e9).toFixed(1)} GB. Lists and searches of ${pageSize}, one request at a time, ${requests} of each; starts from the start of the process to the first 200 of /readyz, ${starts} of each.`,
    aims: [
      within("pages of the list, p95", slowest("list"), 10),
      {
        aim: "the deep page costs what the first costs",
        measured: `${firstPage!.toFixed(2)} and ${deepPage!.toFixed(2)} ms`,
        reached: deepPage! <= firstPage! * 1.5 + 0.2,
      },
      within("searches, p95", slowest("search"), 50),
      within("start on an empty database", median(ready.emptyMs), 300),
      within("start on the large one", median(ready.largeMs), 500),
      within("start after kill -9 under load", median(ready.killedMs), 1_000),
    ],
    columns: ["what", "p50 ms", "p95 ms"],
    rows: [
      ...timed.map(({ name, tookMs }) => [
        name,
        percentile(tookMs, 0.5).toFixed(2),
        percentile(tookMs, 0.95).toFixed(2),
      ]),
      ["ready, empty database", median(ready.emptyMs).toFixed(0), Math.max(...ready.emptyMs).toFixed(0)],
      [`ready, ${messages} messages`, median(ready.largeMs).toFixed(0), Math.max(...ready.largeMs).toFixed(0)],
      [
        "ready after kill -9 with 64 streams running",
        median(ready.killedMs).toFixed(0),
        Math.max(...ready.killedMs).toFixed(0),
      ],
    ],
    plots: [],
    notes: ["The file is in the system's cache when it is read; for starts the second figure is the slowest of five."],
    voids: bench.messages < 5_000_000 ? [`made with ${messages} messages instead of 5,000,000`] : [],
    data: {
      ready,
      timed: timed.map(({ name, tookMs }) => ({ name, p50: percentile(tookMs, 0.5), p95: percentile(tookMs, 0.95) })),
    },
  };
}
