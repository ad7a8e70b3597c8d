// Turns whose process is gone: taken over with all that was saved, by one process only.

import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import pg from "pg";
import { lifeLock } from "../src/database/postgres/life.ts";
import { newId } from "../src/id.ts";
import type { Store } from "../src/store.ts";
import { openLine } from "./line.ts";
import { createPostgresDatabase } from "./postgres.ts";
import { closeInput, entryFor, newSession, open, processId } from "./store-inputs.ts";
import { codeOf, openTestStore, storeEngines } from "./stores.ts";

const successor = processId + 1;
/** A lease that is over at once. */
const leaseMs = -1;

/** Claims, so many at a time, until there are `count`: on Postgres the server takes a moment to notice that a process is gone. */
async function claimAll(store: Store, id: number, count: number, atOnce = 100): Promise<string[]> {
  const claimed: string[] = [];
  for (const giveUp = Date.now() + 5_000; claimed.length < count && Date.now() < giveUp; ) {
    const ids = await store.claimDeadTurns(id, [], graceMs, atOnce);
    expect(ids.length).toBeLessThanOrEqual(atOnce);
    claimed.push(...ids);
    await store.renewLease(id, ids, 60_000);
  }
  return claimed;
}
/** How long a process must have shown itself before it takes anything over; the lease that it then takes. */
const graceMs = 10;

