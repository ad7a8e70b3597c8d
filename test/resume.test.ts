// Invariant 6: reconnecting at any event number gives the same text, no gap, no repeat.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { collect, newSession, openEvents, openStream, readHistory, type SeenEvent, say, textOf } from "./client.ts";
import { engines } from "./engines.ts";
import { startServer, type TestServer } from "./server.ts";

describe.each(engines)("invariant 6 on %s", (_name, createDatabase) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl: await createDatabase() });
  });
  afterAll(() => server.stop());
  beforeEach(() => server.emulator.reset());

  test("every possible reconnection to a finished turn continues exactly, also after a restart", async () => {
    const session = await newSession(server.url);
    server.emulator.play({ text: "Слово за словом 😀 until the end.", chunks: 12, thoughts: "думаю" });
    const whole = await collect(await openStream(server.url, session.id, { content: "hi" }));
    const turnId = whole[0]!.data.turn_id as string;
    const check = async () => {
      for (let after = 0; after <= whole.length; after++) {
        expect(withoutState(await collect(await openEvents(server.url, turnId, after)))).toEqual(
          withoutState(whole.slice(after)),
        );
      }
    };
    await check();
    await server.restart();
    await check();
  });

  test("leaving and coming back at random while the turn runs loses and repeats nothing", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 40 }),
        async (stays, chunks) => {
          const session = await newSession(server.url);
          const text = Array.from({ length: chunks }, (_, index) => `w${index} `).join("");
          server.emulator.play({ text, chunks, delayMs: 2 });
          const seen: SeenEvent[] = [];
          let turnId = "";
          for await (const event of await openStream(server.url, session.id, { content: "hi" })) {
            seen.push(event);
            turnId = event.data.turn_id as string;
            break;
          }
          for (const stay of stays) {
            let left = stay;
            for await (const event of await openEvents(server.url, turnId, seen.length)) {
              if (left-- === 0) break;
              seen.push(event);
            }
          }
          seen.push(...(await collect(await openEvents(server.url, turnId, seen.length))));
          expect(seen.map((event) => event.number)).toEqual(seen.map((_, index) => index + 1));
          expect(textOf(seen)).toBe(text);
          expect(seen.at(-1)?.type).toBe("turn-end");
        },
      ),
      { numRuns: 15 },
    );
  });

  test("any number of readers follow one turn, and all see the same", async () => {
    const session = await newSession(server.url);
    server.emulator.play({ text: "many eyes on one answer", chunks: 8, delayMs: 3 });
    const first = await openStream(server.url, session.id, { content: "hi" });
    const start = (await first.next()).value as SeenEvent;
    const readers = Array.from({ length: 10 }, async () =>
      collect(await openEvents(server.url, start.data.turn_id as string)),
    );
    const all = await Promise.all([...readers, collect(first).then((rest) => [start, ...rest])]);
    expect(textOf(all[0]!)).toBe("many eyes on one answer");
    expect(all[0]!.at(-1)?.type).toBe("turn-end");
    for (const seen of all) expect(withoutState(seen)).toEqual(withoutState(all[0]!));
  });

  test("a client that leaves does not stop its turn", async () => {
    const session = await newSession(server.url);
    server.emulator.play({ text: "this goes on without you", chunks: 10, delayMs: 2 });
    const stream = await openStream(server.url, session.id, { content: "hi" });
    const start = (await stream.next()).value as SeenEvent;
    await stream.return();
    await collect(await openEvents(server.url, start.data.turn_id as string));
    const history = await readHistory(server.url, session.id);
    expect(history.data[1]).toMatchObject({ status: "complete", content: "this goes on without you" });
    expect(history.data[1]?.cost?.accuracy).toBe("exact");
  });

  test("a JSON turn has the same events to read afterwards", async () => {
    const session = await newSession(server.url);
    server.emulator.play({ text: "not streamed", chunks: 3 });
    const { body } = await say(server.url, session.id, { content: "hi" });
    const events = await collect(await openEvents(server.url, body.turn.id));
    expect(textOf(events)).toBe("not streamed");
    expect(events.at(-1)?.data.turn).toEqual(body.turn);
  });
});

/** The bookends carry the state of their day; what must not change is number, type and text. */
function withoutState(events: SeenEvent[]) {
  return events.map(({ number, type, data }) => [
    number,
    type,
    type.startsWith("turn-") ? (data.turn?.id ?? data.turn_id) : data,
  ]);
}
