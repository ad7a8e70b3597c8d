// A comparison's blocks as a table, ratios and plots; a ratio that the same program against itself could show is not published.

import { type Bench, printInterval, type WorkloadResult } from "./bench.ts";
import type { Block, Compared } from "./compare.ts";
import { peerNotes } from "./peers.ts";
import { isBeyond, type Rate, rateOf, ratioOf, spreadOf } from "./statistics.ts";

export interface ComparisonText {
  name: string;
  title: string;
  what: string;
  /** Of the floor's turns per CPU-second. */
  aim: number;
}

export function describeComparison(bench: Bench, text: ComparisonText, compared: Compared): WorkloadResult {
  const { blocks, voids } = compared;
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
  const toFloor = ratio("ours", "floor");
  const publishable = isBeyond(toFloor, spread);
  return {
    ...{ name: text.name, title: text.title, what: text.what },
    aims: [
      {
        aim: `at least ${text.aim.toFixed(2)} of the floor's turns per CPU-second`,
        measured: publishable
          ? printInterval(toFloor)
          : `not publishable: within the A/A spread of ${spread.toFixed(3)}`,
        reached: publishable ? toFloor.value >= text.aim : null,
      },
    ],
    columns: [
      "target",
      "turns per CPU-second",
      "of the floor",
      "turns per second",
      "p50 / p99 ms",
      "RSS MB",
      "bytes written per turn",
      "to the disk per turn",
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
        Math.round((good.at(-1)?.rssBytes ?? 0) / 1e6),
        name === "direct" || name === "floor" ? null : Math.round(sum(good, "writtenBytes") / sum(good, "turns")),
        name === "direct" || name === "floor" ? null : Math.round(sum(good, "diskBytes") / sum(good, "turns")),
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
    data: { blocks, rates, same, spread, toFloor },
  };
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
