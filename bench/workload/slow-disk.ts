// The same turns on the disk as it is and on a slow one (every flush takes 1.6 ms longer), and what a commit does to other streams.

import { join } from "node:path";
import { type Bench, printInterval, type Workload, type WorkloadResult } from "../bench.ts";
import { audit, readAccount } from "../books.ts";
import { askJson } from "../clients.ts";
import { costOf, earlierMessages, questionLength, textOf, turnsPerSession, wholeBody } from "../conversation.ts";
import { type Job, runClosed, runOpen } from "../load.ts";
import { prefill } from "../prefill.ts";
import { readTree } from "../process-tree.ts";
import { buildShim, slowDiskEnv, slowerUs } from "../slow-disk.ts";
import { createRandom, median, percentile, type Rate, rateOf, ratioOf, shuffle } from "../statistics.ts";
import { newCrowd, openCrowd } from "../stream-crowd.ts";
import { copyDatabase, makeFolder, startOurs, startVendor } from "../targets.ts";

const paceMs = 20;
const watched = 32;
/** The rate at which the two disks are compared, as a share of what 32 clients reach on the slow one while it warms up. */
const pacedShare = 0.6;
type Disk = "as it is" | "slow";
const disks: Disk[] = ["as it is", "slow"];

interface Measured {
  /** Of 32 clients without pause; and at the same rate on both disks. */
  turns: Rate[];
  paced: Rate[];
  alone: number[];
  gaps: number[];
}

export const slowDisk: Workload = {
  name: "slow-disk",
  quick: false,
  async run(bench) {
    const folder = makeFolder(bench.folder, "slow-disk");
    const shim = buildShim(folder);
    if (typeof shim !== "string") return skipped(shim.why);
    const vendor = await startVendor(folder);
    const rounds = 6;
    const perRound = 1_000;
    const warmUp = 8_000;
    const file = join(folder, "prefilled.db");
    const sessions = await prefill(`sqlite:${file}`, {
      sessions: (warmUp + 2 * rounds * perRound) / turnsPerSession + 500,
      messages: earlierMessages,
    });
    const start = async (disk: Disk) => {
      const own = makeFolder(folder, disk.replaceAll(" ", "-"));
      const databaseUrl = `sqlite:${copyDatabase(file, own)}`;
      const env = disk === "slow" ? slowDiskEnv(shim) : {};
      return { databaseUrl, child: await startOurs({ folder: own, vendorUrl: vendor.url, databaseUrl, env }) };
    };
    const servers = { "as it is": await start("as it is"), slow: await start("slow") };
    const measured: Record<Disk, Measured> = {
      "as it is": { turns: [], paced: [], alone: [], gaps: [] },
      slow: { turns: [], paced: [], alone: [], gaps: [] },
    };
    const voids: string[] = [];
    const random = createRandom(bench.seed);
    let perSecond = 0;
    try {
      await vendor.answer({ unchecked: true, chunks: 4, chunkChars: 60, delayMs: 0 });
      const price = costOf(await vendor.readUsage(wholeBody()));
      for (const disk of disks) {
        const mine = sessions.slice(0, warmUp / turnsPerSession);
        const { done, wallSeconds } = await runClosed(warmUp, 32, askJson(servers[disk].child.url, mine));
        perSecond = Math.round((pacedShare * done) / wallSeconds); // the slow one comes last
      }
      for (let round = 1; round <= rounds; round++) {
        for (const disk of shuffle(disks, random)) {
          const { child, databaseUrl } = servers[disk];
          const loads = {
            turns: (ask: Job) => runClosed(perRound, 32, ask),
            paced: (ask: Job) => runOpen(perRound, perSecond, random, ask),
          };
          for (const [at, name] of (["turns", "paced"] as const).entries()) {
            const from = (warmUp + (2 * (round - 1) + at) * perRound) / turnsPerSession;
            const mine = sessions.slice(from, from + perRound / turnsPerSession);
            const account = await readAccount(databaseUrl, vendor);
            const before = readTree(child.pid);
            const finished = await loads[name](askJson(child.url, mine));
            const per = readTree(child.pid).cpuSeconds - before.cpuSeconds;
            const after = await readAccount(databaseUrl, vendor);
            const wrong = [...finished.failures, ...audit(account, after, finished.done, price)];
            voids.push(...wrong.map((what) => `round ${round}, disk ${disk}: ${what}`));
            if (wrong.length === 0) measured[disk][name].push({ amount: finished.done, per });
          }
        }
        bench.say(`slow-disk round ${round}/${rounds}`);
      }
      for (const disk of disks) {
        const { child } = servers[disk];
        measured[disk].alone = (await runClosed(200, 1, askJson(child.url, sessions.slice(-400, -200)))).tookMs;
      }
      // One pause of the collector is the longest gap of all 32 streams: one watch would say little.
      for (let watch = 0; watch < (bench.full ? 5 : 1); watch++)
        for (const disk of disks)
          measured[disk].gaps.push(...(await watchStreams(servers[disk].child.url, sessions, vendor)));
    } finally {
      await Promise.all(disks.map((disk) => servers[disk].child.stop()));
      await vendor.stop();
    }
    return describe(bench, measured, perSecond, voids);
  },
};

