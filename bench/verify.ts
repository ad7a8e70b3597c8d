// `npm run bench verify [-- CALLS]`: makes books of that many calls (a million), seals and adds them up, and has the real command check them: time and memory.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Follower } from "../src/database/money/follower.ts";
import { sealing } from "../src/database/money/seal.ts";
import { summing } from "../src/database/money/usage-roll.ts";
import { openEngine } from "../src/database/open.ts";
import { root } from "./child.ts";
import { prefillLedger } from "./prefill-ledger.ts";

const calls = Number(process.argv[2] ?? 1_000_000);
const folder = mkdtempSync(join(tmpdir(), "rozmova-verify-"));
const file = join(folder, "rozmova.db");
try {
  await prefillLedger(file, calls, 1);
  console.error(`${calls} calls, ${(statSync(file).size / 1e6).toFixed(0)} MB`);
  await followAll();
  const begun = performance.now();
  const words = [join(root, "src", "cli.ts"), "verify", "--database-url", `sqlite:${file}`];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "inherit", "inherit"] });
  let [mostKb, cpuSeconds] = [0, 0];
  const watch = setInterval(() => {
    mostKb = Math.max(mostKb, readRssKb(child.pid!));
    cpuSeconds = Math.max(cpuSeconds, readCpuSeconds(child.pid!));
  }, 100);
  const code = await new Promise((resolve) => child.on("close", resolve));
  clearInterval(watch);
  const seconds = (performance.now() - begun) / 1000;
  console.log(
    JSON.stringify({ calls, code, seconds: Number(seconds.toFixed(1)), cpuSeconds, mostMb: Math.round(mostKb / 1024) }),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** As a server does behind its turns, all at once: what it costs a call. */
async function followAll(): Promise<void> {
  const engine = await openEngine(`sqlite:${file}`, { processId: 1 });
  await engine.settleSearch();
  for (const [said, followed, step] of [
    ["sealed", sealing, "sealEntries"],
    ["added up", summing, "rollUsage"],
  ] as const) {
    const follower = new Follower(engine, followed, step, Date.now);
    const before = process.cpuUsage();
    await follower.settle();
    const { user, system } = process.cpuUsage(before);
    await follower.close();
    const perCall = ((user + system) / calls).toFixed(1);
    console.error(`${said}, ${perCall} us of CPU a call; ${(statSync(file).size / 1e6).toFixed(0)} MB`);
  }
  await engine.close();
}

/** Linux only; 0 elsewhere. */
function readRssKb(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Of all its threads, in hundredths of a second; Linux only. */
function readCpuSeconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}
