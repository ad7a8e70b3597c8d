// `npm run bench -- where [json|stream]`: where a turn's CPU time goes on the program's own thread, in microseconds by function. Unlike a
// profile of the runtime it sees native code too: strings, regular expressions, SQLite, sockets. Needs Linux and perf.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadCheckout, ourName } from "./checkout.ts";
import { root } from "./child.ts";
import { askJson, askStream } from "./clients.ts";
import { earlierMessages, turnsPerSession } from "./conversation.ts";
import { runClosed } from "./load.ts";
import { readTree, sumByName, type Taken } from "./samples.ts";
import { makeFolder, startOurs, startVendor } from "./targets.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    turns: { type: "string", default: "8000" },
    /** Less than this is not shown, in microseconds a turn. */
    least: { type: "string", default: "1" },
    checkout: { type: "string", default: root },
  },
});
const isStream = positionals[0] === "stream";
const turns = Number(values.turns);
const atOnce = 32;
const deltas = 100;
const perSecond = 4_999;
/** Of the compiler. */
const warmUpTurns = 12_000;
/** As in the benchmark's blocks, so that as many conversations as there are meanwhile are remembered. */
const sessionsAtOnce = 1_000;

if (spawnSync("perf", ["--version"]).status !== 0) throw new Error("perf is not installed (linux-perf, linux-tools)");
const folder = mkdtempSync(join(tmpdir(), "rozmova-where-"));
try {
  const tree = await measure();
  const us = (samples: number) => (samples * 1e6) / perSecond / turns;
  const least = Number(values.least);
  print("a turn", tree, 0);
  console.log("\nin itself, and in native code that it called:");
  for (const [name, own] of [...sumByName(tree)].sort(([, one], [, other]) => other - one))
    if (us(own) >= least) console.log(`${us(own).toFixed(1).padStart(7)}  ${name}`);

  function print(name: string, taken: Taken, depth: number): void {
    if (us(taken.samples) < least) return;
    console.log(`${"  ".repeat(depth)}${us(taken.samples).toFixed(1)} (own ${us(taken.own).toFixed(1)}) ${name}`);
    const called = [...taken.called].sort(([, one], [, other]) => other.samples - one.samples);
    for (const [next, under] of called) print(next, under, depth + 1);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measure(): Promise<Taken> {
  const checkout = await loadCheckout(ourName, values.checkout);
  const vendor = await startVendor(makeFolder(folder, "vendor"));
  await vendor.answer({ unchecked: true, chunks: isStream ? deltas : 4, chunkChars: isStream ? 8 : 60, delayMs: 0 });
  const own = makeFolder(folder, ourName);
  const databaseUrl = `sqlite:${join(own, "rozmova.db")}`;
  const add = (count: number) =>
    checkout.prefill(databaseUrl, { sessions: count / turnsPerSession, messages: earlierMessages });
  const [warming, measured] = [await add(warmUpTurns), await add(turns)];
  const dumps = makeFolder(folder, "compiled");
  const env = { BUN_JSC_useJITDump: "1", BUN_JSC_jitDumpDirectory: dumps };
  const server = await startOurs({ checkout, folder: own, vendorUrl: vendor.url, databaseUrl, env });
  const ask = (ids: string[]) => (isStream ? askStream(server.url, ids, deltas) : askJson(server.url, ids));
  await runClosed(warmUpTurns, atOnce, ask(warming));
  const file = join(folder, "perf.data");
  const flags = ["-F", `${perSecond}`, "-e", "cpu-clock", "-k", "mono", "-g", "-t", `${server.pid}`, "-o", file];
  const perf = spawn("perf", ["record", ...flags], { stdio: "ignore" });
  const ended = new Promise((resolve) => perf.on("exit", resolve));
  await new Promise((resolve) => setTimeout(resolve, 500)); // until it samples
  let done = 0;
  for (let at = 0; at < measured.length; at += sessionsAtOnce) {
    const some = measured.slice(at, at + sessionsAtOnce);
    const block = await runClosed(some.length * turnsPerSession, atOnce, ask(some));
    if (block.failures.length > 0) throw new Error(`a turn failed: ${block.failures[0]}`);
    done += block.done;
  }
  perf.kill("SIGINT");
  await ended;
  await server.stop();
  await vendor.stop();
  if (done !== turns) throw new Error(`${done} turns instead of ${turns}`);
  return readTree(file, join(dumps, readdirSync(dumps)[0]!));
}