/** Streams at an even pace while others post messages as fast as they can: the longest gap of each beyond the pace. */
async function watchStreams(
  url: string,
  sessions: string[],
  vendor: { answer(scenario: Record<string, unknown>): Promise<void> },
) {
  await vendor.answer({ unchecked: true, chunks: 200, chunkChars: 8, delayMs: paceMs });
  const crowd = newCrowd();
  const running: Promise<void>[] = [];
  const headers = { "content-type": "application/json" };
  const mine = sessions.slice(-watched);
  const open = (index: number) =>
    fetch(`${url}/sessions/${mine[index]}/messages`, {
      method: "POST",
      headers,
      body: JSON.stringify({ content: textOf(index, questionLength), stream: true }),
    });
  await openCrowd(crowd, { from: 0, to: watched }, 100, open, "event: turn-end", running);
  await vendor.answer({ unchecked: true, chunks: 4, chunkChars: 60, delayMs: 0 });
  let over = false;
  const ended = Promise.all(running).then(() => {
    over = true;
  });
  const ask = askJson(url, sessions.slice(-200, -watched));
  const writers = Array.from({ length: 8 }, async (_, writer) => {
    for (let at = writer; !over; at += 8) await ask(at);
  });
  await Promise.all([ended, ...writers]);
  if (crowd.dropped.length > 0) throw new Error(crowd.dropped[0]);
  return crowd.gaps.map((gap) => gap - paceMs);
}

const texts = {
  name: "slow-disk",
  title: "A slow disk",
  what: `Every flush takes ${slowerUs / 1000} ms longer, as on a consumer drive (a small library preloaded into the server). JSON turns by 32 clients without pause, and at a rate that both disks keep up with; one turn at a time; and ${watched} streams of a delta every ${paceMs} ms while 8 clients post messages without pause.`,
};

function skipped(why: string): WorkloadResult {
  return {
    ...texts,
    aims: [],
    columns: ["skipped"],
    rows: [[why]],
    plots: [],
    notes: [],
    voids: [`skipped: ${why}`],
    data: null,
  };
}

function describe(bench: Bench, measured: Record<Disk, Measured>, perSecond: number, voids: string[]): WorkloadResult {
  const ratio = ratioOf(measured.slow.paced, measured["as it is"].paced, bench.seed);
  const closed = ratioOf(measured.slow.turns, measured["as it is"].turns, bench.seed);
  const added = median(measured.slow.alone) - median(measured["as it is"].alone);
  const commits = added / (slowerUs / 1000);
  const stalled = percentile(measured.slow.gaps, 0.5) - percentile(measured["as it is"].gaps, 0.5);
  return {
    ...texts,
    aims: [
      {
        aim: "turns per CPU-second do not fall, at the same turns per second",
        measured: `ratio ${printInterval(ratio)}`,
        reached: ratio.high >= 1,
      },
      {
        aim: "latency rises by the commits it waits for (2)",
        measured: `${added.toFixed(2)} ms: ${commits.toFixed(1)} flushes`,
        reached: commits <= 2.6,
      },
      {
        aim: "a commit does not stall other streams",
        measured: `longest gaps rise by ${stalled.toFixed(1)} ms in the median`,
        reached: stalled <= slowerUs / 1000,
      },
    ],
    columns: [
      "disk",
      "turns per CPU-second, 32 clients",
      `turns per CPU-second, ${perSecond} turns a second`,
      "alone p50 / p99 ms",
      "longest gap of a stream beyond the pace p50 / worst ms",
    ],
    rows: disks.map((disk) => {
      const { turns, paced, alone, gaps } = measured[disk];
      return [
        disk,
        printInterval(rateOf(turns, bench.seed)),
        printInterval(rateOf(paced, bench.seed)),
        `${median(alone).toFixed(2)} / ${percentile(alone, 0.99).toFixed(2)}`,
        `${median(gaps).toFixed(1)} / ${Math.max(...gaps).toFixed(1)}`,
      ];
    }),
    plots: [],
    notes: [
      `Thirty-two clients without pause get fewer turns a second from a slow disk, and turns per CPU-second are then ${printInterval(closed)} of the other's: what runs by the second (timers, the collector, waking up) falls on fewer turns. At the same rate on both that is even.`,
      "A checkpoint flushes the database file too, from time to time.",
    ],
    voids,
    data: { ratio, closed, perSecond, added, measured },
  };
}
