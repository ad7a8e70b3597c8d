// What a process remembers of keys: bounded, never older than half a second and a read, and never wrong for being read at a bad moment.

import { describe, expect, test } from "bun:test";
import { commandCaller } from "../src/caller/caller.ts";
import type { CallerStore } from "../src/caller/caller-store.ts";
import { type FoundKey, hashSecret, makeSecret } from "../src/caller/key.ts";
import { KeyRing } from "../src/caller/key-ring.ts";
import { newId } from "../src/id.ts";
import { makeKey } from "./callers.ts";
import { eventually } from "./client.ts";
import { storeEngines } from "./stores.ts";

/** The store with its questions counted, and one that can be held up. */
function watch(store: CallerStore) {
  const asked = { versions: 0, keys: 0 };
  let held: Promise<void> | undefined;
  const watched: CallerStore = Object.assign(Object.create(store), {
    readCallerVersion() {
      asked.versions++;
      return store.readCallerVersion();
    },
    async findKeyByHash(hash: string) {
      asked.keys++;
      const found = await store.findKeyByHash(hash);
      await held;
      return found;
    },
  });
  const hold = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    held = promise;
    return () => {
      held = undefined;
      resolve();
    };
  };
  return { asked, watched, hold };
}

describe.each(storeEngines)("the ring of keys on %s", (_name, openFixture) => {
  test("a known key is read once, and a dummy once, however often they are shown", async () => {
    const { store } = await openFixture();
    const { asked, watched } = watch(store);
    const ring = new KeyRing(watched, Date.now);
    const { secret, id } = await makeKey(store);
    const dummy = makeSecret();
    const began = performance.now();
    for (let n = 0; n < 1_000; n++) {
      expect((await ring.find(secret))?.key.id).toBe(id);
      expect(await ring.find(dummy)).toBeNull();
    }
    const checks = 1 + Math.floor((performance.now() - began) / 500);
    expect(asked.keys).toBe(2);
    expect(asked.versions).toBeLessThanOrEqual(checks);
    expect(ring.find(secret)).not.toBeInstanceOf(Promise); // no promise, no wait
  });

  test("a key and its limits are made, changed and refused together: neither is there without the other", async () => {
    const { store } = await openFixture();
    const { id, project } = await makeKey(store);
    const ofKey = async () => (await store.listKeyLimits([id])).get(id)?.map(({ limit }) => limit);
    const limit = (pico: bigint) => [{ window: "day" as const, limit: pico, models: null, names: null }];
    const tooMuch = limit(10n ** 30n); // more than a database holds
    const key = {
      project,
      name: "refused",
      scopes: ["chat" as const],
      user: null,
      models: null,
      expiresAt: null,
      metadata: {},
    };
    await expect(store.createKey(commandCaller, newId(), key, hashSecret(makeSecret()), 5, tooMuch)).rejects.toThrow();
    const { data } = await store.listKeys(commandCaller, { limit: 10 });
    expect(data.map(({ name }) => name)).not.toContain("refused");
    await store.updateKey(commandCaller, id, { name: "changed" }, limit(7n));
    await expect(store.updateKey(commandCaller, id, { name: "not so" }, tooMuch)).rejects.toThrow();
    expect([(await store.getKey(commandCaller, id)).name, await ofKey()]).toEqual(["changed", [7n]]);
  });

  test("all that come at once wait for one look at the version", async () => {
    const { store } = await openFixture();
    const { asked, watched } = watch(store);
    const ring = new KeyRing(watched, Date.now);
    const { secret } = await makeKey(store);
    await Promise.all(Array.from({ length: 100 }, () => ring.find(secret)));
    expect(asked.versions).toBe(1);
  });

  test("what was read before a change is not remembered after it", async () => {
    const { store } = await openFixture();
    const { watched, hold } = watch(store);
    const ring = new KeyRing(watched, Date.now);
    const { secret, id } = await makeKey(store);
    await ring.find(makeSecret()); // the version is known
    const letGo = hold();
    const early = ring.find(secret);
    await store.updateKey(commandCaller, id, { disabled: true });
    ring.forget();
    letGo();
    expect((await early)?.key.disabled).toBe(false); // it was so when it was asked
    expect((await ring.find(secret))?.key.disabled).toBe(true);
  });

  test("a change that another process makes is seen within a second", async () => {
    const { store } = await openFixture();
    const ring = new KeyRing(store, Date.now);
    const { secret, id } = await makeKey(store);
    expect((await ring.find(secret))?.key.disabled).toBe(false);
    await store.updateKey(commandCaller, id, { disabled: true });
    const seen = async () => (await ring.find(secret)) as FoundKey;
    await eventually(seen, ({ key }) => key.disabled, 5_000);
  });

  test("a database that does not answer lets nobody in for longer than that, and is asked again", async () => {
    const { store } = await openFixture();
    const { secret, id } = await makeKey(store);
    let broken = false;
    const failing: CallerStore = Object.assign(Object.create(store), {
      readCallerVersion: () => (broken ? Promise.reject(new Error("away")) : store.readCallerVersion()),
    });
    const ring = new KeyRing(failing, Date.now);
    await ring.find(secret);
    broken = true;
    const outcome = async () => {
      try {
        return (await ring.find(secret)) ? "in" : "out";
      } catch {
        return "failed";
      }
    };
    await eventually(outcome, (seen) => seen === "failed", 5_000);
    broken = false;
    expect((await ring.find(secret))?.key.id).toBe(id);
  });

  test("that a key was used is written down soon, also when it is never used again", async () => {
    const { store } = await openFixture();
    const { id } = await makeKey(store);
    const ring = new KeyRing(store, () => 4_711, 10);
    const usedAt = async () => (await store.getKey(commandCaller, id)).lastUsedAt;
    ring.noteUse(id);
    expect(await eventually(usedAt, (at) => at !== null)).toBe(4_711);
  });

  test("at the end of the process, too", async () => {
    const { store } = await openFixture();
    const { id } = await makeKey(store);
    const ring = new KeyRing(store, () => 4_711);
    ring.noteUse(id);
    await ring.close();
    expect((await store.getKey(commandCaller, id)).lastUsedAt).toBe(4_711);
  });
});
