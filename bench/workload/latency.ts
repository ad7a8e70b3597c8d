// Added latency at low load: an open loop at the vendor itself, at the floor and at ours, in short blocks that take turns.

import { join } from "node:path";
import { type Bench, printInterval, type Workload, type WorkloadResult } from "../bench.ts";
import { audit, readAccount } from "../books.ts";
import { askJson, relay } from "../clients.ts";
import { costOf, earlierMessages, turnsPerSession, wholeBody } from "../conversation.ts";
import { type Job, runClosed, runOpen } from "../load.ts";
import { measureCommit } from "../machine.ts";
import { prefill } from "../prefill.ts";
import { readTree } from "../process-tree.ts";
import { createRandom, median, medianOf, percentile, shuffle } from "../statistics.ts";
import { makeFolder, startFloor, startOurs, startVendor } from "../targets.ts";

const names = ["direct", "floor", "ours"] as const;
type Name = (typeof names)[number];
interface Round {
  tookMs: Record<Name, number[]>;
  sentLateMs: number;
  /** CPU-seconds of ours in a second. */
  busyShare: number;
}
/**
 * Of one core, by the server's own count of CPU: a turn alone takes more than twice what one among thirty-two takes, so a
 * share of the most turns per second would be a busier machine than it says.
 */
const loadShare = 0.3;
/** Turns that find out what one costs at a low rate, and that rate. */
const calibration = 600;
const calibrationPerSecond = 200;

export const latency: Workload = {
  name: "latency",
  quick: true,
  async run(bench) {
    const folder = makeFolder(bench.folder, "latency");
    const rounds = bench.full ? 10 : 5;
    const perBlock = bench.full ? 1_000 : 400;
    const warmUp = bench.full ? 16_000 : 6_000;
    // Every block has sessions of its own, as in the workloads at full load.
    const [warmUpSessions, calibrationSessions, blockSessions] = [warmUp, calibration * 2, perBlock].map((turns) =>
      Math.ceil(turns / turnsPerSession),
    ) as [number, number, number];
    const databaseUrl = `sqlite:${join(folder, "rozmova.db")}`;
    const vendor = await startVendor(folder);
    await vendor.answer({ unchecked: true, chunks: 4, chunkChars: 60, delayMs: 0 });
    const body = wholeBody();
    const price = costOf(await vendor.readUsage(body));
    const sessions = await prefill(databaseUrl, {
      sessions: warmUpSessions + calibrationSessions + rounds * blockSessions,
      messages: earlierMessages,
    });
    const floor = await startFloor(folder, vendor.url);
    const ours = await startOurs({ folder, vendorUrl: vendor.url, databaseUrl });
    try {
      const askNext = (count: number) => askJson(ours.url, sessions.splice(0, count));
      await runClosed(warmUp, 32, askNext(warmUpSessions));
      const random = createRandom(bench.seed);
      const perSecond = loadShare / (await measureCpuSeconds(ours.pid, random, askNext(calibrationSessions)));
      const others = { direct: relay(vendor.url, body), floor: relay(floor.url, body) };
      const commits: number[] = [];
      const seen: Round[] = [];
      const voids: string[] = [];
      for (let number = 1; number <= rounds; number++) {
        commits.push(measureCommit(folder, 50).p50);
        const before = await readAccount(databaseUrl, vendor);
        const jobs = { ...others, ours: askNext(blockSessions) };
        const { round, failures, oursDone, othersDone } = await runRound(ours.pid, jobs, perBlock, perSecond, random);
        const after = await readAccount(databaseUrl, vendor);
        const wrong = [...failures, ...audit({ ...before, calls: before.calls + othersDone }, after, oursDone, price)];
        voids.push(...wrong.map((what) => `round ${number}: ${what}`));
        if (wrong.length === 0) seen.push(round);
        const { direct, ours: mine } = round.tookMs;
        bench.say(
          `latency round ${number}/${rounds}: direct p50 ${median(direct).toFixed(2)} ms, ours ${median(mine).toFixed(2)} ms`,
        );
      }
      return describe(bench, seen, perSecond, median(commits), voids);
    } finally {
      await Promise.all([ours.stop(), floor.stop()]);
      await vendor.stop();
    }
  },
};

