// Runs the same turns against the vendor alone, the floor, ours and ours again: in blocks, interleaved, in random order.

import { join } from "node:path";
import type { Bench } from "./bench.ts";
import { audit, countMessages } from "./books.ts";
import { type Checkout, ourName } from "./checkout.ts";
import { relay } from "./clients.ts";
import { costOf, earlierMessages, turnsPerSession, wholeBody } from "./conversation.ts";
import { type Job, runClosed } from "./load.ts";
import { startPeers } from "./peers.ts";
import { readTree, usedSince } from "./process-tree.ts";
import { createRandom, median, percentile, shuffle } from "./statistics.ts";
import {
  copyDatabase,
  countLiveBytes,
  makeFolder,
  startFloor,
  startOurs,
  startVendor,
  type Vendor,
} from "./targets.ts";

export interface Comparison {
  name: string;
  /** What the emulator answers to every call. */
  scenario: Record<string, unknown>;
  rounds: number;
  /** Turns of ours and of others before the first block that counts: the just-in-time compiler is busy for thousands of them. */
  warmUp: number;
  /** Messages in each session before its first turn that counts (default as in conversation.ts), and what a relay's client then sends. */
  history?: { messages: number; body: Uint8Array<ArrayBuffer> };
  /** So many sessions take all turns of all rounds in turn; default: new ones in every block, four turns each. */
  sessions?: number;
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
  /** Bytes by which a target's database grew in each of its turns: its live pages, when the search index has everything. */
  storedBytes: Record<string, number>;
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
  /** Bytes that its database holds; asked for when it is stopped. */
  countStored?(): { bytes: number; turns: number };
}

/** Runs everything and cleans up. Round 0 warms the targets up and is not counted. */
export async function compare(bench: Bench, plan: Comparison): Promise<Compared> {
  const folder = makeFolder(bench.folder, plan.name);
  const vendor = await startVendor(folder);
  await vendor.answer(plan.scenario);
  const targets = await startTargets(bench, plan, vendor, folder);
  const random = createRandom(bench.seed);
  const blocks = Object.fromEntries(targets.map(({ name }) => [name, []]));
  const compared: Compared = { blocks, storedBytes: {}, voids: [] };
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
  for (const { name, countStored } of targets) {
    const stored = countStored?.();
    if (stored) compared.storedBytes[name] = stored.bytes / stored.turns;
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
  const body = plan.history?.body ?? wholeBody();
  const others = plan.turns.others;
  const floor = await startFloor(folder, vendor.url, profileFlags(bench, `${plan.name}-floor`));
  const price = costOf(await vendor.readUsage(body));
  const direct = relay(vendor.url, body);
  const relayed = relay(floor.url, body);
  const relays = { turns: others, warmUp: 0 };
  const targets: Target[] = [
    { ...relays, name: "direct", pid: vendor.pid, prepare: async () => ({ job: direct }), stop: async () => {} },
    { ...relays, name: "floor", pid: floor.pid, prepare: async () => ({ job: relayed }), stop: () => floor.stop() },
  ];
  for (const checkout of bench.checkouts) {
    const filled = await fillDatabase(bench, plan, checkout, folder);
    const names = checkout.name === ourName ? [ourName, "ours again"] : [checkout.name];
    for (const name of names)
      targets.push(await startCheckout(bench, plan, vendor, { name, checkout, filled, folder, price }));
  }
  const peers = { rounds: plan.rounds, turns: plan.turns.peers, stream: plan.stream };
  return [...targets, ...(await startPeers(bench, peers, vendor, folder))];
}

interface Filled {
  file: string;
  /** Those that take turns until everything is warm, and those of each round. */
  warmUp: string[];
  ofRound(round: number): string[];
}

async function fillDatabase(bench: Bench, plan: Comparison, checkout: Checkout, folder: string): Promise<Filled> {
  const file = join(makeFolder(folder, `prefilled-${checkout.name}`), "prefilled.db");
  const messages = plan.history?.messages ?? earlierMessages;
  const perBlock = Math.ceil(plan.turns.ours / turnsPerSession);
  const sessions = plan.sessions ?? perBlock * plan.rounds;
  const warmUp = Math.ceil(Math.max(plan.warmUp, plan.turns.ours) / turnsPerSession);
  bench.say(`${plan.name}: writing ${sessions} sessions of ${messages} messages for ${checkout.name}`);
  const warming = await checkout.prefill(`sqlite:${file}`, { sessions: warmUp, messages: earlierMessages });
  const ids = await checkout.prefill(`sqlite:${file}`, { sessions, messages });
  const ofRound = (round: number) =>
    plan.sessions === undefined ? ids.slice((round - 1) * perBlock, round * perBlock) : ids;
  // Sessions that come round again have done so before the first block that counts, too.
  return { file, warmUp: plan.sessions === undefined ? warming : [...warming, ...ids], ofRound };
}

interface Started {
  name: string;
  checkout: Checkout;
  filled: Filled;
  folder: string;
  price: bigint;
}

async function startCheckout(bench: Bench, plan: Comparison, vendor: Vendor, started: Started): Promise<Target> {
  const { name, checkout, filled, folder, price } = started;
  const dashed = name.replace(" ", "-");
  const own = makeFolder(folder, dashed);
  const file = copyDatabase(filled.file, own);
  const before = countLiveBytes(file);
  const bunFlags = profileFlags(bench, `${plan.name}-${dashed}`);
  const databaseUrl = `sqlite:${file}`;
  const server = await startOurs({ checkout, folder: own, vendorUrl: vendor.url, databaseUrl, bunFlags });
  const readBooks = () => checkout.readAccount(databaseUrl, vendor);
  let turns = 0;
  const prepare = async (round: number) => {
    const mine = round === 0 ? filled.warmUp : filled.ofRound(round);
    const account = await readBooks();
    const messages = await countMessages(server.url, mine);
    const check = async (done: number) => {
      turns += done;
      const wrong = audit(account, await readBooks(), done, price);
      const grown = (await countMessages(server.url, mine)) - messages;
      if (grown !== done * 2) wrong.push(`new messages in the sessions: ${grown}, should be ${done * 2}`);
      return wrong;
    };
    return { job: plan.ask(server.url, mine), check };
  };
  const stop = async () => {
    await fetch(`${server.url}/sessions?q=settled`); // the index may be behind, and this waits for it
    await server.stop();
  };
  const countStored = () => ({ bytes: countLiveBytes(file) - before, turns });
  // Whole passes: those that come round again are the last that were used before the first block that counts.
  const warmUp = filled.warmUp.length * turnsPerSession;
  return { name, pid: server.pid, turns: plan.turns.ours, warmUp, prepare, stop, countStored };
}

/** Flags that make Bun write a CPU profile when the process ends in good order. */
export function profileFlags(bench: Bench, name: string): string[] {
  if (bench.profileFolder === undefined) return [];
  return ["--cpu-prof", `--cpu-prof-dir=${bench.profileFolder}`, `--cpu-prof-name=${name}.cpuprofile`];
}
