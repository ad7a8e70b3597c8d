// Purges that nobody waits for: what a crash left half done, what has been in the trash for too long, what other processes remember.

import { afterAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { commandCaller } from "../src/caller/caller.ts";
import { Eraser } from "../src/conversation/eraser.ts";
import { Memories } from "../src/conversation/memories.ts";
import { PrintedPath } from "../src/conversation/path.ts";
import { noLog } from "../src/log.ts";
import type { Store } from "../src/store.ts";
import { type AnswerBody, call, eventually, type SessionBody } from "./client.ts";
import { testClock } from "./clock.ts";
import { createSqliteFile, engines, postgresEngine } from "./engines.ts";
import { findWord, newWord, waitUntilGone } from "./find-word.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";
import { closeInput, entryFor, newSession, open, processId } from "./store-inputs.ts";
import { openTestStore } from "./stores.ts";

const day = 86_400_000;
const stopped: HttpServer[] = [];
afterAll(async () => {
  for (const server of stopped) await server.stop();
});
async function start(options: Parameters<typeof startHttp>[0]): Promise<HttpServer> {
  const server = await startHttp(options);
  stopped.push(server);
  return server;
}

async function fill(store: Store, id: string, turns: number, word: string): Promise<void> {
  for (let n = 0; n < turns; n++) {
    const opened = await open(store, id, { content: `${word} ${n}` });
    await store.closeTurn(closeInput(opened, [entryFor(7n)], { text: `${word} answer ${n}` }));
  }
}

const by = { project: "", keyId: null };
const newEraser = (store: Store, more: Partial<ConstructorParameters<typeof Eraser>[0]> = {}) =>
  new Eraser({
    ...{ store, log: noLog, now: Date.now, trashMs: null, shared: false },
    memories: { forget: () => {}, listKept: () => [] },
    endTurn: async () => {},
    times: { sweepMs: 1e9, forgetMs: 1e9 },
    ...more,
  });

describe.each(engines)("on %s", (name, createDatabase) => {
  test("a purge that is killed in the middle is finished by the next process, and the books are whole", async () => {
    const url = await createDatabase();
    const store = await openTestStore(url);
    const session = await newSession(store, { title: "zephyrous title" });
    await fill(store, session.id, 200, "zephyrous");
    const before = await store.sumBooks();
    await store.close();
    const script = join(import.meta.dirname, "store-child.ts");
    const child = spawn(process.execPath, [script, "purge", url, session.id], { stdio: ["ignore", "pipe", "inherit"] });
    for await (const line of child.stdout) if (String(line).includes("begun")) break;
    child.kill("SIGKILL");
    await once(child, "exit");
    const again = await openTestStore(url);
    expect(await again.findSession("", session.id)).toBeUndefined();
    expect(await again.listBegunPurges(10)).toHaveLength(1);
    await newEraser(again).sweep();
    expect(await again.listBegunPurges(10)).toEqual([]);
    expect(await again.sumBooks()).toEqual(before);
    expect((await again.searchSessions("", "zephyrous", { limit: 5, deleted: true })).data).toEqual([]);
    if (name !== "SQLite") return;
    const files = ["", "-wal"].map((end) => `${url.slice("sqlite:".length)}${end}`);
    await eventually(
      async () => files.filter((file) => readFileSync(file).includes("ephyrous")),
      (places) => places.length === 0,
    );
  }, 180_000);

  test("of deleted versions whose time is over the words go step by step, and none stays where the session is purged meanwhile", async () => {
    const url = await createDatabase();
    const store = await openTestStore(url);
    const { id } = await newSession(store, { title: "t" });
    const [kept, gone] = [newWord(), newWord()];
    const first = await open(store, id, { content: `${kept} x` });
    await store.closeTurn(closeInput(first, [entryFor(7n)], { text: `${kept} x` }));
    const second = await open(store, id, { content: `${gone} x`, parentId: null });
    await store.closeTurn(closeInput(second, [entryFor(7n)], { text: `${gone} x` }));
    await fill(store, id, 150, gone);
    await store.removeVersion("", id, second.userMessage.id, 1_000);
    expect(await store.beginVersionPurges(999, 3_000)).toEqual([]);
    expect(await store.beginVersionPurges(1_000, 3_000)).toEqual([id]);
    expect(await store.beginVersionPurges(1_000, 3_000)).toEqual([]);
    const [row] = await store.listBegunPurges(10);
    let steps = 1;
    while (!(await store.purgeSome(row!))) steps++;
    expect(steps).toBe(3);
    expect(await store.listBegunPurges(10)).toEqual([]);
    await waitUntilGone(url, gone);
    expect((await findWord(url, kept)).length).toBeGreaterThan(0);
    // Another one, and the session after its first step: from its first turn on all of it goes.
    const third = await open(store, id, { content: `${gone} x`, parentId: null });
    await store.closeTurn(closeInput(third, [entryFor(7n)], { text: `${gone} x` }));
    await fill(store, id, 150, gone);
    await store.removeVersion("", id, third.userMessage.id, 2_000);
    await store.beginVersionPurges(2_000, 3_000);
    expect(await store.purgeSome(row!)).toBe(false);
    await newEraser(store).purge(by, id);
    for (const word of [kept, gone]) await waitUntilGone(url, word);
    expect((await store.sumBooks()).turnsTotal).toBe(7n * 303n);
  }, 180_000);

  test("a version that is restored in the moment its time is over has all its words, or is gone", async () => {
    const store = await openTestStore(await createDatabase());
    const { id } = await newSession(store);
    await fill(store, id, 1, "kept");
    const seen = new Set<unknown>();
    for (let round = 0; round < 20; round++) {
      const opened = await open(store, id, { content: `other ${round}`, parentId: null });
      await store.closeTurn(closeInput(opened, [entryFor(7n)], { text: "words" }));
      const { id: messageId } = opened.userMessage;
      await store.removeVersion("", id, messageId, 1_000);
      const restore = () => store.restoreVersion("", id, messageId, 2_000).catch(({ code }) => code);
      const sweep = () => newEraser(store, { trashMs: 1, now: () => 1_001 }).sweep();
      const [first, second] = round % 2 ? [restore, sweep] : [sweep, restore];
      await Promise.all([first(), second()]);
      const messages = await store.findTurnMessages("", opened.turn.id);
      seen.add(messages?.reply.content);
    }
    expect([...seen].every((content) => content === undefined || content === "words")).toBe(true);
  });

  test("a deleted version keeps its words while a turn of its session waits for its bill", async () => {
    const store = await openTestStore(await createDatabase());
    const { id } = await newSession(store);
    const first = await open(store, id);
    await store.closeTurn(closeInput(first, [entryFor(7n)]));
    const second = await open(store, id, { content: "other", parentId: null });
    await store.closeTurn(closeInput(second, [], { settled: false }));
    await store.removeVersion("", id, second.userMessage.id, 1_000);
    expect(await store.beginVersionPurges(1_000, 3_000)).toEqual([]);
    await store.settleTurn(second.turn.id, processId, [entryFor(7n)]);
    expect(await store.beginVersionPurges(1_000, 3_000)).toEqual([id]);
  });

  test("a version that is purged is deleted at once, and keeps its words until its own bill has come; nobody waits for another's", async () => {
    const store = await openTestStore(await createDatabase());
    const { id } = await newSession(store);
    const first = await open(store, id);
    await store.closeTurn(closeInput(first, [entryFor(7n)]));
    const versions = [];
    for (const content of ["other", "third"]) {
      versions.push(await open(store, id, { content, parentId: null }));
      await store.closeTurn(closeInput(versions.at(-1)!, [], { settled: false }));
    }
    const [second, third] = versions as [(typeof versions)[0], (typeof versions)[0]];
    const asked = { by, id, messageId: second.userMessage.id, at: 1_000, ifVersion: undefined };
    const { version } = (await store.findSession("", id))!;
    expect(await store.beginVersionPurge({ ...asked, ifVersion: version })).toEqual({
      kind: "busy",
      turnId: second.turn.id,
    });
    expect(await store.findTurnMessages("", second.turn.id)).toBeUndefined();
    const ended: string[] = [];
    const endTurn = async (_project: string, turnId: string) => {
      ended.push(turnId);
      await store.settleTurn(turnId, processId, [entryFor(7n)]);
    };
    await newEraser(store, { endTurn }).purgeVersion(by, id, second.userMessage.id);
    expect(ended).toEqual([second.turn.id]);
    expect((await store.beginVersionPurge(asked)).kind).toBe("gone");
    expect((await store.findTurnMessages("", third.turn.id))!.userMessage.content).toBe("third");
  });

  test("a version that is purged, restored and purged at the same moment is gone, and the audit has one line of it", async () => {
    const store = await openTestStore(await createDatabase());
    const { id } = await newSession(store);
    await fill(store, id, 1, "kept");
    for (let round = 0; round < 10; round++) {
      const opened = await open(store, id, { content: `other ${round}`, parentId: null });
      await store.closeTurn(closeInput(opened, [entryFor(7n)], { text: "words" }));
      const { id: messageId } = opened.userMessage;
      if (round % 2) await store.removeVersion("", id, messageId, 1_000);
      const eraser = newEraser(store);
      await Promise.all([
        eraser.purgeVersion(by, id, messageId),
        store.restoreVersion("", id, messageId, 2_000).catch(() => {}),
        eraser.purgeVersion(by, id, messageId),
        eraser.sweep(),
      ]);
      expect(await store.findTurnMessages("", opened.turn.id)).toBeUndefined();
      const lines = (await store.listAudit(commandCaller, { limit: 100, action: "version.purged" })).data;
      expect(lines.filter(({ target }) => target === messageId)).toHaveLength(1);
    }
    expect(await store.listBegunPurges(10)).toEqual([]);
  });

  test("versions whose time is over are told to the audit by project, what went at once as one", async () => {
    const store = await openTestStore(await createDatabase());
    const counts = { one: 3, two: 1 };
    const ids: string[] = [];
    const forgotten: string[] = [];
    const memories = { forget: (id: string) => void forgotten.push(id), listKept: () => [] };
    for (const [project, count] of Object.entries(counts)) {
      const { id } = await newSession(store, {}, project);
      ids.push(id);
      const say = async (content: string, parentId: string | null) => {
        const opened = await open(store, id, { owner: project, content, parentId });
        await store.closeTurn({ ...closeInput(opened, [entryFor(7n)], { text: "words" }), owner: project });
        return opened;
      };
      await say("kept", null);
      for (let n = 0; n < count; n++) {
        const { turn, userMessage } = await say(`other ${n}`, null);
        for (const content of ["a", "b"]) await say(content, turn.replyMessageId); // a branch of its own
        await store.removeVersion(project, id, userMessage.id, 1_000);
      }
    }
    for (let again = 0; again < 2; again++) await newEraser(store, { memories, trashMs: 1, now: () => 1_001 }).sweep();
    expect(forgotten.sort()).toEqual(ids.sort());
    const lines = (await store.listAudit(commandCaller, { limit: 9, action: "versions.swept" })).data;
    expect(Object.fromEntries(lines.map(({ project, count }) => [project, count]))).toEqual(counts);
    for (const line of lines) expect(line).toMatchObject({ keyId: null, target: null, at: 1_001 });
    expect(lines).toHaveLength(2);
  });

  test("a person's erasure that is cut off goes on where it ended, and each session is counted once", async () => {
    const store = await openTestStore(await createDatabase());
    const count = 230;
    for (let n = 0; n < count; n++) await newSession(store, { user: "Iryna" });
    const first = newEraser(store, { log: { ...noLog, info: () => void first.stop() } }); // at the first word of progress
    expect(await first.erasePerson(by, "Iryna").catch(({ code }) => code)).toBe("draining");
    const left = await store.listPurgeable({ project: "", user: "Iryna" }, 1_000);
    expect(left.length).toBeGreaterThan(0);
    expect(left.length).toBeLessThan(count);
    expect((await newEraser(store).erasePerson(by, "Iryna")).sessions).toBe(left.length);
    const lines = (await store.listAudit(commandCaller, { limit: 100, action: "user.erased" })).data;
    expect(lines.reduce((sum, line) => sum + line.count, 0)).toBe(count);
  }, 180_000);

  test("nobody gets rid of their own budget: it goes with the name only where whoever manages the project says so", async () => {
    const store = await openTestStore(await createDatabase());
    const scope = { project: "", scope: "user:Iryna" };
    await store.putBudgets(scope, [{ window: "day", limit: 5n, models: null, names: null }], null, null, 1);
    const page = { project: "", global: false, scopes: null, limit: 5, at: 1 };
    const left = async () => (await store.listBudgets(page)).data.length;
    expect(await left()).toBe(1);
    await newEraser(store).erasePerson(by, "Iryna");
    expect(await left()).toBe(1);
    await newEraser(store).erasePerson({ ...by, manages: true }, "Iryna");
    expect(await left()).toBe(0);
  });

  test("what is in the trash for TRASH_DAYS is purged, and nothing else", async () => {
    const databaseUrl = await createDatabase();
    let offset = 0;
    const now = () => testClock() + offset;
    const server = await start({ databaseUrl, now, settings: { TRASH_DAYS: "3" } });
    const make = async () => (await call<SessionBody>(`${server.url}/sessions`, "POST", { title: "t" })).body.id;
    const status = async (id: string) => (await call(`${server.url}/sessions/${id}`, "GET")).status;
    const trash = (id: string) => call(`${server.url}/sessions/${id}`, "DELETE");
    const [kept, old, back, late] = [await make(), await make(), await make(), await make()];
    for (const id of [old, back]) await trash(id);
    offset = 2 * day;
    await trash(late);
    await call(`${server.url}/sessions/${back}/restore`, "POST");
    await server.eraser.sweep();
    for (const id of [kept, old, back, late]) expect(await status(id)).toBe(200);
    offset = 3 * day + 1_000;
    await server.eraser.sweep();
    expect([await status(old), await status(kept), await status(back), await status(late)]).toEqual([
      404, 200, 200, 200,
    ]);
    const lines = (await server.store.listAudit(commandCaller, { limit: 9, action: "trash.swept" })).data;
    expect(lines.map(({ project, keyId, target, count }) => ({ project, keyId, target, count }))).toEqual([
      { project: "default", keyId: null, target: null, count: 1 },
    ]);
  });
});

test("with TRASH_DAYS=0 the trash keeps what is in it", async () => {
  let offset = 0;
  const server = await start({ now: () => testClock() + offset, settings: { TRASH_DAYS: "0" } });
  const { id } = (await call<SessionBody>(`${server.url}/sessions`, "POST", {})).body;
  await call(`${server.url}/sessions/${id}`, "DELETE");
  offset = 10_000 * day;
  await server.eraser.sweep();
  expect((await call(`${server.url}/sessions/${id}`, "GET")).status).toBe(200);
});

test("several processes sweep one Postgres: each session and each version is purged once, and all are", async () => {
  const databaseUrl = await postgresEngine.createDatabase();
  const stores = [await openTestStore(databaseUrl), await openTestStore(databaseUrl, { processId: processId + 1 })];
  const [store] = stores as [Store, Store];
  for (let n = 0; n < 150; n++) {
    const { id } = await newSession(store, { title: `t${n}` });
    if (n < 10) await fill(store, id, 1, "word");
    await store.trashSession("", id, 5);
  }
  for (let n = 0; n < 20; n++) {
    const { id } = await newSession(store);
    await fill(store, id, 1, "word");
    const opened = await open(store, id, { content: "other", parentId: null });
    await store.closeTurn(closeInput(opened, [entryFor(7n)]));
    await store.removeVersion("", id, opened.userMessage.id, 5);
  }
  await Promise.all(stores.map((one) => newEraser(one, { trashMs: 0, shared: true }).sweep()));
  expect(await store.listPurgeable({ trashedBefore: Date.now() }, 10)).toEqual([]);
  expect(await store.listBegunPurges(10)).toEqual([]);
  const lines = (await store.listAudit(commandCaller, { limit: 100, action: "trash.swept" })).data;
  expect(lines.reduce((sum, { count }) => sum + count, 0)).toBe(150);
  const versions = (await store.listAudit(commandCaller, { limit: 100, action: "versions.swept" })).data;
  expect(versions.reduce((sum, { count }) => sum + count, 0)).toBe(20);
}, 180_000);

test("what another process has purged is not remembered here for longer", async () => {
  const databaseUrl = await postgresEngine.createDatabase();
  const [store, other] = [await openTestStore(databaseUrl), await openTestStore(databaseUrl, { processId: 2 })];
  const memories = new Memories(store, (question) => question, 1_000_000);
  const [purged, kept, less] = [await newSession(store), await newSession(store), await newSession(store)];
  await fill(store, less.id, 1, "word");
  const version = await open(store, less.id, { content: "other", parentId: null });
  await store.closeTurn(closeInput(version, [entryFor(7n)]));
  for (const { id } of [purged, kept, less])
    memories.keep("", (await store.peekSession("", id))!, new PrintedPath(0, "one", (question) => question));
  const eraser = newEraser(store, { memories, shared: true, times: { sweepMs: 1e9, forgetMs: 10 } });
  eraser.begin();
  await newEraser(other).purge(by, purged.id);
  await newEraser(other).purgeVersion(by, less.id, version.userMessage.id);
  await eventually(
    async () => memories.listKept(),
    (ids) => ids.length === 1,
  );
  expect(memories.listKept()).toEqual([kept.id]);
  await eraser.stop();
});

test("words that were changed long before the first purge are in no free page either", async () => {
  const url = await createSqliteFile();
  const server = await start({ databaseUrl: url });
  const { id } = (await call<SessionBody>(`${server.url}/sessions`, "POST", { system: "xylophonic ".repeat(4_000) }))
    .body;
  await call(`${server.url}/sessions/${id}`, "PATCH", { system: "short" });
  await call<AnswerBody>(`${server.url}/sessions/${id}/messages`, "POST", { content: "hi" });
  const file = url.slice("sqlite:".length);
  const places = async () => ["", "-wal"].filter((end) => readFileSync(file + end).includes("xylophonic"));
  expect((await places()).length).toBeGreaterThan(0);
  expect((await call(`${server.url}/sessions/${id}?purge=true`, "DELETE")).status).toBe(204);
  await eventually(places, (found) => found.length === 0);
});
