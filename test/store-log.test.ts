// The event log of a turn: every event once and in order, however it was written.

import { beforeAll, describe, expect, test } from "bun:test";
import type { Store } from "../src/store.ts";
import type { LoggedEvent } from "../src/turn/event.ts";
import { closeInput, newSession, open, testUsage } from "./store-inputs.ts";
import { codeOf, storeEngines } from "./stores.ts";

describe.each(storeEngines)("logs on %s", (_, openFixture) => {
  let store: Store;
  beforeAll(async () => {
    ({ store } = await openFixture());
  });

  test("the log gives every event after any number, over batches of any size, once", async () => {
    const session = await newSession(store);
    const { turn } = await open(store, session.id);
    const usage: LoggedEvent = {
      type: "usage",
      usage: testUsage,
      cost: { total: 2n ** 60n, accuracy: "partial", unpricedTurns: 0 },
    };
    const events: LoggedEvent[] = Array.from({ length: 20 }, (_, i) => (i === 7 ? usage : `«${i}»\n\0"`));
    for (const [from, to] of [
      [0, 1],
      [1, 6],
      [6, 17],
      [17, 20],
    ] as const) {
      const batch = {
        turnId: turn.id,
        firstNumber: 2 + from,
        events: events.slice(from, to),
        usageRaw: null,
        modelServed: from === 1 ? "one-002" : null,
      };
      await store.appendEvents(batch);
    }
    for (let after = 0; after <= 23; after++) {
      const log = await store.readTurnLog("", turn.id, after);
      expect(log?.events).toEqual(events.filter((_event, index) => index + 2 > after));
      expect(log?.lastNumber).toBeNull();
    }
    expect(await store.readTurnLog("bob", turn.id, 0)).toBeUndefined();
    for (let number = 22; number < 100; number++) {
      const next = [`${number}`];
      await store.appendEvents({
        turnId: turn.id,
        firstNumber: number,
        events: next,
        usageRaw: null,
        modelServed: null,
      });
    }
    const parts: LoggedEvent[][] = [];
    for (let hasMore = true; hasMore; ) {
      const log = (await store.readTurnLog("", turn.id, 1 + parts.flat().length))!;
      parts.push(log.events);
      ({ hasMore } = log);
    }
    expect(parts.length).toBe(2);
    const more = Array.from({ length: 78 }, (_one, index) => `${index + 22}`);
    expect(parts.flat()).toEqual([...events, ...more]);
    expect((await store.findTurn("", turn.id))?.modelServed).toBe("one-002");
  });

  test("events brought again after a failure, with more behind them, stand in the log once", async () => {
    const session = await newSession(store);
    const opened = await open(store, session.id);
    const batch = {
      turnId: opened.turn.id,
      firstNumber: 2,
      events: ["a"],
      usageRaw: null,
      modelServed: null,
    };
    await store.appendEvents(batch);
    await store.appendEvents(batch);
    const longer = { ...batch, events: [...batch.events, "b"] };
    await store.closeTurn(closeInput(opened, [], { text: "ab", lastBatch: longer, lastNumber: 4 }));
    const log = await store.readTurnLog("", opened.turn.id, 0);
    expect(log?.events).toEqual(longer.events);
    expect(log?.lastNumber).toBe(4);
    expect(await codeOf(store.appendEvents({ ...batch, firstNumber: 4 }))).toBe("conflict");
    expect((await store.readTurnLog("", opened.turn.id, 0))?.events.length).toBe(2);
  });
});