describe.each(storeEngines)("recovery on %s", (_, openFixture) => {
  test("a dead turn comes with all that was saved of it, and the new process can close it", async () => {
    const { store, url } = await openFixture();
    const session = await newSession(store, { system: "be brief" });
    const first = await open(store, session.id);
    await store.closeTurn(closeInput(first, [], { memory: { from: 0, promptEstimate: 8, promptTokens: 9 } }));
    const opened = await open(store, session.id, { leaseMs });
    const turnId = opened.turn.id;
    await store.appendEvents({
      turnId,
      firstNumber: 2,
      events: ["He"],
      usageRaw: '{"n":1}',
      counted: { search: { prompts: 1, queries: 2 }, maps: { prompts: 0 } },
      modelServed: "one-001",
    });
    await store.appendEvents({
      turnId,
      firstNumber: 3,
      events: ["llo"],
      usageRaw: null,
      modelServed: null,
    });
    const calls = [
      { at: 5, model: "one", status: 503, errorCode: "provider_unavailable" as const },
      { at: 6, model: "one", status: null, errorCode: null },
    ];
    await store.noteCalls(turnId, processId, calls);
    expect(await codeOf(store.noteCalls(turnId, successor, calls))).toBe("conflict");
    expect(await store.claimDeadTurns(processId, [turnId], 0, 10)).toEqual([]);
    await store.close();
    const next = await openTestStore(url, { processId: successor });
    const dead = await next.readDeadTurn(turnId);
    expect(await claimAll(next, successor, 1)).toEqual([turnId]);
    expect(dead).toEqual({
      owner: "",
      turn: { ...opened.turn, modelServed: "one-001" },
      question: opened.userMessage.content,
      memory: {
        ...{ session: opened.session.row, branch: 0, position: 1, from: 0 },
        ...{ promptEstimate: 8, promptTokens: 9 },
      },
      ...{ system: "be brief", calls },
      ...{ text: "Hello", thought: "", textEstimate: 2, thoughtEstimate: 0 },
      ...{ nextNumber: 4, usageRaw: '{"n":1}', modelServed: "one-001" },
      counted: { search: { prompts: 1, queries: 2 }, maps: { prompts: 0 } },
    });
    expect(await next.closeTurn(closeInput(opened, [], { text: "late" }))).toBeUndefined();
    const end = closeInput(opened, [entryFor(9n)], {
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
    const waiting = await open(store, (await newSession(store)).id, { leaseMs });
    await store.closeTurn(closeInput(waiting, [], { status: "stopped", settled: false, lastNumber: 2 }));
    for (let i = 0; i < 4; i++) await open(store, (await newSession(store)).id, { leaseMs });
    await store.close();
    const next = await openTestStore(url, { processId: successor });
    const ids = await claimAll(next, successor, 5, 2);
    expect([ids.length, new Set(ids).size]).toEqual([5, 5]);
    expect(await next.claimDeadTurns(successor, [], 60_000, 2)).toEqual([]);
    const claimed = await Promise.all(ids.map((id) => next.readDeadTurn(id)));
    const unsettled = claimed.find(({ turn }) => turn.id === waiting.turn.id);
    expect(unsettled).toMatchObject({ turn: { status: "stopped", settled: false }, nextNumber: 3 });
    expect(claimed.filter(({ nextNumber, text }) => nextNumber === 2 && text === "").length).toBe(4);
    expect(await next.settleTurn(waiting.turn.id, successor, [])).toBe(true);
    await next.close();
  });
});

describe("several processes on Postgres", () => {
  const openAs = (url: string, id: number) => openTestStore(url, { processId: id });
  const claim = (store: Store, id: number, limit = 100, known: string[] = []) =>
    store.claimDeadTurns(id, known, 0, limit);

  test("a turn is taken over when its process shows no life and its lease is over: neither is enough", async () => {
    const url = await createPostgresDatabase();
    const [mine, other] = [await openAs(url, 1), await openAs(url, 2)];
    const [over, runs] = [await newSession(mine), await newSession(mine)];
    const short = await open(mine, over.id, { processId: 1, leaseMs });
    const long = await open(mine, runs.id, { processId: 1 });
    expect(await claim(other, 2)).toEqual([]);
    await mine.close();
    expect(await claimAll(other, 2, 1)).toEqual([short.turn.id]);
    expect(await claim(other, 2)).toEqual([]);
    const again = await openAs(url, 1);
    const batch = { turnId: short.turn.id, firstNumber: 2, events: [], usageRaw: null, modelServed: null };
    await expect(again.appendEvents(batch)).rejects.toMatchObject({ code: "conflict" });
    expect(await again.closeTurn(closeInput(short, [], { processId: 1 }))).toBeUndefined();
    await again.renewLease(1, [newId(), short.turn.id], leaseMs);
    await again.renewLease(1, [long.turn.id], leaseMs);
    await again.close();
    expect(await claimAll(other, 2, 1)).toEqual([long.turn.id]);
    await other.close();
  });

  test("a lease is kept by the database's clock: a machine that is an hour behind or ahead changes nothing", async () => {
    const url = await createPostgresDatabase();
    const [mine, other] = [await openAs(url, 1), await openAs(url, 2)];
    for (const skewMs of [-3_600_000, 3_600_000])
      await open(mine, (await newSession(mine)).id, { processId: 1, at: Date.now() + skewMs });
    await mine.close();
    await until(() => isLockFree(url, 1));
    expect(await claim(other, 2)).toEqual([]);
    await other.close();
  });

  test("a line that broke is no death: while the lease runs the turn stays, and the life that comes back is believed", async () => {
    const url = await createPostgresDatabase();
    const line = await openLine(url);
    const [mine, other] = [await openAs(line.url, 1), await openAs(url, 2)];
    const { turn } = await open(mine, (await newSession(mine)).id, { processId: 1 });
    line.breakDown();
    await until(() => isLockFree(url, 1));
    expect(await claim(other, 2)).toEqual([]);
    line.mend();
    await until(async () => !(await isLockFree(url, 1)));
    await mine.renewLease(1, [turn.id], leaseMs);
    expect(await claim(other, 2)).toEqual([]);
    await mine.close();
    expect(await claimAll(other, 2, 1)).toEqual([turn.id]);
    await Promise.all([other.close(), line.close()]);
  });

  test("whoever was cut off itself takes nothing over until all have had the time to come back", async () => {
    const url = await createPostgresDatabase();
    const line = await openLine(url);
    const [gone, other] = [await openAs(url, 1), await openAs(line.url, 2)];
    const { turn } = await open(gone, (await newSession(gone)).id, { processId: 1, leaseMs });
    await gone.close();
    await until(() => isLockFree(url, 1));
    line.breakDown();
    await until(() => isLockFree(url, 2));
    line.mend();
    await until(async () => !(await isLockFree(url, 2)));
    expect(await other.claimDeadTurns(2, [], 60_000, 100)).toEqual([]);
    expect(await claimAll(other, 2, 1)).toEqual([turn.id]);
    await Promise.all([other.close(), line.close()]);
  });

  test("a process finds a turn of its own that it does not know of, once its lease is over", async () => {
    const url = await createPostgresDatabase();
    const mine = await openAs(url, 1);
    const [known, lost, fresh] = [await newSession(mine), await newSession(mine), await newSession(mine)];
    const mineKnown = await open(mine, known.id, { processId: 1, leaseMs });
    const mineLost = await open(mine, lost.id, { processId: 1, leaseMs });
    await open(mine, fresh.id, { processId: 1 });
    expect(await mine.claimDeadTurns(1, [mineKnown.turn.id], 60_000, 100)).toEqual([mineLost.turn.id]);
    expect(await claim(mine, 1, 100, [mineKnown.turn.id])).toEqual([]);
    await mine.close();
  });

  test("each dead turn goes to exactly one of many that claim at the same moment", async () => {
    const url = await createPostgresDatabase();
    const gone = await openAs(url, 1);
    for (let i = 0; i < 30; i++) await open(gone, (await newSession(gone)).id, { processId: 1, leaseMs });
    await gone.close();
    const stores = await Promise.all([2, 3, 4, 5].map((id) => openAs(url, id)));
    const claimed: string[] = [];
    for (let round = 0; round < 100 && claimed.length < 30; round++)
      for (const ids of await Promise.all(stores.map((store, index) => store.claimDeadTurns(index + 2, [], 1, 3)))) {
        claimed.push(...ids);
        for (const [index, store] of stores.entries()) await store.renewLease(index + 2, ids, 60_000);
      }
    expect(new Set(claimed).size).toBe(30);
    expect(claimed.length).toBe(30);
    await Promise.all(stores.map((store) => store.close()));
  });

  test("a process that is killed is known to be gone at once, and its turns are free when their lease is over", async () => {
    const url = await createPostgresDatabase();
    const store = await openAs(url, 2);
    const session = await newSession(store);
    const child = spawn(process.execPath, [join(import.meta.dirname, "store-child.ts"), "open", url, session.id], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [opened] = await once(child.stdout, "data");
    const turnId = String(opened).trim();
    await store.renewLease(99, [turnId], leaseMs);
    expect(await claim(store, 2)).toEqual([]);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await claimAll(store, 2, 1)).toEqual([turnId]);
    await store.close();
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const giveUp = Date.now() + 10_000; !(await condition()); )
    if (Date.now() > giveUp) throw new Error("it did not happen in 10 s");
}

async function isLockFree(url: string, id: number): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query("SELECT pg_try_advisory_lock($1, $2) AS free", lifeLock(id));
  await client.end();
  return rows[0].free;
}
