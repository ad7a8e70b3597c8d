// Starts a program in a process of its own and waits until it says where it listens.

import { type ChildProcess, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..");
/** This very program: the benchmark and what it measures run on the same Bun. */
export const bun = process.execPath;

export interface Child {
  url: string;
  pid: number;
  /** From the start of the process until it said where it listens. */
  startedMs: number;
  /** Ends it (default SIGTERM, then SIGKILL after ten seconds) and waits. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface ChildOptions {
  command: [string, ...string[]];
  env?: Record<string, string>;
  /** A folder without a `.env`. */
  folder: string;
  /** Finds the address in what the program says, in its first group. */
  address?: RegExp;
  patienceMs?: number;
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(1));

/** Rejects with what the program said when it ends, or stays silent, before it listens. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const [program, ...words] = options.command;
  const began = performance.now();
  const child = spawn(program, words, {
    cwd: options.folder,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, BUN_CONFIG_MAX_HTTP_REQUESTS: "65535", ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  const ended = new Promise<void>((resolve) => {
    child.on("exit", () => {
      running.delete(child);
      resolve();
    });
    child.on("error", () => resolve());
  });
  const url = await findAddress(child, ended, options);
  return {
    url,
    pid: child.pid!,
    startedMs: performance.now() - began,
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      const patience = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(patience);
    },
  };
}

function findAddress(child: ChildProcess, ended: Promise<void>, options: ChildOptions): Promise<string> {
  const address = options.address ?? /listens on (http:\S+)/;
  let said = "";
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      child.kill("SIGKILL");
      reject(new Error(`${options.command.join(" ")}: ${why}\n${said}`));
    };
    const patience = setTimeout(() => fail("did not say where it listens"), options.patienceMs ?? 60_000);
    const hear = (bytes: Buffer) => {
      if (said.length > 100_000) return;
      said += bytes.toString();
      const found = address.exec(said)?.[1];
      if (found === undefined) return;
      clearTimeout(patience);
      resolve(found.replace(/\/$/, ""));
    };
    child.stdout!.on("data", hear);
    child.stderr!.on("data", hear);
    void ended.then(() => {
      clearTimeout(patience);
      fail("ended before it listened");
    });
  });
}
