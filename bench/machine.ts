// Where the numbers come from: the machine, its disk, and the versions of what ran.

import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { root } from "./child.ts";
import { percentile } from "./statistics.ts";

export interface Machine {
  cpu: string;
  cores: number;
  memoryGb: number;
  kernel: string;
  /** Milliseconds to write 16 KB to the end of a file and have it on the disk. */
  commitMs: { p50: number; p99: number };
  /** The machine's load in the minute before: work of others makes all figures worse. */
  loadBefore: number;
  bun: string;
  sqlite: string;
  rozmova: string;
}

export function describeMachine(folder: string): Machine {
  const database = new DatabaseSync(":memory:");
  const { version } = database.prepare("SELECT sqlite_version() AS version").get() as { version: string };
  database.close();
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    commitMs: measureCommit(folder),
    loadBefore: loadavg()[0] ?? 0,
    bun: Bun.version,
    sqlite: version,
    rozmova: JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version,
  };
}

/** What one commit costs on this disk: a write of four pages and a flush, alone. */
export function measureCommit(folder: string, times = 200): { p50: number; p99: number } {
  const file = join(folder, "commit.probe");
  const handle = openSync(file, "w");
  const pages = Buffer.alloc(16_384, 1);
  const tookMs: number[] = [];
  for (let at = 0; at < times; at++) {
    const began = performance.now();
    writeSync(handle, pages, 0, pages.length, at * pages.length);
    fdatasyncSync(handle);
    tookMs.push(performance.now() - began);
  }
  closeSync(handle);
  rmSync(file);
  return { p50: percentile(tookMs, 0.5), p99: percentile(tookMs, 0.99) };
}
