// Thousands of open streams at one delta a second: memory for each as a slope, gaps beyond the pace, none dropped.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { Bench, Workload, WorkloadResult } from "../bench.ts";
import type { Child } from "../child.ts";
import { profileFlags } from "../compare.ts";
import { questionLength, textOf, wholeBody } from "../conversation.ts";
import { prefill } from "../prefill.ts";
import { countDescriptors, readTree } from "../process-tree.ts";
import { percentile, slopeOf } from "../statistics.ts";
import { type Crowd, newCrowd, type OpenStream, openCrowd } from "../stream-crowd.ts";
import { makeFolder, startFloor, startOurs, startVendor, streamPath } from "../targets.ts";

const wanted = 10_000;
const paceMs = 1_000;
const allowedGapMs = 250;
const opensPerSecond = 500;
/** Two sockets for each stream, and some for everything else. */
const spareDescriptors = 200;

interface Reading {
  streams: number;
  rssBytes: number;
  descriptors: number;
  cpuPerDeltaUs: number;
}
interface Held {
  readings: Reading[];
  crowd: Crowd;
}

export const openStreams: Workload = {
  name: "open-streams",
  quick: false,
  async run(bench) {
    const limit = Number(execFileSync("sh", ["-c", "ulimit -n"], { encoding: "utf8" }));
    const most = Math.floor(((Number.isFinite(limit) ? limit : 1e6) - spareDescriptors) / 2);
    const counts = [0.1, 0.5, 1].map((share) => Math.floor(share * Math.min(wanted, most)));
    const folder = makeFolder(bench.folder, "open-streams");
    const floor = await hold(bench, "floor", counts, async (vendorUrl) => {
      const child = await startFloor(folder, vendorUrl);
      const body = wholeBody();
      const headers = { "content-type": "application/json", "x-goog-api-key": "bench" };
      return {
        child,
        open: () => fetch(child.url + streamPath, { method: "POST", headers, body }),
        endMark: "finishReason",
      };
    });
    const databaseUrl = `sqlite:${join(folder, "rozmova.db")}`;
    const sessions = await prefill(databaseUrl, { sessions: counts.at(-1)!, messages: 0 });
    const ours = await hold(bench, "ours", counts, async (vendorUrl) => {
      const bunFlags = profileFlags(bench, "open-streams-ours");
      const child = await startOurs({ folder, vendorUrl, databaseUrl, bunFlags });
      const headers = { "content-type": "application/json" };
      const open: OpenStream = (index) =>
        fetch(`${child.url}/sessions/${sessions[index]}/messages`, {
          method: "POST",
          headers,
          body: JSON.stringify({ content: textOf(index, questionLength), stream: true }),
        });
      return { child, open, endMark: "event: turn-end" };
    });
    return describe(bench, { floor, ours }, counts, limit);
  },
};

async function hold(
  bench: Bench,
  name: string,
  counts: readonly number[],
  start: (vendorUrl: string) => Promise<{ child: Child; open: OpenStream; endMark: string }>,
): Promise<Held> {
  const vendor = await startVendor(bench.folder);
  const steps = counts.map((count, at) => Math.max(2_000, ((count - (counts[at - 1] ?? 0)) / opensPerSecond) * 1000));
  const settleMs = 6_000;
  const lastsMs = steps.reduce((sum, ms) => sum + ms + settleMs, 0) + 5_000;
  await vendor.answer({ unchecked: true, chunks: Math.ceil(lastsMs / paceMs), chunkChars: 8, delayMs: paceMs });
  const { child, open, endMark } = await start(vendor.url);
  const crowd = newCrowd();
  const readings: Reading[] = [await read(child, 0, crowd, 500)];
  const running: Promise<void>[] = [];
  try {
    for (const [at, count] of counts.entries()) {
      await openCrowd(crowd, { from: counts[at - 1] ?? 0, to: count }, steps[at]!, open, endMark, running);
      await pause(settleMs / 2);
      readings.push(await read(child, count, crowd, settleMs / 2));
      bench.say(`open-streams ${name}: ${count} open, ${Math.round(readings.at(-1)!.rssBytes / 1e6)} MB`);
    }
    await Promise.all(running);
  } finally {
    await child.stop();
    await vendor.stop();
  }
  return { readings, crowd };
}

