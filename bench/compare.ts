// Runs the same turns against the vendor alone, the floor, ours and ours again: in blocks, interleaved, in random order.

import { join } from "node:path";
import type { Bench } from "./bench.ts";
import { audit, countMessages, readAccount } from "./books.ts";
import { relay } from "./clients.ts";
import { costOf, earlierMessages, turnsPerSession, wholeBody } from "./conversation.ts";
import { type Job, runClosed } from "./load.ts";
import { startPeers } from "./peers.ts";
import { prefill } from "./prefill.ts";
import { readTree, usedSince } from "./process-tree.ts";
import { createRandom, median, percentile, shuffle } from "./statistics.ts";
import { copyDatabase, makeFolder, startFloor, startOurs, startVendor, type Vendor } from "./targets.ts";

export interface Comparison {
  name: string;
  /** What the emulator answers to every call. */
  scenario: Record<string, unknown>;
  rounds: number;
  /** Turns of ours and of others before the first block that counts: the just-in-time compiler is busy for thousands of them. */
  warmUp: number;
  /** Turns in a block: fewer of ours, because they take longer. */
  turns: { ours: number; others: number; peers: number };
  stream: boolean;
  atOnce: number;
  /** How a client of ours takes a turn. */
  ask(url: string, sessions: readonly string[]): Job;
}

export interface Block {
  turns: number;
  cpuSeconds: number;
  /** What the emulator used meanwhile: it must have time to spare. */
  vendorCpuSeconds: number;
  wallSeconds: number;
  p50Ms: number;
  p99Ms: number;
  writtenBytes: number;
  diskBytes: number;
  rssBytes: number;
}

export interface Compared {
  /** Blocks that count, by target, in the order of rounds; undefined where one was void. */
  blocks: Record<string, (Block | undefined)[]>;
  voids: string[];
}

export interface Target {
  name: string;
  pid: number;
  turns: number;
  /** Turns in round 0, if more than `turns`. */
  warmUp: number;
  /** A block's job, and what it has to be held against afterwards. */
  prepare(round: number): Promise<{ job: Job; check?: (done: number) => Promise<string[]> }>;
  stop(): Promise<void>;
}

/** Runs everything and cleans up. Round 0 warms the targets up and is not counted. */
export async function compare(bench: Bench, plan: Comparison): Promise<Compared> {
  const folder = makeFolder(bench.folder, plan.name);
  const vendor = await startVendor(folder);
  await vendor.answer(plan.scenario);
  const targets = await startTargets(bench, plan, vendor, folder);
  const random = createRandom(bench.seed);
  const compared: Compared = { blocks: Object.fromEntries(targets.map(({ name }) => [name, []])), voids: [] };
  try {
    for (let round = 0; round <= plan.rounds; round++) {
      for (const target of shuffle(targets, random)) {
        const { block, wrong } = await runBlock(plan, vendor, target, round);
        bench.say(
          `${plan.name} ${round === 0 ? "warm-up" : `round ${round}/${plan.rounds}`}: ${describe(target.name, block)}`,
        );
        for (const what of wrong) compared.voids.push(`round ${round}, ${target.name}: ${what}`);
        if (round > 0) compared.blocks[target.name]!.push(wrong.length === 0 ? block : undefined);
      }
    }
  } finally {
    await Promise.all(targets.map((target) => target.stop()));
    await vendor.stop();
  }
  return compared;
}

function describe(name: string, block: Block): string {
  return `${name} ${Math.round(block.turns / block.cpuSeconds)} turns per CPU-second, p50 ${block.p50Ms.toFixed(1)} ms`;
}

