// Turns whose process is gone: taken over with all that was saved, by one process only.

import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { newId } from "../src/id.ts";
import type { DeadTurn, Store } from "../src/store.ts";
import { createPostgresDatabase } from "./postgres.ts";
import { closeInput, entryFor, newSession, open, openInput, processId } from "./store-inputs.ts";
import { openTestStore, storeEngines } from "./stores.ts";

const successor = processId + 1;

describe.each(storeEngines)("recovery on %s", (_, openFixture) => {
  test("a dead turn comes with all that was saved of it, and the new process can close it", async () => {
    const { store, url } = await openFixture();
    const session = await newSession(store, { system: "be brief" });
    const first = await open(store, session.id);
    await store.closeTurn(closeInput(first, [], { memory: { from: 0, promptEstimate: 8, promptTokens: 9 } }));
    const opened = await open(store, session.id);
    const turnId = opened.turn.id;
    await store.appendEvents({
      turnId,
      firstNumber: 2,
      events: [{ type: "text-delta", text: "He" }],
      usageRaw: '{"n":1}',
      modelServed: "one-001",
    });
    await store.appendEvents({
      turnId,
      firstNumber: 3,
      events: [{ type: "text-delta", text: "llo" }],
      usageRaw: null,
      modelServed: null,
    });
    expect(await store.claimDeadTurns(processId, Date.now(), Date.now() + 1000, 10)).toEqual([]);
    await store.close();
    const next = await openTestStore(url, { processId: successor });
    const [dead, ...others] = await next.claimDeadTurns(successor, Date.now(), Date.now() + 60_000, 10);
    expect(others).toEqual([]);
    expect(dead).toEqual({
      owner: "",
      turn: { ...opened.turn, modelServed: "one-001" },
      ...{ memory: { branch: 0, position: 2, from: 0, promptEstimate: 8, promptTokens: 9 }, system: "be brief" },
      events: [
        { type: "text-delta", text: "He" },
        { type: "text-delta", text: "llo" },
      ],
      ...{ nextNumber: 4, usageRaw: '{"n":1}', modelServed: "one-001" },
    });
    expect(await next.closeTurn(closeInput(opened, [], { text: "late" }))).toBeUndefined();
    const end = closeInput(opened, [entryFor(opened.turn, 9n)], {
      processId: successor,
      status: "interrupted",
      text: "Hello",
      lastNumber: 4,
    });
    expect((await next.closeTurn(end))?.session).toMatchObject({ runningTurnId: null, cost: { total: 9n } });
    await next.close();
  });

  test("a turn without events, and one that waits for its bill, are claimed too, so many at a time", async () => {
    const { store, url } = await openFixture();
    const waiting = await open(store, (await newSession(store)).id);
    await store.closeTurn(closeInput(waiting, [], { status: "stopped", settled: false, lastNumber: 2 }));
    for (let i = 0; i < 4; i++) await open(store, (await newSession(store)).id);
    await store.close();
    const next = await openTestStore(url, { processId: successor });
    const claim = () => next.claimDeadTurns(successor, Date.now(), Date.now() + 60_000, 2);
    const claimed: DeadTurn[] = [...(await claim()), ...(await claim()), ...(await claim())];
    expect(claimed.length).toBe(5);
    expect(new Set(claimed.map(({ turn }) => turn.id)).size).toBe(5);
    expect(await claim()).toEqual([]);
    const unsettled = claimed.find(({ turn }) => turn.id === waiting.turn.id);
    expect(unsettled).toMatchObject({ turn: { status: "stopped", settled: false }, nextNumber: 3 });
    expect(claimed.filter(({ nextNumber, events }) => nextNumber === 2 && events.length === 0).length).toBe(4);
    expect(
      await next.settleTurn(waiting.turn.id, successor, [], null, { total: 0n, accuracy: "exact", unpricedTurns: 0 }),
    ).toBe(true);
    await next.close();
  });
});

