// A comparison's blocks as a table, ratios and plots; a ratio that the same program against itself could show is not published.

import { type Bench, printInterval, type WorkloadResult } from "./bench.ts";
import type { Block, Compared } from "./compare.ts";
import { peerNotes } from "./peers.ts";
import { exactly, type GoalName, goals } from "./reach.ts";
import { type Interval, isBeyond, type Rate, rateOf, ratioOf, spreadOf } from "./statistics.ts";

export interface ComparisonText {
  name: string;
  title: string;
  what: string;
  /** Of the floor's turns per CPU-second; none where a goal says it better. */
  aim?: number;
  /** Which goals these blocks tell of. */
  reach?: GoalName[];
}

export function describeComparison(bench: Bench, text: ComparisonText, compared: Compared): WorkloadResult {
  const { blocks, storedBytes, voids } = compared;
  const names = Object.keys(blocks);
  const of = (name: string) => blocks[name] ?? [];
  const rates = Object.fromEntries(names.map((name) => [name, rateOf(rounds(of(name)), bench.seed)]));
  const ratio = (over: string, under: string) => {
    const pairs = paired(of(over), of(under));
    return ratioOf(
      pairs.map(([block]) => turnsPerCpu(block)),
      pairs.map(([, block]) => turnsPerCpu(block)),
      bench.seed,
    );
  };
  const same = ratio("ours again", "ours");
  const spread = spreadOf(same);
  const checkouts = bench.checkouts.map(({ name }) => name);
  const toFloor = ratio("ours", "floor");
  const measureGoal = (goal: GoalName, name: string): Interval => {
    if (goal === "stored-bytes") return exactly(storedBytes[name] ?? Number.NaN);
    if (goal === "loaded-rss") return exactly(mostRss(of(name)) / 1e6);
    return goals[goal].better === "more" ? ratio(name, "floor") : ratio("floor", name);
  };
  return {
    ...{ name: text.name, title: text.title, what: text.what },
    reach: text.reach?.map((goal) => ({
      goal,
      measured: Object.fromEntries(checkouts.map((name) => [name, measureGoal(goal, name)])),
    })),
    aims: text.aim === undefined ? [] : [describeAim(text.aim, toFloor, spread)],
    columns: [
      "target",
      "turns per CPU-second",
      "of the floor",
      "turns per second",
      "p50 / p99 ms",
      "RSS MB at most",
      "bytes written per turn",
      "to the disk per turn",
      "bytes kept per turn",
      "emulator CPU us per turn",
    ],
    rows: names.map((name) => {
      const good = of(name).filter((block) => block !== undefined);
      return [
        name,
        printInterval(rates[name]!),
        name === "floor" || name === "direct" ? null : printInterval(ratio(name, "floor")),
        Math.round(sum(good, "turns") / sum(good, "wallSeconds")),
        `${mean(good, "p50Ms").toFixed(1)} / ${mean(good, "p99Ms").toFixed(1)}`,
        Math.round(mostRss(good) / 1e6),
        name === "direct" || name === "floor" ? null : Math.round(sum(good, "writtenBytes") / sum(good, "turns")),
        name === "direct" || name === "floor" ? null : Math.round(sum(good, "diskBytes") / sum(good, "turns")),
        storedBytes[name] === undefined ? null : Math.round(storedBytes[name]),
        Math.round((sum(good, "vendorCpuSeconds") / sum(good, "turns")) * 1e6),
      ];
    }),
    plots: [
      {
        kind: "bars",
        name: text.name,
        title: `${text.title}: completed turns per CPU-second`,
        unit: "turns per CPU-second",
        bars: names.map((label) => ({ label, interval: rates[label]! })),
      },
    ],
    notes: [
      `A/A: ours again against ours is ${printInterval(same)}, so a difference below ${(spread * 100).toFixed(1)} percent means nothing here.`,
      "Direct is the emulator's own cost: what the vendor's side of a turn takes. It is in nobody else's figure.",
      ...bench.peers.map((name) => peerNotes[name] ?? name),
    ],
    voids,
    data: { blocks, storedBytes, rates, same, spread, toFloor },
  };
}

function describeAim(aim: number, toFloor: Interval, spread: number): WorkloadResult["aims"][number] {
  const publishable = isBeyond(toFloor, spread);
  return {
    aim: `at least ${aim.toFixed(2)} of the floor's turns per CPU-second`,
    measured: publishable ? printInterval(toFloor) : `not publishable: within the A/A spread of ${spread.toFixed(3)}`,
    reached: publishable ? toFloor.value >= aim : null,
  };
}

/** After a block, of all blocks. */
function mostRss(blocks: readonly (Block | undefined)[]): number {
  return Math.max(...blocks.map((block) => block?.rssBytes ?? 0));
}

function turnsPerCpu(block: Block): Rate {
  return { amount: block.turns, per: block.cpuSeconds };
}

function rounds(blocks: readonly (Block | undefined)[]): Rate[] {
  return blocks.filter((block) => block !== undefined).map(turnsPerCpu);
}

/** Blocks of the rounds in which both count. */
function paired(a: readonly (Block | undefined)[], b: readonly (Block | undefined)[]): [Block, Block][] {
  return a.flatMap((block, round) => {
    const other = b[round];
    return block && other ? [[block, other] as [Block, Block]] : [];
  });
}

function sum(blocks: readonly Block[], field: keyof Block): number {
  return blocks.reduce((total, block) => total + block[field], 0);
}

function mean(blocks: readonly Block[], field: keyof Block): number {
  return sum(blocks, field) / blocks.length;
}
