// A running turn lets go of what the store has; readers, wherever they are, still see every event once and in order.

import { beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Store } from "../src/store.ts";
import { firstLogged } from "../src/turn/event.ts";
import { readStored } from "../src/turn/reader/follow.ts";
import { LiveTurn } from "../src/turn/reader/live.ts";
import { Reading } from "../src/turn/reader/reading.ts";
import { closeInput, newSession, open } from "./store-inputs.ts";
import { storeEngines } from "./stores.ts";

describe.each(storeEngines)("a running turn on %s", (_, openFixture) => {
  let store: Store;
  beforeAll(async () => {
    ({ store } = await openFixture());
  });

  async function startLive() {
    const opened = await open(store, (await newSession(store)).id);
    let askedStore = 0;
    const live = new LiveTurn(opened.turn, opened.session, opened.userMessage, (after) => {
      askedStore++;
      return readStored(store, "", opened.turn.id, after);
    });
    let stored = firstLogged;
    const takeBatch = () => {
      const batch = { turnId: opened.turn.id, firstNumber: stored, events: live.eventsFrom(stored) };
      stored = live.nextNumber;
      return { ...batch, usageRaw: null, modelServed: null };
    };
    const flush = async () => {
      await store.appendEvents(takeBatch());
      live.letGo(stored);
    };
    const close = async () => {
      const input = closeInput(opened, [], { lastBatch: takeBatch(), lastNumber: live.nextNumber });
      live.close(await store.closeTurn(input));
    };
    return { live, flush, close, askedStore: () => askedStore };
  }

  const delta = (number: number) => `${number} `;

  async function readNumbers(live: LiveTurn, after: number): Promise<number[]> {
    const numbers: number[] = [];
    for await (const { first, events } of live.read(after)) {
      for (const [index, event] of events.entries()) {
        numbers.push(first + index);
        if (typeof event === "string") expect(event).toBe(delta(first + index));
      }
    }
    return numbers;
  }

  test("whenever events are stored, and wherever a reader comes in, it gets all that follows, without a gap", async () => {
    const life = fc.array(fc.constantFrom("speak", "store", "read"), { minLength: 1, maxLength: 40 });
    const body = async (steps: string[]) => {
      const { live, flush, close } = await startLive();
      const readers: { after: number; numbers: Promise<number[]> }[] = [];
      for (const [at, step] of steps.entries()) {
        if (step === "speak") live.append([delta(live.nextNumber)]);
        else if (step === "read") {
          const after = (at * 7) % live.nextNumber;
          readers.push({ after, numbers: readNumbers(live, after) });
        } else if (live.kept > 0) await flush();
        live.wake();
      }
      const last = live.nextNumber;
      await close();
      readers.push({ after: 0, numbers: readNumbers(live, 0) });
      for (const { after, numbers } of readers)
        expect(await numbers).toEqual(Array.from({ length: last - after }, (_one, index) => after + 1 + index));
    };
    await fc.assert(fc.asyncProperty(life, body), { numRuns: 40 });
  });

  test("a reader that keeps up never asks the store; one that is behind does", async () => {
    const { live, flush, close, askedStore } = await startLive();
    const reading = live.read(0);
    expect((await reading.next()).value?.events.length).toBe(1);
    for (let round = 0; round < 5; round++) {
      live.append([delta(live.nextNumber)]);
      live.wake();
      expect((await reading.next()).value?.events.length).toBe(1);
      await flush();
    }
    expect(askedStore()).toBe(0);
    const { value: late } = await live.read(0).next();
    expect([late?.first, late?.events.length]).toEqual([1, 6]);
    expect(askedStore()).toBe(1);
    await close();
  });

  test("what is kept of a long answer does not grow", async () => {
    const { live, flush, close } = await startLive();
    for (let round = 0; round < 200; round++) {
      for (let event = 0; event < 5; event++) live.append([delta(live.nextNumber)]);
      expect(live.kept).toBe(5);
      await flush();
      expect(live.kept).toBe(0);
    }
    await close();
    expect(await readNumbers(live, 0)).toEqual(Array.from({ length: 1_002 }, (_one, index) => index + 1));
  });
});

test("a reading whose source fails throws; one that is left while it waits ends at once, and is watched for no more", async () => {
  const failing = new Reading({ readAfter: () => Promise.reject(new Error("it broke")), watch() {}, unwatch() {} }, 0);
  expect(await failing.next().catch(({ message }: Error) => message)).toBe("it broke");
  const watchers = new Set<object>();
  const source = {
    readAfter: () => ({ events: [], ended: false }),
    watch: (watcher: object) => void watchers.add(watcher),
    unwatch: (watcher: object) => void watchers.delete(watcher),
  };
  const left = new Reading(source, 0);
  const next = left.next();
  expect(watchers.size).toBe(1);
  left.leave();
  expect(await next).toEqual({ done: true, value: undefined });
  expect([watchers.size, left.isOver, (await left.next()).done]).toEqual([0, true, true]);
});