async function read(child: Child, streams: number, crowd: Crowd, overMs: number): Promise<Reading> {
  const before = readTree(child.pid);
  const deltas = crowd.deltas;
  await pause(overMs);
  const after = readTree(child.pid);
  const cpuPerDeltaUs = ((after.cpuSeconds - before.cpuSeconds) / (crowd.deltas - deltas || 1)) * 1e6;
  return { streams, rssBytes: after.rssBytes, descriptors: countDescriptors(child.pid), cpuPerDeltaUs };
}

function describe(_bench: Bench, held: Record<string, Held>, counts: number[], limit: number): WorkloadResult {
  const slope = (name: string) =>
    slopeOf(held[name]!.readings.slice(1).map(({ streams, rssBytes }) => ({ x: streams, y: rssBytes / 1000 })));
  const gap = (name: string, share: number) => percentile(held[name]!.crowd.gaps, share) - paceMs;
  const { crowd } = held.ours!;
  const most = counts.at(-1)!;
  return {
    name: "open-streams",
    title: "Open streams",
    what: `${counts.join(", ")} streams at once, one delta a second each, opened ${opensPerSecond} a second. Memory per stream is the slope of the process's RSS over the three counts.`,
    aims: [
      {
        aim: "at most 40 KB of RSS for each stream",
        measured: `${slope("ours").toFixed(1)} KB`,
        reached: slope("ours") <= 40,
      },
      {
        aim: `no gap over ${allowedGapMs} ms beyond the pace`,
        measured: `longest ${gap("ours", 1).toFixed(0)} ms`,
        reached: gap("ours", 1) <= allowedGapMs,
      },
      { aim: "none dropped", measured: `${crowd.ended} of ${most} ended whole`, reached: crowd.ended === most },
    ],
    columns: [
      "target",
      "KB per stream",
      ...counts.map((count) => `RSS MB at ${count}`),
      "CPU us per delta",
      "gap beyond the pace p50 / p99 / longest ms",
      "ended whole",
    ],
    rows: Object.entries(held).map(([name, { readings, crowd: own }]) => [
      name,
      slope(name).toFixed(1),
      ...readings.slice(1).map(({ rssBytes }) => Math.round(rssBytes / 1e6)),
      Math.round(readings.at(-1)!.cpuPerDeltaUs),
      `${gap(name, 0.5).toFixed(0)} / ${gap(name, 0.99).toFixed(0)} / ${gap(name, 1).toFixed(0)}`,
      `${own.ended} of ${most}`,
    ]),
    plots: [
      {
        kind: "lines",
        name: "open-streams",
        title: "Memory of the process by open streams",
        xTitle: "open streams",
        yTitle: "RSS in MB",
        lines: Object.entries(held).map(([label, { readings }]) => ({
          label,
          points: readings.map(({ streams, rssBytes }) => ({ x: streams, y: rssBytes / 1e6 })),
        })),
      },
    ],
    notes: [
      `A stream is two sockets, one to the client and one to the vendor; this machine lets a process have ${limit} descriptors, so ${most} streams are the most.`,
      "The longest gap of each stream is taken, while new ones are being opened too; the emulator and the client share the machine, so the floor's gaps show what is theirs.",
    ],
    voids: Object.entries(held).flatMap(([name, { crowd: own }]) => own.dropped.map((what) => `${name}: ${what}`)),
    data: Object.fromEntries(
      Object.entries(held).map(([name, { readings, crowd: own }]) => [
        name,
        {
          readings,
          opened: own.opened,
          ended: own.ended,
          deltas: own.deltas,
          gapsMs: [0.5, 0.9, 0.99, 1].map((share) => percentile(own.gaps, share)),
        },
      ]),
    ),
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
