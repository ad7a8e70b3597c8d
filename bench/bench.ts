// What every workload is given, and what it gives back: numbers, a table and plots in one shape, so that one page can show all.

import type { Checkout } from "./checkout.ts";
import type { Reach } from "./reach.ts";
import type { Interval } from "./statistics.ts";

export interface Bench {
  full: boolean;
  seed: number;
  /** Everything of this run is under it, and removed with it. */
  folder: string;
  /** Progress, for people. */
  say(line: string): void;
  /** Where the targets' CPU profiles go, if any are wanted. */
  profileFolder: string | undefined;
  peers: readonly string[];
  /** Ours first; then the other one that is measured beside it, if any. */
  checkouts: readonly Checkout[];
  /** Messages in the large database. */
  messages: number;
}

export type Cell = string | number | null;

export type Plot =
  | { kind: "bars"; name: string; title: string; unit: string; bars: { label: string; interval: Interval }[] }
  | {
      kind: "lines";
      name: string;
      title: string;
      xTitle: string;
      yTitle: string;
      lines: { label: string; points: { x: number; y: number }[] }[];
    };

export interface WorkloadResult {
  name: string;
  title: string;
  /** What is done, in a sentence or two. */
  what: string;
  /** What is to be reached, and whether it was; null where this run cannot say. */
  aims: { aim: string; measured: string; reached: boolean | null }[];
  /** Of the goals in reach.ts: what this workload found. */
  reach?: Reach[];
  columns: string[];
  rows: Cell[][];
  plots: Plot[];
  notes: string[];
  /** Blocks that do not count, and why. */
  voids: string[];
  /** Every number behind the table. */
  data: unknown;
}

export interface Workload {
  name: string;
  /** Whether the quick mode runs it too. */
  quick: boolean;
  run(bench: Bench): Promise<WorkloadResult>;
}

/** `0.213 (0.20 - 0.23)` */
export function printInterval({ value, low, high }: Interval, digits = 3): string {
  const print = (number: number) =>
    Math.abs(number) >= 100 ? Math.round(number).toString() : number.toPrecision(digits);
  return `${print(value)} (${print(low)} - ${print(high)})`;
}
