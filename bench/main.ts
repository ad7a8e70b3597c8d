// The benchmark: `npm run bench [-- --full] [--only json-turn,latency]`. Progress on stderr, results as JSON on stdout and in a file.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Bench, WorkloadResult } from "./bench.ts";
import { countLines, loadCheckouts } from "./checkout.ts";
import { root } from "./child.ts";
import { describeMachine } from "./machine.ts";
import { exactly } from "./reach.ts";
import { type Results, writeReport } from "./report.ts";
import { workloads } from "./workloads.ts";

const usage = `npm run bench [-- flags]

  --full             all workloads, more rounds (some 45 minutes; without it some 3)
  --only A,B         only these: ${workloads.map(({ name }) => name).join(", ")}
  --seed N           another order of blocks (default 1)
  --data FOLDER      where databases are made, to choose the disk (default: the system's temporary folder)
  --out FILE         where the results go (default bench/results/latest.json, and the page docs/performance.md with it);
                     what is there after each workload stands in FILE.part: a run that was cut off is not lost
  --no-page          leave docs/performance.md as it is
  --profile FOLDER   CPU profiles of ours and the floor go there (.cpuprofile)
  --peers A,B        also measure these, installed into bench/peers: portkey, adk
  --messages N       in the large database (default 5000000)
  --against FOLDER   also measure another checkout (installed), in the same blocks, under the name "before"
  --report FILE      only make the page again from these results
`;

const { values } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    only: { type: "string" },
    seed: { type: "string", default: "1" },
    data: { type: "string", default: tmpdir() },
    out: { type: "string", default: join(root, "bench", "results", "latest.json") },
    "no-page": { type: "boolean", default: false },
    profile: { type: "string" },
    peers: { type: "string", default: "" },
    messages: { type: "string", default: "5000000" },
    against: { type: "string" },
    report: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const partFile = `${values.out}.part`;

if (values.help) console.log(usage);
else if (values.report !== undefined) writeReport(JSON.parse(readFileSync(values.report, "utf8")), join(root, "docs"));
else await runAll();

async function runAll(): Promise<void> {
  const began = performance.now();
  const chosen = chooseWorkloads();
  const folder = mkdtempSync(join(resolve(values.data), "rozmova-bench-"));
  const bench: Bench = {
    full: values.full,
    seed: Number(values.seed),
    folder,
    say: (line) => console.error(`${((performance.now() - began) / 1000).toFixed(0).padStart(5)} s  ${line}`),
    profileFolder: values.profile && resolve(values.profile),
    peers: values.peers.split(",").filter((name) => name !== ""),
    messages: Number(values.messages),
    checkouts: await loadCheckouts(values.against),
  };
  try {
    const machine = describeMachine(folder);
    const results: WorkloadResult[] = [];
    for (const workload of chosen) {
      bench.say(`${workload.name} (${chosen.indexOf(workload) + 1} of ${chosen.length})`);
      results.push(await workload.run(bench));
      write(partFile, describeRun(bench, results, machine, began));
    }
    finish(describeRun(bench, results, machine, began));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function describeRun(bench: Bench, workloads: WorkloadResult[], machine: Results["machine"], began: number): Results {
  return {
    at: new Date().toISOString(),
    mode: values.full ? "full" : "quick",
    command: ["npm run bench", ...(Bun.argv.length > 2 ? ["--", ...Bun.argv.slice(2)] : [])].join(" "),
    seed: bench.seed,
    seconds: (performance.now() - began) / 1000,
    machine,
    reach: [
      ...workloads.flatMap(({ reach }) => reach ?? []),
      {
        goal: "lines",
        measured: Object.fromEntries(bench.checkouts.map((one) => [one.name, exactly(countLines(one))])),
      },
    ],
    workloads,
  };
}

function chooseWorkloads() {
  const names = values.only?.split(",");
  const unknown = names?.filter((name) => !workloads.some((workload) => workload.name === name)) ?? [];
  if (unknown.length > 0) throw new Error(`no such workload: ${unknown.join(", ")}; see --help`);
  return workloads.filter(({ name, quick }) => (names ? names.includes(name) : values.full || quick));
}

function finish(results: Results): void {
  const text = write(values.out, results);
  rmSync(partFile);
  if (!values["no-page"]) writeReport(results, join(root, "docs"));
  process.stdout.write(text);
  const voids = results.workloads.flatMap((workload) => workload.voids);
  if (voids.length > 0) console.error(`${voids.length} findings made blocks void; they are listed in the results`);
}

/** Returns what was written. */
function write(file: string, results: Results): string {
  const text = `${JSON.stringify(results, null, 1)}\n`;
  mkdirSync(resolve(file, ".."), { recursive: true });
  writeFileSync(file, text);
  return text;
}
