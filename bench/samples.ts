// Samples of perf with their call chains, in which the code that the runtime has compiled is named: perf(1), tools/perf/Documentation/
// jitdump-specification.txt of Linux (read 2026-11-28).

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

interface Compiled {
  address: number;
  bytes: number;
  name: string;
}

/** What one function of ours took, its native code counted to it, and what it called. */
export class Taken {
  samples = 0;
  /** In itself and in native code that it called. */
  own = 0;
  readonly called = new Map<string, Taken>();
}

const headerBytes = 8;
const loaded = 0;

/** What was compiled, by address; of code that took another's place the later one counts. */
function readCompiled(file: string): Compiled[] {
  const dump = readFileSync(file);
  const found: Compiled[] = [];
  for (let at = dump.readUInt32LE(headerBytes); at + 16 <= dump.length; ) {
    const size = dump.readUInt32LE(at + 4);
    if (size === 0) break;
    if (dump.readUInt32LE(at) === loaded) {
      const name = dump.toString("utf8", at + 56, dump.indexOf(0, at + 56));
      found.push({
        address: Number(dump.readBigUInt64LE(at + 32)),
        bytes: Number(dump.readBigUInt64LE(at + 40)),
        name,
      });
    }
    at += size;
  }
  return found.sort((one, other) => one.address - other.address);
}

/** In a range so large many codes have stood one after the other; none is larger. */
const furthest = 60;

function nameOf(compiled: readonly Compiled[], address: number): string | undefined {
  let [low, high] = [0, compiled.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compiled[middle]!.address <= address) low = middle + 1;
    else high = middle;
  }
  for (let at = low - 1; at >= Math.max(0, low - furthest); at--) {
    const { address: start, bytes, name } = compiled[at]!;
    if (address < start + bytes) return name;
  }
  return undefined;
}

/** `JSC-DFG: name#hash` is a function of a program; thunks, caches and regular expressions count as native code. */
const ofProgram = /^JSC-(?:DFG|Baseline): (.*)#\w*$/;

/** All samples as one tree, from the functions that the event loop calls down. `perfFile` was recorded with `-g`. */
export function readTree(perfFile: string, jitdump: string): Taken {
  const compiled = readCompiled(jitdump);
  const printed = spawnSync("perf", ["script", "-i", perfFile, "-F", "ip,dso"], {
    encoding: "utf8",
    maxBuffer: 2 ** 30,
  });
  if (printed.status !== 0) throw new Error(`perf script: ${printed.stderr}`);
  const all = new Taken();
  for (const sample of printed.stdout.split(/\n\s*\n/)) {
    if (sample.trim() === "") continue;
    let at = all;
    let before = "";
    at.samples++;
    for (const line of sample.trim().split("\n").reverse()) {
      const [, address, file] = /^\s*([0-9a-f]+) \((.*)\)$/.exec(line) ?? [];
      if (address === undefined || !file?.startsWith("/tmp/perf-")) continue;
      const name = ofProgram.exec(nameOf(compiled, Number.parseInt(address, 16)) ?? "")?.[1];
      if (name === undefined || name === before) continue; // an async function has two codes
      before = name;
      const next = at.called.get(name) ?? new Taken();
      at.called.set(name, next);
      at = next;
      at.samples++;
    }
    at.own++;
  }
  return all;
}

/** The same by function: what each took in itself and in native code, wherever it was called from. */
export function sumByName(tree: Taken): Map<string, number> {
  const sums = new Map<string, number>();
  const walk = (taken: Taken, name: string) => {
    sums.set(name, (sums.get(name) ?? 0) + taken.own);
    for (const [called, under] of taken.called) walk(under, called);
  };
  walk(tree, "(no function of a program)");
  return sums;
}