async function runBlock(plan: Comparison, vendor: Vendor, target: Target, round: number) {
  const turns = round === 0 ? Math.max(target.turns, target.warmUp) : target.turns;
  const { job, check } = await target.prepare(round);
  const before = readTree(target.pid);
  const vendorBefore = readTree(vendor.pid);
  const finished = await runClosed(turns, plan.atOnce, job);
  const used = usedSince(before, readTree(target.pid));
  const vendorUsed = usedSince(vendorBefore, readTree(vendor.pid));
  const wrong = [...finished.failures, ...((await check?.(finished.done)) ?? [])];
  const block: Block = {
    turns: finished.done,
    cpuSeconds: used.cpuSeconds,
    vendorCpuSeconds: vendorUsed.cpuSeconds,
    wallSeconds: finished.wallSeconds,
    p50Ms: median(finished.tookMs),
    p99Ms: percentile(finished.tookMs, 0.99),
    writtenBytes: used.writtenBytes,
    diskBytes: used.diskBytes,
    rssBytes: used.rssBytes,
  };
  return { block, wrong };
}

async function startTargets(bench: Bench, plan: Comparison, vendor: Vendor, folder: string): Promise<Target[]> {
  const body = wholeBody();
  const others = plan.turns.others;
  const floor = await startFloor(folder, vendor.url, profileFlags(bench, `${plan.name}-floor`));
  const price = costOf(await vendor.readUsage(body));
  const sessionsPerBlock = Math.ceil(plan.turns.ours / turnsPerSession);
  const warmUpSessions = Math.ceil(Math.max(plan.warmUp, plan.turns.ours) / turnsPerSession);
  const sessions = warmUpSessions + sessionsPerBlock * plan.rounds;
  const file = join(folder, "prefilled.db");
  bench.say(`${plan.name}: writing ${sessions} sessions of ${earlierMessages} messages`);
  const ids = await prefill(`sqlite:${file}`, { sessions, messages: earlierMessages });
  const startOne = async (name: "ours" | "ours again"): Promise<Target> => {
    const own = makeFolder(folder, name.replace(" ", "-"));
    const databaseUrl = `sqlite:${copyDatabase(file, own)}`;
    const bunFlags = profileFlags(bench, `${plan.name}-${name.replace(" ", "-")}`);
    const server = await startOurs({ folder: own, vendorUrl: vendor.url, databaseUrl, bunFlags });
    const prepare = async (round: number) => {
      const from = warmUpSessions + (round - 1) * sessionsPerBlock;
      const mine = round === 0 ? ids.slice(0, warmUpSessions) : ids.slice(from, from + sessionsPerBlock);
      return withAudit(plan.ask(server.url, mine), server.url, mine, databaseUrl, vendor, price);
    };
    return { name, pid: server.pid, turns: plan.turns.ours, warmUp: plan.warmUp, prepare, stop: () => server.stop() };
  };
  const direct = relay(vendor.url, body);
  const relayed = relay(floor.url, body);
  return [
    {
      name: "direct",
      pid: vendor.pid,
      turns: others,
      warmUp: 0,
      prepare: async () => ({ job: direct }),
      stop: async () => {},
    },
    {
      name: "floor",
      pid: floor.pid,
      turns: others,
      warmUp: 0,
      prepare: async () => ({ job: relayed }),
      stop: () => floor.stop(),
    },
    await startOne("ours"),
    await startOne("ours again"),
    ...(await startPeers(bench, { rounds: plan.rounds, turns: plan.turns.peers, stream: plan.stream }, vendor, folder)),
  ];
}

/** A block of ours counts only if the books and the messages grew by exactly what was acknowledged. */
async function withAudit(
  job: Job,
  url: string,
  sessions: string[],
  databaseUrl: string,
  vendor: Vendor,
  price: bigint,
): Promise<{ job: Job; check: (done: number) => Promise<string[]> }> {
  const before = await readAccount(databaseUrl, vendor);
  const check = async (done: number) => {
    const wrong = audit(before, await readAccount(databaseUrl, vendor), done, price);
    const messages = await countMessages(url, sessions);
    const should = sessions.length * earlierMessages + done * 2;
    if (messages !== should) wrong.push(`messages in the sessions: ${messages}, should be ${should}`);
    return wrong;
  };
  return { job, check };
}

/** Flags that make Bun write a CPU profile when the process ends in good order. */
export function profileFlags(bench: Bench, name: string): string[] {
  if (bench.profileFolder === undefined) return [];
  return ["--cpu-prof", `--cpu-prof-dir=${bench.profileFolder}`, `--cpu-prof-name=${name}.cpuprofile`];
}
