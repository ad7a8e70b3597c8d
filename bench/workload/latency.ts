// Added latency at low load: an open loop whose requests go to the vendor itself, the floor and ours by chance, in the same second.

import { join } from "node:path";
import { type Bench, printInterval, type Workload, type WorkloadResult } from "../bench.ts";
import { audit, readAccount } from "../books.ts";
import { askJson, relay } from "../clients.ts";
import { costOf, earlierMessages, turnsPerSession, wholeBody } from "../conversation.ts";
import { type Job, runClosed, runOpen } from "../load.ts";
import { measureCommit } from "../machine.ts";
import { prefill } from "../prefill.ts";
import { createRandom, median, medianOf, percentile } from "../statistics.ts";
import { makeFolder, startFloor, startOurs, startVendor } from "../targets.ts";

const names = ["direct", "floor", "ours"] as const;
type Name = (typeof names)[number];
interface Round {
  tookMs: Record<Name, number[]>;
  sentLateMs: number;
}
const loadShare = 0.3;

export const latency: Workload = {
  name: "latency",
  quick: true,
  async run(bench) {
    const folder = makeFolder(bench.folder, "latency");
    const rounds = bench.full ? 10 : 5;
    const perRound = bench.full ? 1_500 : 600;
    const calibration = 1_200;
    const turns = calibration * 2 + rounds * perRound;
    const databaseUrl = `sqlite:${join(folder, "rozmova.db")}`;
    const vendor = await startVendor(folder);
    await vendor.answer({ unchecked: true, chunks: 4, chunkChars: 60, delayMs: 0 });
    const body = wholeBody();
    const price = costOf(await vendor.readUsage(body));
    const sessions = await prefill(databaseUrl, {
      sessions: Math.ceil(turns / turnsPerSession),
      messages: earlierMessages,
    });
    const floor = await startFloor(folder, vendor.url);
    const ours = await startOurs({ folder, vendorUrl: vendor.url, databaseUrl });
    try {
      const ask = askJson(ours.url, sessions);
      let asked = 0;
      const askNext: Job = () => ask(asked++);
      await runClosed(calibration, 32, askNext);
      const capacity = await runClosed(calibration, 32, askNext);
      const perSecond = loadShare * (capacity.done / capacity.wallSeconds);
      const jobs = { direct: relay(vendor.url, body), floor: relay(floor.url, body), ours: askNext };
      const commits: number[] = [];
      const seen: Round[] = [];
      const voids: string[] = [];
      const random = createRandom(bench.seed);
      for (let round = 1; round <= rounds; round++) {
        commits.push(measureCommit(folder, 50).p50);
        const before = await readAccount(databaseUrl, vendor);
        const { result, failures, oursDone, others } = await runRound(jobs, perRound, perSecond, random);
        const after = await readAccount(databaseUrl, vendor);
        const wrong = [...failures, ...audit({ ...before, calls: before.calls + others }, after, oursDone, price)];
        voids.push(...wrong.map((what) => `round ${round}: ${what}`));
        if (wrong.length === 0) seen.push(result);
        const { direct, ours: mine } = result.tookMs;
        bench.say(
          `latency round ${round}/${rounds}: direct p50 ${median(direct).toFixed(2)} ms, ours ${median(mine).toFixed(2)} ms`,
        );
      }
      return describe(bench, seen, perSecond, median(commits), voids);
    } finally {
      await Promise.all([ours.stop(), floor.stop()]);
      await vendor.stop();
    }
  },
};

/** Each request goes to one of the three by chance, so that ours gets `perSecond` on average. */
async function runRound(jobs: Record<Name, Job>, perTarget: number, perSecond: number, random: () => number) {
  const tookMs: Record<Name, number[]> = { direct: [], floor: [], ours: [] };
  const count = perTarget * names.length;
  const finished = await runOpen(count, perSecond * names.length, random, async (index) => {
    const name = names[Math.floor(random() * names.length)]!;
    const began = performance.now();
    await jobs[name](index);
    tookMs[name].push(performance.now() - began);
  });
  const result: Round = { tookMs, sentLateMs: percentile(finished.sentLateMs, 0.99) };
  const others = tookMs.direct.length + tookMs.floor.length;
  return { result, failures: finished.failures, oursDone: tookMs.ours.length, others };
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
    what: `Requests at random moments, ${Math.round(perSecond)} a second to each target: ${loadShare * 100} percent of what ours takes at full load. Each request goes to the emulator, the floor or ours by chance, so all three meet the same moments of the machine. Added is against the emulator itself, in the same round.`,
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
      `Times are from the sending of each request. The client itself sent ${median(seen.map(({ sentLateMs }) => sentLateMs)).toFixed(1)} ms late at p99; far above one millisecond means that the machine was busy with other things.`,
    ],
    voids,
    data: {
      perSecond,
      commitMs,
      rounds: seen.map(({ tookMs, sentLateMs }) => ({ sentLateMs, percentiles: printPercentiles(tookMs) })),
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
