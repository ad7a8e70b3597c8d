// A title's calls in the store: begun once, booked once, taken over by one; and what a title is made of.

import { describe, expect, test } from "bun:test";
import { titleFrom } from "../src/conversation/session.ts";
import { cleanTitle, printExcerpts } from "../src/conversation/title.ts";
import type { EndTitle } from "../src/conversation/title-store.ts";
import { entryFor, newSession as makeSession, processId, speak } from "./store-inputs.ts";
import { codeOf, storeEngines } from "./stores.ts";

describe.each(storeEngines)("a title's calls in the store on %s", (_, openFixture) => {
  const begin = (session: number, turn: number, by: number, leaseMs = 60_000) => ({
    ...{ owner: "", session, turn, ifVersion: undefined, processId: by, leaseMs, promptEstimate: 40, at: 1_000 },
    ask: { model: "one", call: null, tokens: 512, leastTokens: 512 },
    calls: [{ at: 1_000, model: "one", status: null, errorCode: null }],
  });
  const end = (session: number, by: number, change: Partial<EndTitle> = {}): EndTitle => ({
    ...{ owner: "", session, processId: by, entries: [entryFor(7n, { purpose: "title" })], title: "Named", at: 2_000 },
    ...change,
  });

  async function prepare() {
    const { store } = await openFixture();
    const { id } = await makeSession(store);
    const { turn } = await speak(store, id, "Hello", "Hi!");
    const source = await store.readTitleSource("", id);
    return { store, id, turn, session: source!.session, row: source!.turn! };
  }

  test("are booked once, whoever books them; the one that comes late writes nothing", async () => {
    const { store, id, turn, session, row } = await prepare();
    await store.beginTitle(begin(session, row, 1));
    expect(await codeOf(store.beginTitle(begin(session, row, 2)))).toBe("conflict");
    const [mine, twice, foreign] = await Promise.all([
      store.endTitle(end(session, 1)),
      store.endTitle(end(session, 1)),
      store.endTitle(end(session, 2)),
    ]);
    expect([mine !== undefined, twice !== undefined].filter(Boolean)).toHaveLength(1);
    expect(foreign).toBeUndefined();
    const entries = await store.listEntries("", turn.id);
    expect(entries.map(({ attempt, purpose, total }) => [attempt, purpose, total])).toEqual([
      [1, "chat", 100n],
      [2, "title", 7n],
    ]);
    expect((await store.findTurn("", turn.id))!.cost!.total).toBe(107n);
    expect((await store.findSession("", id))!.title).toBe("Named");
  });

  test("that are made of words which are deleted meanwhile are booked, and give no title", async () => {
    const { store, id, turn, session, row } = await prepare();
    await speak(store, id, "Good morning", "Hi!", { parentId: null });
    await store.beginTitle(begin(session, row, 1));
    await store.removeVersion("", id, turn.userMessageId, 1_500);
    expect((await store.endTitle(end(session, 1)))?.session?.title).toBe("Good morning");
    expect((await store.findSession("", id))!.title).toBe("Good morning");
    expect(await store.listEntries("", turn.id)).toHaveLength(2);
  });

  test("that are made of words which were deleted just before are booked, and give no title either", async () => {
    const { store, id, turn, session, row } = await prepare();
    await speak(store, id, "Good morning", "Hi!", { parentId: null });
    await store.removeVersion("", id, turn.userMessageId, 1_500); // between its reading and its first call
    await store.beginTitle(begin(session, row, 1));
    expect((await store.endTitle(end(session, 1)))?.session?.title).toBe("Good morning");
    await store.restoreVersion("", id, turn.userMessageId, 2_500);
    expect((await store.findSession("", id))!.title).toBe("Hello");
    expect(await store.listEntries("", turn.id)).toHaveLength(2);
  });

  test("of unknown cost make the turn's cost unknown once, not for each", async () => {
    const { store, id, turn, session, row } = await prepare();
    for (const unknown of [entryFor(null, { purpose: "title" }), entryFor(null, { purpose: "title" })]) {
      await store.beginTitle(begin(session, row, 1));
      await store.endTitle(end(session, 1, { entries: [unknown], title: null }));
    }
    const after = await store.findTurn("", turn.id);
    expect(after!.cost).toEqual({ total: 100n, accuracy: "unknown", unpricedTurns: 1 });
    expect((await store.findSession("", id))!.cost).toEqual({ total: 100n, accuracy: "unknown", unpricedTurns: 1 });
  });

  test("end for a turn's receipt that has a hundred calls", async () => {
    const { store, session, row } = await prepare();
    await store.beginTitle(begin(session, row, 1));
    const many = Array.from({ length: 99 }, (_one, index) => entryFor(1n, { purpose: "title", attempt: index + 1 }));
    await store.endTitle(end(session, 1, { entries: many }));
    expect(await codeOf(store.beginTitle(begin(session, row, 1)))).toBe("conflict");
  });

  test("that a dead process had begun are taken over by one, when their time is over", async () => {
    const { store, turn, session, row } = await prepare();
    await store.beginTitle(begin(session, row, 99, -1));
    await store.noteTitleCalls(session, 99, [
      { at: 1_000, model: "one", status: 503, errorCode: "provider_unavailable" },
      { at: 1_500, model: "one", status: null, errorCode: null },
    ]);
    const claims = await Promise.all([
      store.claimDeadTitles(processId, [session], 0),
      store.claimDeadTitles(processId, [session], 0),
    ]);
    const dead = claims.flat();
    expect(dead.map(({ calls, promptEstimate }) => [calls.length, promptEstimate])).toEqual([[2, 40]]);
    expect(await codeOf(store.noteTitleCalls(session, 99, []))).toBe("conflict");
    expect(await store.endTitle(end(session, 99))).toBeUndefined();
    await store.endTitle(end(session, processId, { title: null }));
    expect(await store.listEntries("", turn.id)).toHaveLength(2);
    expect(await store.claimDeadTitles(processId, [session], 0)).toEqual([]);
  });

  test("that are this process's own and still made are left to it", async () => {
    const { store, session, row } = await prepare();
    await store.beginTitle(begin(session, row, 5, -1));
    expect(await store.claimDeadTitles(5, [session], 0)).toEqual([]);
    expect(await store.claimDeadTitles(5, [], 0)).toHaveLength(1);
  });
});

