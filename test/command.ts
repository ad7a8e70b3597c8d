// Runs the real command as a child process, as an operator does.

import { spawn } from "node:child_process";
import { join } from "node:path";

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

const binary = join(import.meta.dirname, "..", "bin", "rozmova.mjs");

/**
 * Runs `rozmova <words>` in a folder to its end. The environment holds what is given, and what finding Node needs. `deaf`: nobody reads
 * what it writes to stdout, as with `| head` when that has enough.
 */
export function runCommand(
  words: string[],
  folder: string,
  env: Record<string, string> = {},
  deaf = false,
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn("node", [binary, ...words], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, SystemRoot: process.env.SystemRoot, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    if (deaf) child.stdout.destroy();
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}
