// What a process and its descendants have used so far, as the kernel counts it (proc(5), read 2026-11-23).

import { readdirSync, readFileSync } from "node:fs";

/** The kernel reports times in these ticks to every program, whatever its own rate is (`getconf CLK_TCK`). */
const ticksPerSecond = 100;
const pageBytes = 4096;

export interface Usage {
  /** User and system time of all of them, and of children that have ended and were waited for. */
  cpuSeconds: number;
  rssBytes: number;
  /** Bytes given to write calls: a database's pages and log, not what went to sockets by send(). */
  writtenBytes: number;
  /** Bytes that were caused to be sent to the disk: whole pages. */
  diskBytes: number;
  processes: number;
}

interface Stat {
  pid: number;
  parent: number;
  cpuSeconds: number;
  rssBytes: number;
}

/** Reads a whole tree. Throws when the root is gone. */
export function readTree(root: number): Usage {
  const all = listStats();
  const tree = new Set([root]);
  // A child may stand before its parent in the list: repeat until nothing is added.
  for (let size = 0; size !== tree.size; ) {
    size = tree.size;
    for (const { pid, parent } of all) if (tree.has(parent)) tree.add(pid);
  }
  const members = all.filter(({ pid }) => tree.has(pid));
  if (!members.some(({ pid }) => pid === root)) throw new Error(`process ${root} has ended`);
  const usage: Usage = { cpuSeconds: 0, rssBytes: 0, writtenBytes: 0, diskBytes: 0, processes: members.length };
  for (const { pid, cpuSeconds, rssBytes } of members) {
    const io = readOrEmpty(`/proc/${pid}/io`);
    usage.cpuSeconds += cpuSeconds;
    usage.rssBytes += rssBytes;
    usage.writtenBytes += Number(/^wchar: (\d+)/m.exec(io)?.[1] ?? 0);
    usage.diskBytes += Number(/^write_bytes: (\d+)/m.exec(io)?.[1] ?? 0);
  }
  return usage;
}

/** What was used between two readings; memory as it is now. */
export function usedSince(before: Usage, after: Usage): Usage {
  return {
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    rssBytes: after.rssBytes,
    writtenBytes: after.writtenBytes - before.writtenBytes,
    diskBytes: after.diskBytes - before.diskBytes,
    processes: after.processes,
  };
}

/** Open file descriptors of one process. */
export function countDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function listStats(): Stat[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const text = readOrEmpty(`/proc/${name}/stat`);
      if (text === "") return [];
      // The name in parentheses may hold anything, so fields are counted from its end; field 3 comes first.
      const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
      const field = (number: number) => Number(fields[number - 3]);
      const ticks = field(14) + field(15) + field(16) + field(17);
      return {
        pid: Number(name),
        parent: field(4),
        cpuSeconds: ticks / ticksPerSecond,
        rssBytes: field(24) * pageBytes,
      };
    });
}

/** A process may end between being listed and being read. */
function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
