// Added latency at low load: an open loop at the vendor itself, at the floor and at ours, in short blocks that take turns; on
// the disk as it is and on a slow one, because a turn waits for the disk.

import { join } from "node:path";
import { type Bench, printInterval, type Workload, type WorkloadResult } from "../bench.ts";
import { audit } from "../books.ts";
import { type Checkout, ourName } from "../checkout.ts";
import type { Child } from "../child.ts";
import { askJson, relay } from "../clients.ts";
import { costOf, earlierMessages, turnsPerSession, wholeBody } from "../conversation.ts";
import { type Job, runClosed, runOpen } from "../load.ts";
import { measureCommit } from "../machine.ts";
import { readTree } from "../process-tree.ts";
import { buildShim, slowDiskEnv, slowerUs } from "../slow-disk.ts";
import { createRandom, type Interval, median, medianOf, percentile, shuffle } from "../statistics.ts";
import { copyDatabase, makeFolder, startFloor, startOurs, startVendor, type Vendor } from "../targets.ts";

const slowName = "ours, slow disk";

interface Round {
  /** By target. */
  tookMs: Record<string, number[]>;
  sentLateMs: number;
  /** CPU-seconds of ours in a second. */
  busyShare: number;
}
/** A server of ours: the sessions that it has not been asked for yet, and how its books are read. */
interface Server {
  name: string;
  child: Child;
  askNext(turns: number): Job;
  readAccount(): ReturnType<Checkout["readAccount"]>;
}
/**
 * Of one core, by the server's own count of CPU: a turn alone takes more than twice what one among thirty-two takes, so a
 * share of the most turns per second would be a busier machine than it says.
 */
const loadShare = 0.3;
/** Turns that find out what one costs at a low rate, and that rate. */
const calibration = 600;
const calibrationPerSecond = 200;
/** The question is on the disk before the vendor is asked, the answer before the client is told. */
const flushesOfATurn = 2;

export const latency: Workload = {
  name: "latency",
  quick: true,
  async run(bench) {
    const folder = makeFolder(bench.folder, "latency");
    const rounds = bench.full ? 10 : 5;
    const perBlock = bench.full ? 1_000 : 400;
    const warmUp = bench.full ? 16_000 : 6_000;
    const vendor = await startVendor(folder);
    await vendor.answer({ unchecked: true, chunks: 4, chunkChars: 60, delayMs: 0 });
    const body = wholeBody();
    const price = costOf(await vendor.readUsage(body));
    const floor = await startFloor(folder, vendor.url);
    const turns = warmUp + calibration * 2 + rounds * perBlock;
    const shim = buildShim(folder);
    const servers = await startServers(bench, folder, vendor, turns, typeof shim === "string" ? shim : undefined);
    try {
      for (const server of servers) await runClosed(warmUp, 32, server.askNext(warmUp));
      const random = createRandom(bench.seed);
      const ours = servers[0]!;
      const perSecond = loadShare / (await measureCpuSeconds(ours, random));
      const relays = { direct: relay(vendor.url, body), floor: relay(floor.url, body) };
      const commits: number[] = [];
      const seen: Round[] = [];
      const voids: string[] = typeof shim === "string" ? [] : [`no slow disk: ${shim.why}`];
      for (let number = 1; number <= rounds; number++) {
        commits.push(measureCommit(folder, 50).p50);
        const { round, wrong } = await runRound(servers, relays, { perBlock, perSecond, random, price, vendor });
        voids.push(...wrong.map((what) => `round ${number}: ${what}`));
        if (wrong.length === 0) seen.push(round);
        const said = Object.entries(round.tookMs).map(([name, tookMs]) => `${name} ${median(tookMs).toFixed(2)}`);
        bench.say(`latency round ${number}/${rounds}, p50 ms: ${said.join(", ")}`);
      }
      return describe(bench, seen, perSecond, median(commits), voids);
    } finally {
      await Promise.all([...servers.map(({ child }) => child.stop()), floor.stop()]);
      await vendor.stop();
    }
  },
};

/** Ours first, then ours on a slow disk, then the other checkout; each with a database of its own. */
async function startServers(
  bench: Bench,
  folder: string,
  vendor: Vendor,
  turns: number,
  shim: string | undefined,
): Promise<Server[]> {
  const servers: Server[] = [];
  for (const checkout of bench.checkouts) {
    const file = join(makeFolder(folder, `prefilled-${checkout.name}`), "prefilled.db");
    // Every block has sessions of its own, as in the workloads at full load.
    const sessions = Math.ceil(turns / turnsPerSession) + 100;
    const ids = await checkout.prefill(`sqlite:${file}`, { sessions, messages: earlierMessages });
    const start = async (name: string, env?: Record<string, string>) => {
      const own = makeFolder(folder, name.replace(/\W+/g, "-"));
      const databaseUrl = `sqlite:${copyDatabase(file, own)}`;
      const child = await startOurs({ checkout, folder: own, vendorUrl: vendor.url, databaseUrl, env });
      const left = [...ids];
      const askNext = (count: number) => askJson(child.url, left.splice(0, Math.ceil(count / turnsPerSession)));
      servers.push({ name, child, askNext, readAccount: () => checkout.readAccount(databaseUrl, vendor) });
    };
    await start(checkout.name);
    if (checkout.name === ourName && shim !== undefined) await start(slowName, slowDiskEnv(shim));
  }
  return servers;
}