/** CPU of one turn where turns come one by one; the first of them still meet what the warm-up has left to compile and collect. */
async function measureCpuSeconds(pid: number, random: () => number, job: Job): Promise<number> {
  await runOpen(calibration, calibrationPerSecond, random, job);
  const before = readTree(pid).cpuSeconds;
  const { done } = await runOpen(calibration, calibrationPerSecond, random, job);
  return (readTree(pid).cpuSeconds - before) / done;
}

/** A block for each target, in random order, so that all meet the same minute of the machine and none the load of another. */
async function runRound(
  pid: number,
  jobs: Record<Name, Job>,
  perBlock: number,
  perSecond: number,
  random: () => number,
) {
  const round: Round = { tookMs: { direct: [], floor: [], ours: [] }, sentLateMs: 0, busyShare: 0 };
  const failures: string[] = [];
  let othersDone = 0;
  for (const name of shuffle(names, random)) {
    const cpuBefore = readTree(pid).cpuSeconds;
    const finished = await runOpen(perBlock, perSecond, random, jobs[name]);
    failures.push(...finished.failures);
    round.tookMs[name] = finished.tookMs;
    round.sentLateMs = Math.max(round.sentLateMs, percentile(finished.sentLateMs, 0.99));
    if (name === "ours") round.busyShare = (readTree(pid).cpuSeconds - cpuBefore) / finished.wallSeconds;
    else othersDone += finished.done;
  }
  return { round, failures, oursDone: round.tookMs.ours.length, othersDone };
}

function describe(bench: Bench, seen: Round[], perSecond: number, commitMs: number, voids: string[]): WorkloadResult {
  const at = (name: Name, share: number) => seen.map((round) => percentile(round.tookMs[name], share));
  const added = (name: Name, share: number) =>
    medianOf(
      at(name, share).map((ms, round) => ms - at("direct", share)[round]!),
      bench.seed,
    );
  const p50 = added("ours", 0.5);
  const p99 = added("ours", 0.99);
  const shares = [0.5, 0.9, 0.99];
  return {
    name: "latency",
    title: "Added latency of a JSON turn",
    what: `Requests at random moments, ${Math.round(perSecond)} a second: the rate at which ours keeps one core busy for ${loadShare * 100} percent of the time. ${seen.length} rounds, in each a block for every target, in random order. Added is against the emulator itself, in the same round.`,
    aims: [
      {
        aim: `p50 at most 1 ms and one commit (${commitMs.toFixed(2)} ms here)`,
        measured: `${printInterval(p50)} ms`,
        reached: p50.value <= 1 + commitMs,
      },
      { aim: "p99 at most 5 ms", measured: `${printInterval(p99)} ms`, reached: p99.value <= 5 },
    ],
    columns: ["target", "p50 ms", "p90 ms", "p99 ms", "added p50 ms", "added p99 ms"],
    rows: names.map((name) => [
      name,
      ...shares.map((share) => median(at(name, share)).toFixed(2)),
      name === "direct" ? null : printInterval(added(name, 0.5)),
      name === "direct" ? null : printInterval(added(name, 0.99)),
    ]),
    plots: [
      {
        kind: "lines",
        name: "latency",
        title: "Latency of a JSON turn at low load",
        xTitle: "percentile",
        yTitle: "milliseconds",
        lines: names.map((label) => ({
          label,
          points: [10, 25, 50, 75, 90, 95, 99].map((x) => ({ x, y: median(at(label, x / 100)) })),
        })),
      },
    ],
    notes: [
      "A turn waits for two commits: the question before the vendor is asked, the answer before the client is told.",
      `The rate was set by what a turn cost at ${calibrationPerSecond} a second; while latency was measured, ours used ${median(seen.map(({ busyShare }) => busyShare)).toFixed(2)} CPU-seconds a second.`,
      `Times are from the sending of each request. The client itself sent ${median(seen.map(({ sentLateMs }) => sentLateMs)).toFixed(1)} ms late at p99; far above one millisecond means that the machine was busy with other things.`,
    ],
    voids,
    data: {
      perSecond,
      commitMs,
      rounds: seen.map(({ tookMs, sentLateMs, busyShare }) => ({
        sentLateMs,
        busyShare,
        percentiles: printPercentiles(tookMs),
      })),
    },
  };
}

function printPercentiles(tookMs: Record<Name, number[]>) {
  return Object.fromEntries(
    names.map((name) => [
      name,
      [0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99].map((share) => percentile(tookMs[name], share)),
    ]),
  );
}