describe("several processes on Postgres", () => {
  const openAs = (url: string, id: number) => openTestStore(url, { processId: id });
  const claim = (store: Store, id: number, limit = 100) =>
    store.claimDeadTurns(id, Date.now(), Date.now() + 60_000, limit);

  test("the turns of a process that lives are not claimed while its lease holds, and are when it has run out", async () => {
    const url = await createPostgresDatabase();
    const [mine, other] = [await openAs(url, 1), await openAs(url, 2)];
    const [short, long] = [await newSession(mine), await newSession(mine)];
    const expired = await mine.openTurn(openInput(short.id, { processId: 1, leaseUntil: Date.now() - 1 }));
    await mine.openTurn(openInput(long.id, { processId: 1 }));
    const dead = await claim(other, 2);
    expect(dead.map(({ turn }) => turn.sessionId)).toEqual([short.id]);
    if (expired.kind === "opened") {
      const batch = { turnId: expired.turn.id, firstNumber: 2, events: [], usageRaw: null, modelServed: null };
      await expect(mine.appendEvents(batch)).rejects.toMatchObject({ code: "conflict" });
      expect(await mine.closeTurn(closeInput(expired, [], { processId: 1 }))).toBeUndefined();
    }
    const { runningTurnId } = (await mine.findSession("", long.id))!;
    await mine.renewLease(1, [newId(), short.id], Date.now() - 1);
    expect(await claim(other, 2)).toEqual([]);
    await mine.renewLease(1, [runningTurnId!], Date.now() - 1);
    expect((await claim(other, 2)).map(({ turn }) => turn.sessionId)).toEqual([long.id]);
    await Promise.all([mine.close(), other.close()]);
  });

  test("a process finds a turn of its own that it does not know of, once nobody has renewed its lease", async () => {
    const url = await createPostgresDatabase();
    const mine = await openAs(url, 1);
    const [known, lost] = [await open(mine, (await newSession(mine)).id, { processId: 1 }), await newSession(mine)];
    await mine.openTurn(openInput(lost.id, { processId: 1, leaseUntil: Date.now() - 1 }));
    await mine.renewLease(1, [known.turn.id], Date.now() + 60_000);
    expect((await claim(mine, 1)).map(({ turn }) => turn.sessionId)).toEqual([lost.id]);
    expect(await claim(mine, 1)).toEqual([]);
    await mine.close();
  });

  test("each dead turn goes to exactly one of many that claim at the same moment", async () => {
    const url = await createPostgresDatabase();
    const gone = await openAs(url, 1);
    for (let i = 0; i < 30; i++) await gone.openTurn(openInput((await newSession(gone)).id, { processId: 1 }));
    await gone.close();
    const stores = await Promise.all([2, 3, 4, 5].map((id) => openAs(url, id)));
    const claimed: DeadTurn[] = [];
    for (let round = 0; round < 30 && claimed.length < 30; round++)
      for (const dead of await Promise.all(stores.map((store, index) => claim(store, index + 2, 3))))
        claimed.push(...dead);
    expect(new Set(claimed.map(({ turn }) => turn.id)).size).toBe(30);
    expect(claimed.length).toBe(30);
    await Promise.all(stores.map((store) => store.close()));
  });

  test("a process that is killed is known to be gone at once, long before its lease runs out", async () => {
    const url = await createPostgresDatabase();
    const store = await openAs(url, 2);
    const session = await newSession(store);
    const child = spawn(process.execPath, [join(import.meta.dirname, "store-child.ts"), "open", url, session.id], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [opened] = await once(child.stdout, "data");
    expect(await claim(store, 2)).toEqual([]);
    child.kill("SIGKILL");
    await once(child, "exit");
    let dead: DeadTurn[] = [];
    for (const giveUp = Date.now() + 5_000; dead.length === 0 && Date.now() < giveUp; ) dead = await claim(store, 2);
    expect(dead.map(({ turn }) => turn.id)).toEqual([String(opened).trim()]);
    await store.close();
  });
});
