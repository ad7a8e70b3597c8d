// Streams opened over raw connections and hard-killed at random points, and what the process still holds afterwards.

import { heapStats } from "bun:jsc";
import { readdirSync } from "node:fs";
import net from "node:net";
import { eventually, newSession } from "./client.ts";
import type { HttpServer } from "./http-assembly.ts";

/** What is held once nothing runs and the garbage is collected. */
export interface Held {
  rssBytes: number;
  /** Open files and sockets; 0 where the system does not tell. */
  descriptors: number;
  objectCount: number;
  /** Live objects of the kinds that a forgotten stream, listener or timer would keep. */
  objects: Record<string, number>;
}

const watched = ["Timeout", "AbortSignal", "AbortController", "ReadableStream", "Request", "Response", "Promise"];
const atOnce = 100;

/** Asks for `count` streams, each in a session of its own, and resets each connection after some random bytes of it, or before any. */
export async function cutStreams(server: HttpServer, count: number, random: () => number): Promise<void> {
  let left = count;
  const work = async () => {
    while (left-- > 0) await cutOne(server, random);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, work));
}

async function cutOne(server: HttpServer, random: () => number): Promise<void> {
  const { id } = await newSession(server.url);
  const body = JSON.stringify({ content: "to be cut off", stream: true });
  const enough = random() < 0.1 ? 0 : random() * 3_000;
  const socket = net.connect(server.port, "127.0.0.1");
  let bytes = 0;
  socket.on("connect", () => {
    socket.write(
      `POST /sessions/${id}/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    if (enough === 0) setTimeout(() => socket.destroy(), random() * 10);
  });
  socket.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > enough) socket.resetAndDestroy();
  });
  socket.on("end", () => socket.destroy());
  socket.on("error", () => {}); // cutting is what we do
  await new Promise((resolve) => socket.on("close", resolve));
}

/** Waits until no turn runs and no stream is open, then counts. */
export async function readHeld(server: HttpServer): Promise<Held> {
  await eventually(
    async () => [server.turns.count, server.app.openStreams, server.turns.waitingReaders],
    (counts) => counts.every((count) => count === 0),
    30_000,
  );
  server.logged.length = 0; // the test's own
  let held = countHeld();
  for (let look = 0; look < 10; look++) {
    // What closes, closes a moment later: the least of some looks is what stays.
    await new Promise((resolve) => setTimeout(resolve, 100));
    const now = countHeld();
    held = {
      rssBytes: Math.min(held.rssBytes, now.rssBytes),
      descriptors: Math.min(held.descriptors, now.descriptors),
      objectCount: Math.min(held.objectCount, now.objectCount),
      objects: Object.fromEntries(watched.map((kind) => [kind, Math.min(held.objects[kind]!, now.objects[kind]!)])),
    };
  }
  return held;
}

function countHeld(): Held {
  Bun.gc(true);
  const { objectCount, objectTypeCounts } = heapStats();
  return {
    rssBytes: process.memoryUsage.rss(),
    descriptors: countDescriptors(),
    objectCount,
    objects: Object.fromEntries(watched.map((kind) => [kind, objectTypeCounts[kind] ?? 0])),
  };
}

function countDescriptors(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0;
  }
}
