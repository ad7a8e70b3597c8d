#!/usr/bin/env node
// Starts Rozmova on Bun, with what Bun must find in its environment, and passes signals and the exit status on.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);

function findBun() {
  try {
    return join(dirname(require.resolve("bun/package.json")), "bin", "bun.exe");
  } catch {
    console.error("Bun is not installed here. Run `npm ci` in the project's folder first.");
    process.exit(1);
  }
}

const words = process.argv.slice(2);
const watch = words[0] === "--watch" ? [words.shift()] : [];
// `.env` is read by src/config.ts alone; Bun would read `.env.local` and more on its own.
const child = spawn(findBun(), [...watch, "--no-env-file", join(root, "src", "cli.ts"), ...words], {
  stdio: "inherit",
  // What each of these is for: docs/decisions/runtime.md. What the operator has set comes first.
  env: { ...JSON.parse(readFileSync(join(root, "bin", "runtime-env.json"), "utf8")), ...process.env },
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    // A terminal's Ctrl-C reaches the child by itself, as part of the same group.
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on("error", (cause) => {
  console.error(`Bun could not be started: ${cause.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  if (signal) process.kill(process.pid, signal);
  else process.exit(code ?? 1);
});
