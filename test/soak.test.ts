// Streams hard-killed at random points leave nothing behind. `SOAK_STREAMS=20000` makes it the long run, and prints what it counted.

import { expect, test } from "bun:test";
import { startHttp } from "./http-assembly.ts";
import { cutStreams, readHeld } from "./soak-run.ts";

const streams = Number(process.env.SOAK_STREAMS ?? 1_000);

test(`${streams} streams hard-killed at random points leave no descriptor, timer, listener or object behind`, async () => {
  const server = await startHttp({ providerMs: 10_000, rememberedBytes: 60_000 }); // conversations that are kept are no leak
  try {
    server.emulator.always({ unchecked: true, chunks: 20, chunkChars: 8, delayMs: 2 });
    const random = seededRandom(1);
    await cutStreams(server, Math.min(streams, 12_000), random); // caches are full and code is compiled from now on
    const before = await readHeld(server);
    await cutStreams(server, streams, random);
    const after = await readHeld(server);
    if (process.env.SOAK_STREAMS) console.log(JSON.stringify({ streams, before, after }, null, 1));
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 5);
    for (const [kind, count] of Object.entries(after.objects))
      expect([kind, count]).toEqual([kind, Math.min(count, before.objects[kind]! + 50)]);
    expect(after.objectCount).toBeLessThan(before.objectCount * 1.05);
    if (streams >= 10_000) expect(after.rssBytes).toBeLessThan(before.rssBytes * 1.1); // fewer do not fill a process
    const books = await server.store.sumBooks();
    expect([books.runningTurns, books.entries]).toEqual([0, server.emulator.callCount]);
    expect([books.sessionsTotal, books.turnsTotal]).toEqual([books.entriesTotal, books.entriesTotal]);
  } finally {
    await server.stop();
  }
}, 600_000);

function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
