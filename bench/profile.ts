// A CPU profile in short, as Markdown: which of our functions the samples fell into, with the native code they called.

import { readFileSync } from "node:fs";
import { root } from "./child.ts";

interface ProfileNode {
  id: number;
  callFrame: { functionName: string; url: string };
  children?: number[];
}
interface CpuProfile {
  nodes: ProfileNode[];
  samples: number[];
}

const shown = 30;
const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("usage: npm run bench -- profile FILE.cpuprofile");
const profile: CpuProfile = JSON.parse(readFileSync(file, "utf8"));
const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
const parents = new Map(
  profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
);

/** The file a node stands in, from the project's folder; undefined for native code. */
function fileOf({ callFrame: { url } }: ProfileNode): string | undefined {
  return /^(file:\/\/)?\//.test(url) ? url.replace("file://", "").replace(`${root}/`, "") : undefined;
}

/** Native code is its caller's doing: `commit (run) src/...`. */
function nameOf(id: number): { name: string; file: string } {
  const native: string[] = [];
  for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
    const node = nodes.get(at)!;
    const { functionName } = node.callFrame;
    const place = fileOf(node);
    if (place === undefined) native.push(functionName);
    else
      return { name: `${functionName || "(anonymous)"}${native.length > 0 ? ` > ${native.at(0)}` : ""}`, file: place };
  }
  return { name: native[0] || "(native)", file: "(runtime)" };
}

const byFunction = new Map<string, number>();
const byPlace = new Map<string, number>();
for (const sample of profile.samples) {
  const { name, file: place } = nameOf(sample);
  const folder = place.startsWith("node_modules/")
    ? place.split("/").slice(0, 2).join("/")
    : place.replace(/\/[^/]*$/, "");
  byFunction.set(`${name} | ${place}`, (byFunction.get(`${name} | ${place}`) ?? 0) + 1);
  byPlace.set(folder, (byPlace.get(folder) ?? 0) + 1);
}

function print(title: string, counts: Map<string, number>): void {
  console.log(`\n${title}|---|${"---|".repeat(title.split("|").length - 3)}`);
  for (const [name, count] of [...counts].sort(([, a], [, b]) => b - a).slice(0, shown))
    console.log(`| ${((100 * count) / profile.samples.length).toFixed(1)} % | ${name} |`);
}

console.log(`${profile.samples.length} samples in which the program's own thread ran, about one a millisecond.`);
print("| share | function | file |\n", byFunction);
print("| share | folder |\n", byPlace);
