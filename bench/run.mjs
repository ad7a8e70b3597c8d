// `npm run bench`: runs the benchmark on the project's own Bun, with what Bun must find in its environment.

import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const scripts = ["page", "kill", "soak", "profile", "verify", "budget", "budget-cost", "where"];
const words = process.argv.slice(2);
const script = scripts.includes(words[0]) ? words.shift() : "main";
const bun = join(dirname(createRequire(import.meta.url).resolve("bun/package.json")), "bin", "bun.exe");

const child = spawn(bun, [join(here, `${script}.ts`), ...words], {
  stdio: "inherit",
  env: { BUN_CONFIG_MAX_HTTP_REQUESTS: "65535", ...process.env },
});
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
process.on("SIGINT", () => {
  if (!process.stdin.isTTY) child.kill("SIGINT");
});
child.on("error", (cause) => {
  console.error(`Bun could not be started: ${cause.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