test("a first message's title is its first line, cut at a word; one of Latin letters stays one", () => {
  expect(titleFrom(" What goes\t into borscht? \nAnd why?")).toBe("What goes into borscht?");
  expect(titleFrom(" \n ")).toBeNull();
  const long = titleFrom("Explain, as to a colleague, how ports and sockets of a machine belong together");
  expect(long).toBe("Explain, as to a colleague, how ports and sockets of a...");
  expect(titleFrom("😀".repeat(100))).toBe(`${"😀".repeat(60)}...`);
  expect(titleFrom("слово ".repeat(20))).toMatch(/^(слово ){9}слово\.\.\.$/);
});

test("a model's words become one line that can stand in a list", () => {
  const cleaned = (text: string) => cleanTitle(text);
  expect(cleaned("  \n# “Borscht for two.”\nmore")).toBe("Borscht for two");
  expect(cleaned("Title: Borscht")).toBe("Borscht");
  expect(cleaned("**Назва: Борщ**")).toBe("Борщ");
  expect(cleaned("What now?")).toBe("What now?");
  expect(cleaned("Wait…")).toBe("Wait…");
  expect(cleaned("a\u202eb\u0007c\u2066")).toBe("abc");
  expect(cleaned("\"\"\n''\n...")).toBeNull();
  expect(cleaned("")).toBeNull();
  expect(cleaned("<img src=x onerror=alert(1)>")).toBe("<img src=x onerror=alert(1)>"); // text, wherever it is shown
  const long = cleaned("слово ".repeat(50))!;
  expect([...long].length).toBeLessThanOrEqual(80);
  expect(long.endsWith("…")).toBe(true);
  expect(cleaned("😀".repeat(200))!.isWellFormed()).toBe(true);
});

test("what a model is shown of a conversation has a limit in bytes, whatever is in it", () => {
  const long = { question: "щ".repeat(100_000), answer: "😀".repeat(100_000) };
  const printed = printExcerpts([long, long, long, long, long]);
  expect(Buffer.byteLength(printed)).toBeLessThanOrEqual(16 * 1024);
  expect(printed.isWellFormed()).toBe(true);
  expect(printExcerpts([{ question: " ", answer: "\n" }])).toBe("");
});