/** CPU of one turn where turns come one by one; the first of them still meet what the warm-up has left to compile and collect. */
async function measureCpuSeconds({ child, askNext }: Server, random: () => number): Promise<number> {
  await runOpen(calibration, calibrationPerSecond, random, askNext(calibration));
  const before = readTree(child.pid).cpuSeconds;
  const { done } = await runOpen(calibration, calibrationPerSecond, random, askNext(calibration));
  return (readTree(child.pid).cpuSeconds - before) / done;
}

interface RoundPlan {
  perBlock: number;
  perSecond: number;
  random: () => number;
  price: bigint;
  vendor: Vendor;
}

/** A block for each target, in random order, so that all meet the same minute of the machine and none the load of another. */
async function runRound(servers: readonly Server[], relays: Record<string, Job>, plan: RoundPlan) {
  const { perBlock, perSecond, random, price } = plan;
  const round: Round = { tookMs: {}, sentLateMs: 0, busyShare: 0 };
  const wrong: string[] = [];
  const run = async (name: string, job: Job) => {
    const finished = await runOpen(perBlock, perSecond, random, job);
    wrong.push(...finished.failures.map((why) => `${name}: ${why}`));
    round.tookMs[name] = finished.tookMs;
    round.sentLateMs = Math.max(round.sentLateMs, percentile(finished.sentLateMs, 0.99));
    return finished;
  };
  const blocks = [
    ...Object.entries(relays).map(
      ([name, job]) =>
        () =>
          run(name, job),
    ),
    ...servers.map((server) => async () => {
      const account = await server.readAccount();
      const cpuBefore = readTree(server.child.pid).cpuSeconds;
      const { done, wallSeconds } = await run(server.name, server.askNext(perBlock));
      if (server.name === ourName) round.busyShare = (readTree(server.child.pid).cpuSeconds - cpuBefore) / wallSeconds;
      const found = audit(account, await server.readAccount(), done, price);
      wrong.push(...found.map((what) => `${server.name}: ${what}`));
    }),
  ];
  for (const block of shuffle(blocks, random)) await block();
  return { round, wrong };
}

function describe(bench: Bench, seen: Round[], perSecond: number, commitMs: number, voids: string[]): WorkloadResult {
  const names = Object.keys(seen[0]?.tookMs ?? {});
  const order = ["direct", "floor", ourName, slowName];
  names.sort((a, b) => (order.indexOf(a) + 1 || 9) - (order.indexOf(b) + 1 || 9));
  const at = (name: string, share: number) => seen.map((round) => percentile(round.tookMs[name]!, share));
  const added = (name: string, share: number) =>
    medianOf(
      at(name, share).map((ms, round) => ms - at("direct", share)[round]!),
      bench.seed,
    );
  const shares = [0.5, 0.9, 0.99];
  const flushOf = (name: string) => commitMs + (name === slowName ? slowerUs / 1000 : 0);
  return {
    name: "latency",
    title: "Added latency of a JSON turn",
    what: `Requests at random moments, ${Math.round(perSecond)} a second: the rate at which ours keeps one core busy for ${loadShare * 100} percent of the time. ${seen.length} rounds, in each a block for every target, in random order. Added is against the emulator itself, in the same round. A turn waits for two flushes to the disk, so its latency is said beside what a flush takes: on this disk ${commitMs.toFixed(2)} ms, on the slow one ${slowerUs / 1000} ms more.`,
    aims: names
      .filter((name) => name === ourName || name === slowName)
      .flatMap((name) => aimsOf(name, flushOf(name), added(name, 0.5), added(name, 0.99))),
    columns: ["target", "a flush ms", "p50 ms", "p90 ms", "p99 ms", "added p50 ms", "added p99 ms"],
    rows: names.map((name) => {
      const alone = name === "direct" || name === "floor";
      return [
        name,
        alone ? null : flushOf(name).toFixed(2),
        ...shares.map((share) => median(at(name, share)).toFixed(2)),
        name === "direct" ? null : printInterval(added(name, 0.5)),
        name === "direct" ? null : printInterval(added(name, 0.99)),
      ];
    }),
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
      "The two flushes: the question before the vendor is asked, the answer before the client is told.",
      `The rate was set by what a turn cost at ${calibrationPerSecond} a second; while latency was measured, ours used ${median(seen.map(({ busyShare }) => busyShare)).toFixed(2)} CPU-seconds a second.`,
      `Times are from the sending of each request. The client itself sent ${median(seen.map(({ sentLateMs }) => sentLateMs)).toFixed(1)} ms late at p99; far above one millisecond means that the machine was busy with other things.`,
    ],
    voids,
    data: {
      perSecond,
      commitMs,
      slowerMs: slowerUs / 1000,
      rounds: seen.map(({ tookMs, sentLateMs, busyShare }) => ({
        sentLateMs,
        busyShare,
        percentiles: printPercentiles(tookMs),
      })),
    },
  };
}

function aimsOf(name: string, flushMs: number, p50: Interval, p99: Interval): WorkloadResult["aims"] {
  const most = 1 + flushesOfATurn * flushMs;
  const where = name === slowName ? ", slow disk" : "";
  const first = {
    aim: `p50 at most 1 ms and two flushes (of ${flushMs.toFixed(2)} ms${where})`,
    measured: `${printInterval(p50)} ms`,
    reached: p50.value <= most,
  };
  const last = {
    aim: `p99 at most 5 ms${where}`,
    measured: `${printInterval(p99)} ms, a flush takes ${flushMs.toFixed(2)} ms`,
    reached: name === slowName ? null : p99.value <= 5,
  };
  return [first, last];
}

function printPercentiles(tookMs: Record<string, number[]>) {
  return Object.fromEntries(
    Object.entries(tookMs).map(([name, ms]) => [
      name,
      [0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99].map((share) => percentile(ms, share)),
    ]),
  );
}
