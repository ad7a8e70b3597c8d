// Sessions in the store: whose they are, their pages, their versions, the trash.

import { beforeAll, describe, expect, test } from "bun:test";
import { newId } from "../src/id.ts";
import type { SessionPage, Store } from "../src/store.ts";
import { newSession, noFields, open, speak } from "./store-inputs.ts";
import { codeOf, storeEngines } from "./stores.ts";

describe.each(storeEngines)("sessions on %s", (_, openFixture) => {
  let store: Store;
  beforeAll(async () => {
    ({ store } = await openFixture());
  });

  test("a session is found as it was made, and by its owner only", async () => {
    const fields = {
      title: "Тест 🎉",
      model: "m",
      system: "Be\nkind",
      params: { temperature: 0.5, stop: ["x"] },
      metadata: { a: 1, b: null, c: true },
    };
    const made = await store.createSession("alice", newId(), fields, 123);
    expect(made).toMatchObject({
      ...fields,
      messageCount: 0,
      createdAt: 123,
      updatedAt: 123,
      deletedAt: null,
      runningTurnId: null,
      version: 1,
    });
    expect(made.cost).toEqual({ total: 0n, accuracy: "exact", unpricedTurns: 0 });
    expect(await store.findSession("alice", made.id)).toEqual(made);
    expect(await store.findSession("bob", made.id)).toBeUndefined();
    expect(await store.findSession("", made.id)).toBeUndefined();
  });

  test("the same idempotency key makes one session, also at the same moment; with another body it is refused", async () => {
    const idempotency = { key: "k", bodyHash: "h", expiresAt: Date.now() + 60_000 };
    const make = () => store.createSession("idem", newId(), noFields, Date.now(), idempotency);
    const made = await Promise.all([make(), make(), make(), make()]);
    expect(new Set(made.map((session) => session.id)).size).toBe(1);
    expect((await store.listSessions("idem", { limit: 10, deleted: false })).data.length).toBe(1);
    expect(
      await codeOf(store.createSession("idem", newId(), noFields, Date.now(), { ...idempotency, bodyHash: "other" })),
    ).toBe("idempotency_mismatch");
    const other = await store.createSession("idem2", newId(), noFields, Date.now(), idempotency);
    expect(other.id).not.toBe(made[0]!.id);
  });

  test("an expired idempotency key is as good as new", async () => {
    const now = Date.now();
    const used = await store.createSession("old", newId(), noFields, now, {
      key: "k",
      bodyHash: "h",
      expiresAt: now + 10,
    });
    const again = await store.createSession("old", newId(), noFields, now + 11, {
      key: "k",
      bodyHash: "other",
      expiresAt: now + 90_000,
    });
    expect(again.id).not.toBe(used.id);
    expect(await store.findIdempotent("old", { key: "k", bodyHash: "other", expiresAt: 0 })).toEqual({
      targetId: again.id,
    });
    expect(await store.findIdempotent("old", { key: "none", bodyHash: "h", expiresAt: 0 })).toBeUndefined();
    expect(await store.findIdempotent("else", { key: "k", bodyHash: "other", expiresAt: 0 })).toBeUndefined();
  });

  test("pages list every session once, newest first, forwards and backwards", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) ids.unshift((await newSession(store, {}, "pager")).id);
    const list = async (page: { after?: string; before?: string }) => {
      const { data, hasMore } = await store.listSessions("pager", { limit: 3, deleted: false, ...page });
      return [...data.map((session) => ids.indexOf(session.id)), hasMore];
    };
    expect(await list({})).toEqual([0, 1, 2, true]);
    expect(await list({ after: ids[2]! })).toEqual([3, 4, 5, true]);
    expect(await list({ after: ids[5]! })).toEqual([6, false]);
    expect(await list({ after: ids[6]! })).toEqual([false]);
    expect(await list({ before: ids[5]! })).toEqual([2, 3, 4, true]);
    expect(await list({ before: ids[3]! })).toEqual([0, 1, 2, false]);
    expect(await list({ after: ids[1]!, before: ids[4]! })).toEqual([2, 3, false]);
    await store.trashSession("pager", ids[2]!, 5);
    expect(await list({ after: ids[2]! })).toEqual([3, 4, 5, true]);
  });

  test("a cursor that is no id of ours is not_found", async () => {
    for (const after of ["", "x", "'; DROP TABLE session; --", "\0", "00000000-0000-4000-8000-000000000000"])
      expect(await codeOf(store.listSessions("", { limit: 3, deleted: false, after }))).toBe("not_found");
  });

  test("a change moves the version by one and leaves the rest alone", async () => {
    const made = await newSession(store, { title: "a", system: "s", metadata: { k: 1 } });
    const changed = await store.updateSession("", made.id, { title: null, params: { top_k: 3 } }, 777);
    expect(changed).toEqual({ ...made, title: null, params: { top_k: 3 }, version: 2, updatedAt: 777 });
    expect(await store.findSession("", made.id)).toEqual(changed);
  });

  test("a change for another version, another owner or no session is refused and changes nothing", async () => {
    const made = await newSession(store);
    expect(await codeOf(store.updateSession("", made.id, { title: "x" }, 1, 2))).toBe("version_mismatch");
    expect(await codeOf(store.trashSession("", made.id, 1, 9))).toBe("version_mismatch");
    expect(await codeOf(store.updateSession("bob", made.id, { title: "x" }, 1))).toBe("not_found");
    expect(await codeOf(store.updateSession("bob", made.id, { title: "x" }, 1, 2))).toBe("not_found");
    expect(await codeOf(store.trashSession("bob", made.id, 1))).toBe("not_found");
    expect(await codeOf(store.restoreSession("bob", made.id, 1))).toBe("not_found");
    expect(await codeOf(store.trashSession("", newId(), 1))).toBe("not_found");
    expect(await store.findSession("", made.id)).toEqual(made);
    expect((await store.updateSession("", made.id, { title: "x" }, 1, 1)).version).toBe(2);
  });

  test("of many changes for the same version exactly one happens", async () => {
    const made = await newSession(store);
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => store.updateSession("", made.id, { title: `t${i}` }, 1, 1)),
    );
    expect(results.filter((result) => result.status === "fulfilled").length).toBe(1);
    expect((await store.findSession("", made.id))?.version).toBe(2);
  });

  test("a session in the trash is listed there only, takes no message, and comes back whole", async () => {
    const made = await newSession(store, { title: "bin me" }, "bin");
    await speak(store, made.id, "q", "a", { owner: "bin" });
    const trashed = await store.trashSession("bin", made.id, 50);
    expect(trashed.deletedAt).toBe(50);
    expect(await store.trashSession("bin", made.id, 60)).toEqual(trashed);
    expect((await store.listSessions("bin", { limit: 9, deleted: false })).data).toEqual([]);
    expect((await store.listSessions("bin", { limit: 9, deleted: true })).data).toEqual([trashed]);
    expect(await codeOf(open(store, made.id, { owner: "bin" }))).toBe("conflict");
    const restored = await store.restoreSession("bin", made.id, 70);
    expect(restored).toEqual({ ...trashed, deletedAt: null, updatedAt: 70, version: trashed.version + 1 });
    expect(await store.restoreSession("bin", made.id, 80)).toEqual(restored);
    expect((await store.listMessages("bin", made.id, { limit: 9, order: "asc" })).data.length).toBe(2);
    await open(store, made.id, { owner: "bin" });
  });

  test("text that no database likes comes back readable, and never breaks a query", async () => {
    const made = await newSession(store, { title: "a\0b", system: "\ud800 half", metadata: { "k\0": "v\0\ud800" } });
    expect(made.title).toBe("a\ufffdb");
    expect(made.system).toBe("\ufffd half");
    expect(made.metadata).toEqual({ "k\0": "v\0\ud800" });
    expect(await store.findSession("", made.id)).toEqual(made);
    expect(await store.findSession("\0", "\0")).toBeUndefined();
    expect(await store.findTurn("", "' OR 1=1 --\0")).toBeUndefined();
    expect(await codeOf(store.listMessages("", made.id, { limit: 1, order: "asc", after: "\0" }))).toBe("not_found");
  });

  test("the list is in the order of the last message; a change of the title or a pin moves nothing", async () => {
    const owner = "activity";
    const [first, second, third] = [
      await newSession(store, {}, owner),
      await newSession(store, {}, owner),
      await newSession(store, {}, owner),
    ];
    const list = async (page: Partial<SessionPage> = {}) => {
      const { data, hasMore } = await store.listSessions(owner, { limit: 2, deleted: false, ...page });
      return [...data.map(({ id }) => [first, second, third].findIndex((one) => one.id === id) + 1), hasMore];
    };
    expect(await list()).toEqual([3, 2, true]);
    await speak(store, first.id, "q", "a", { owner, at: Date.now() + 1_000 });
    await store.updateSession(owner, second.id, { title: "renamed", pinned: true }, Date.now() + 2_000);
    expect(await list()).toEqual([1, 3, true]);
    expect(await list({ after: third.id })).toEqual([2, false]);
    expect(await list({ before: second.id })).toEqual([1, 3, false]);
    expect(await list({ order: "created" })).toEqual([3, 2, true]);
    expect(await list({ pinned: true })).toEqual([2, false]);
    expect(await list({ pinned: false })).toEqual([1, 3, false]);
    expect((await store.findSession(owner, second.id))?.pinned).toBe(true);
  });

  test("pages show what does not move once, however much moves between them", async () => {
    const owner = "moving";
    const made: string[] = [];
    for (let i = 0; i < 9; i++) made.unshift((await newSession(store, {}, owner)).id);
    const still = new Set(made.filter((_, index) => index % 3 !== 2));
    const seen: string[] = [];
    let cursor: { after: string; at: number } | undefined;
    for (let time = 1; ; time++) {
      const { data, hasMore } = await store.listSessions(owner, { limit: 3, deleted: false, ...cursor });
      seen.push(...data.map(({ id }) => id));
      const last = data.at(-1)!;
      cursor = { after: last.id, at: last.activeAt };
      if (!hasMore) break;
      // The very session that the next page begins after goes to the top.
      await speak(store, last.id, "q", "a", { owner, at: Date.now() + time * 1_000 });
    }
    expect(seen.filter((id) => still.has(id))).toEqual([...still]);
    expect(new Set(seen).size).toBe(seen.length);
  });

  test("the trash is in the order in which it was filled", async () => {
    const owner = "filled";
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push((await newSession(store, {}, owner)).id);
    for (const [index, at] of [3, 1, 2].entries()) await store.trashSession(owner, ids[index]!, at);
    const page = { limit: 2, deleted: true };
    const { data } = await store.listSessions(owner, page);
    expect(data.map(({ id }) => id)).toEqual([ids[0]!, ids[2]!]);
    const rest = await store.listSessions(owner, { ...page, after: ids[2]!, at: 2 });
    expect(rest.data.map(({ id }) => id)).toEqual([ids[1]!]);
  });
});
