// The page docs/performance.md and its plots, made from a run's results and from nothing else.

import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Cell, WorkloadResult } from "./bench.ts";
import { otherName } from "./checkout.ts";
import type { Machine } from "./machine.ts";
import { drawPlot } from "./plot.ts";
import { describeReach, type Reach } from "./reach.ts";

export interface Results {
  at: string;
  mode: "quick" | "full";
  command: string;
  seed: number;
  seconds: number;
  machine: Machine;
  /** Missing in results from before there were goals. */
  reach?: Reach[];
  workloads: WorkloadResult[];
}

/** A machine of whose cores more than this share was busy before the run began. */
const busyShare = 0.25;
const busyText =
  "**The machine was busy with other work when this was run: these figures are for orientation, not for quoting.**";

/** Writes `performance.md` and `performance/*.svg` into a folder. */
export function writeReport(results: Results, folder: string): void {
  const plots = join(folder, "performance");
  mkdirSync(plots, { recursive: true });
  for (const name of readdirSync(plots)) if (name.endsWith(".svg")) rmSync(join(plots, name));
  for (const { plots: own } of results.workloads)
    for (const plot of own) writeFileSync(join(plots, `${plot.name}.svg`), drawPlot(plot));
  writeFileSync(join(folder, "performance.md"), printPage(results));
}

function printPage(results: Results): string {
  return `${[printHead(results), ...printReach(results), printSummary(results), ...results.workloads.map(printWorkload), printMethod(results)].join("\n\n")}\n`;
}

function printHead({ at, mode, command, seed, seconds, machine }: Results): string {
  const { commitMs } = machine;
  const busy = machine.loadBefore > machine.cores * busyShare ? `\n\n${busyText}` : "";
  return `# Performance

Made by \`${command}\` on ${at} in ${Math.round(seconds)} seconds (${mode} mode, seed ${seed}); every number is in
[bench/results/latest.json](../bench/results/latest.json). Run it yourself: \`npm run bench\` (some 3 minutes) or
\`npm run bench -- --full\` (some 40); it needs no network and no key.

| | |
|---|---|
| machine | ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, Linux ${machine.kernel}; load before the run ${machine.loadBefore.toFixed(2)} |
| disk | write 16 KB and flush: p50 ${commitMs.p50.toFixed(2)} ms, p99 ${commitMs.p99.toFixed(2)} ms |
| versions | Rozmova ${machine.rozmova}, Bun ${machine.bun}, SQLite ${machine.sqlite}; WAL, every commit flushed before it is acknowledged |${busy}`;
}

function printReach({ reach }: Results): string[] {
  if (!reach) return [];
  const rows = reach.map((one) => describeReach(one, otherName));
  const beside = rows.some(({ before }) => before !== null);
  const columns = ["what", ...(beside ? ["before"] : []), "now", "at least", "then"];
  const cells = rows.map(({ what, before, measured, least, best }): Cell[] => [
    what,
    ...(beside ? [before] : []),
    measured,
    least,
    best,
  ]);
  const said = beside ? " *before* is another checkout, measured in the same blocks." : "";
  return [
    `## What is to be reached\n\nThe same run for all of it, and the relay's figures are this run's.${said}\n\n${printTable(columns, cells)}`,
  ];
}

function printSummary({ workloads }: Results): string {
  const rows = workloads.flatMap(({ title, aims }) =>
    aims.map(({ aim, measured, reached }): Cell[] => [
      title,
      aim,
      measured,
      reached === null ? "-" : reached ? "yes" : "**no**",
    ]),
  );
  return `## In short\n\n${printTable(["workload", "to reach", "measured", "reached"], rows)}`;
}

function printWorkload({ title, what, columns, rows, plots, notes, voids }: WorkloadResult): string {
  const parts = [`## ${title}`, what, printTable(columns, rows)];
  for (const plot of plots) parts.push(`![${plot.title}](performance/${plot.name}.svg)`);
  if (notes.length > 0) parts.push(notes.map((note) => `- ${note}`).join("\n"));
  if (voids.length > 0)
    parts.push(`**Void blocks, not counted above:**\n\n${voids.map((what) => `- ${what}`).join("\n")}`);
  return parts.join("\n\n");
}

function printMethod(_results: Results): string {
  return `## How it is measured

- Every target is a process of its own; all of them are measured in one run, in blocks that follow each other in random
  order (seeded), so that a slow minute of the machine meets all of them. The first round warms up and is not counted.
- *direct* is a client at the emulator. *floor* is a bare relay on the same Bun, with the same settings of it, that sends bytes on and stores nothing.
  *ours again* is a second copy of ours under another name: what differs between the two is noise. *before* is another checkout
  (\`--against FOLDER\`), filled and read by its own code.
- The first figure is completed turns per CPU-second of the target's whole process tree, from \`/proc\` (user and system
  time), because seconds of a wall clock depend on who else uses the machine. Ratios pair the rounds; the interval is the
  middle 95 percent of 2,000 resamplings of the rounds.
- After each block the books are read: messages stored, ledger entries and the ledger's total must be exactly what clients
  were told and the emulator counted (its own calls, at a price worked out apart), or the block is void and said so.
- Bytes written are what the process gave to write calls (the log and the database); to the disk is what the kernel sent on.`;
}

function printTable(columns: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly Cell[]) =>
    `| ${cells.map((cell) => (cell === null ? "" : String(cell))).join(" | ")} |`;
  return [line(columns), `|${columns.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}
