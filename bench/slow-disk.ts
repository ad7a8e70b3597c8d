// A disk whose every flush takes longer, as on a consumer drive: a small library that is preloaded into the server.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { bun, root } from "./child.ts";

export const slowerUs = 1_600;

/** For `startOurs`: with this environment every flush takes `slowerUs` longer. */
export function slowDiskEnv(shim: string): Record<string, string> {
  return { LD_PRELOAD: shim, SLOW_FLUSH_US: String(slowerUs) };
}

/** The library that makes flushes slow; or why there is none. */
export function buildShim(folder: string): string | { why: string } {
  const library = join(folder, "slow-disk.so");
  try {
    execFileSync("cc", ["-shared", "-fPIC", "-O2", "-o", library, join(root, "bench", "slow-disk.c"), "-ldl"], {
      stdio: "pipe",
    });
    const probe = `const fs = require("node:fs"); const file = fs.openSync(process.argv[1], "w"); const began = performance.now(); fs.fsyncSync(file); console.log(performance.now() - began)`;
    const env = { LD_PRELOAD: library, SLOW_FLUSH_US: "50000" };
    const took = Number(execFileSync(bun, ["-e", probe, join(folder, "probe")], { env, encoding: "utf8" }));
    return took >= 50 ? library : { why: "the program does not take the slower flush from LD_PRELOAD" };
  } catch (cause) {
    return {
      why: `a C compiler (cc) is needed and did not work: ${cause instanceof Error ? cause.message.split("\n")[0] : cause}`,
    };
  }
}
