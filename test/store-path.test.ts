// Branching conversations: whatever was said after whatever, the history is the path to the newest message.

import { beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Message, Siblings } from "../src/conversation/message.ts";
import { turnIdOf } from "../src/id.ts";
import type { Store } from "../src/store.ts";
import { closeInput, newSession, type Opened, open, openInput, readAll, speak } from "./store-inputs.ts";
import { codeOf, storeEngines } from "./stores.ts";

/** The simplest model of a conversation: each message knows the one before it, and they are kept in the order they were made. */
class Tree {
  readonly messages = new Map<string, Message>();
  readonly replies: string[] = [];
  tip: string | null = null;
  /** Versions that were deleted, in order: what was asked for, and what went with it. */
  readonly removals: { id: string; gone: Set<string> }[] = [];

  add(userMessage: Message, reply: Message): void {
    this.messages.set(userMessage.id, userMessage).set(reply.id, reply);
    this.replies.push(reply.id);
    this.tip = reply.id;
  }

  path(to = this.tip): Message[] {
    const path: Message[] = [];
    for (let id = to; id !== null; ) {
      const message = this.messages.get(id)!;
      path.unshift({ ...message, siblings: this.siblings(message) });
      id = message.parentId;
    }
    return path;
  }

  isThere(id: string): boolean {
    return !this.removals.some(({ gone }) => gone.has(id));
  }

  /** What can be found. */
  get ids(): string[] {
    return [...this.messages.keys()].filter((id) => this.isThere(id));
  }

  /** With all that follows it; a question with all its answers. False: there is no other. */
  remove(id: string): boolean {
    const message = this.messages.get(id)!;
    const { count, previousId, nextId } = this.siblings(message);
    if (count < 2) return false;
    const asked = (one: Message) => one.role === "user" && one.parentId === message.parentId;
    const roots =
      message.role === "assistant"
        ? [message.parentId!]
        : this.ids.filter((one) => {
            const other = this.messages.get(one)!;
            return asked(other) && other.content === message.content;
          });
    const gone = new Set(this.ids.filter((one) => this.path(one).some((before) => roots.includes(before.id))));
    this.removals.push({ id, gone });
    if (gone.has(this.tip!)) this.goTo((previousId ?? nextId)!);
    return true;
  }

  /** Not while what it follows is deleted itself: then it stays so. */
  restore(index: number): { id: string; isBack: boolean } {
    const [removal] = this.removals.splice(index, 1);
    const { id } = removal!;
    const isBack = this.path(id).every((message) => this.isThere(message.id));
    if (isBack) this.goTo(id);
    else this.removals.splice(index, 0, removal!);
    return { id, isBack };
  }

  /** Through this message, and on to the newest reply that has it before itself. */
  goTo(id: string): void {
    this.tip = this.replies.findLast(
      (reply) => this.isThere(reply) && this.path(reply).some((message) => message.id === id),
    )!;
  }

  siblings({ id, role, parentId }: Message): Siblings {
    const all = this.ids.map((one) => this.messages.get(one)!);
    const question = role === "user" ? id : parentId!;
    const asked = this.messages.get(question)!;
    const questions = all.filter((other) => other.role === "user" && other.parentId === asked.parentId);
    const texts = [...new Set(questions.map(({ content }) => content))];
    const same = questions.filter(({ content }) => content === asked.content).map((other) => other.id);
    const ids =
      role === "user"
        ? texts.map((text) => questions.findLast(({ content }) => content === text)!.id)
        : all.filter((other) => other.role === "assistant" && same.includes(other.parentId!)).map((other) => other.id);
    const at = role === "user" ? texts.indexOf(asked.content) : ids.indexOf(id);
    return { index: at + 1, count: ids.length, previousId: ids[at - 1] ?? null, nextId: ids[at + 1] ?? null };
  }
}

describe.each(storeEngines)("paths on %s", (_, openFixture) => {
  let store: Store;
  beforeAll(async () => {
    ({ store } = await openFixture());
  });

  test("history, pages and memory equal a simple tree's path, whatever follows whatever", async () => {
    // Each number is the message that is followed: none, a new beginning, or one of the replies there are; or gone to. Some ask the same.
    const parent = fc.oneof(fc.constant("tip" as const), fc.constant("root" as const), fc.nat(50));
    const posts = fc.array(
      fc.record({
        ...{ parent, asks: fc.nat(2), goTo: fc.option(fc.nat(50)) },
        ...{ remove: fc.option(fc.nat(50)), restore: fc.option(fc.nat(5)) },
      }),
      {
        minLength: 1,
        maxLength: 14,
      },
    );
    await fc.assert(
      fc.asyncProperty(posts, async (steps) => {
        const session = await newSession(store);
        const tree = new Tree();
        for (const [index, { parent, asks, goTo, remove, restore }] of steps.entries()) {
          if (remove !== null && tree.ids.length > 0) {
            const id = tree.ids[remove % tree.ids.length]!;
            const removed = store.removeVersion("", session.id, id, Date.now());
            if (tree.remove(id)) await removed;
            else expect(await codeOf(removed)).toBe("conflict");
          } else if (restore !== null && tree.removals.length > 0) {
            const { id, isBack } = tree.restore(restore % tree.removals.length);
            const restored = store.restoreVersion("", session.id, id, Date.now());
            if (isBack) await restored;
            else expect(await codeOf(restored)).toBe("not_found");
          }
          const { ids } = tree;
          if (goTo !== null && ids.length > 0) {
            const tip = ids[goTo % ids.length]!;
            await store.updateSession("", session.id, { tip }, Date.now());
            tree.goTo(tip);
          }
          const replies = tree.replies.filter((id) => tree.isThere(id));
          const chosen =
            typeof parent === "number" && replies.length > 0 ? replies[parent % replies.length]! : undefined;
          const parentId = parent === "root" ? null : chosen;
          const before = parentId === undefined ? tree.tip : parentId;
          const said = await speak(store, session.id, `question ${asks}`, `answer ${index}`, { parentId });
          expect(said.userMessage.parentId).toBe(before);
          tree.add(said.userMessage, said.reply);
          const path = tree.path();
          expect(await readAll(store, session.id)).toEqual(path);
          // What the end of a turn says of its messages is what is read of them then.
          expect([said.userMessage, said.reply]).toEqual(path.slice(-2));
          expect(await store.findTurnMessages("", said.turn.id)).toEqual({
            userMessage: path.at(-2)!,
            reply: path.at(-1)!,
          });
        }
        const path = tree.path();
        for (const { id, gone } of tree.removals) {
          expect(await codeOf(readAll(store, session.id, "", id))).toBe("not_found");
          const parentId = [...gone].find((one) => tree.replies.includes(one))!;
          expect(await codeOf(store.openTurn(openInput(session.id, { parentId })))).toBe("not_found");
          const turnId = turnIdOf(parentId);
          expect(await codeOf(store.getTurn("", turnId))).toBe("not_found");
          expect(await store.readTurnLog("", turnId, 0)).toBeUndefined();
          expect(await store.findTurnMessages("", turnId)).toBeUndefined();
          expect((await store.listEntries("", turnId)).length).toBe(1);
        }
        const exported = await store.exportSession("", session.id);
        const written = (await Array.fromAsync(exported!.turns)).flat().map(({ answerId }) => answerId);
        expect(written.toSorted()).toEqual(tree.replies.filter((id) => tree.isThere(id)).toSorted());
        for (const id of tree.ids) {
          expect((await store.getTurn("", turnIdOf(id))).id).toBe(turnIdOf(id));
          expect(await readAll(store, session.id, "", id)).toEqual(tree.path(id));
          const hidden = await store.sumHidden("", session.id, id);
          expect(hidden.turns * 2).toBe(tree.messages.size - Math.ceil(tree.path(id).length / 2) * 2);
          expect(hidden.cost).toEqual({ total: BigInt(hidden.turns) * 100n, accuracy: "exact", unpricedTurns: 0 });
        }
        expect((await store.findSession("", session.id))?.messageCount).toBe(tree.messages.size);
        await checkPages(store, session.id, path, tree);
        await checkMemory(store, session.id, path);
      }),
      { numRuns: 25 },
    );
  });

  test("a history of many branches and more than one chunk is read in order, and does not grow while it is read", async () => {
    const session = await newSession(store);
    const replies: string[] = [];
    for (let i = 0; i < 110; i++) replies.push((await speak(store, session.id, `q${i}`, `a${i}`)).reply.id);
    for (let i = 0; i < 5; i++)
      replies.push((await speak(store, session.id, `f${i}`, `g${i}`, { parentId: replies.at(-2)! })).reply.id);
    const expected = await store.listMessages("", session.id, { limit: 1000, order: "asc" });
    const read: Message[] = [];
    let chunks = 0;
    for await (const chunk of store.readHistory("", session.id)) {
      if (chunks++ === 0) await speak(store, session.id, "meanwhile", "more");
      expect(chunk.length).toBeLessThanOrEqual(200);
      read.push(...chunk);
    }
    expect(chunks).toBeGreaterThan(1);
    expect(read).toEqual(expected.data);
    expect((await readAll(store, session.id)).length).toBe(read.length + 2);
  });

  test("of a version that is deleted while it is answered to, one of the two is refused: no turn runs where nothing is found", async () => {
    const session = await newSession(store);
    const root = await speak(store, session.id, "q", "a");
    const seen = new Set<unknown>();
    for (let round = 0; round < 12; round++) {
      const one = await speak(store, session.id, "other", `b${round}`, { parentId: root.reply.id });
      const input = openInput(session.id, { parentId: one.reply.id });
      const remove = () => store.removeVersion("", session.id, one.reply.id, Date.now());
      const [first, second] = round % 2 ? [() => store.openTurn(input), remove] : [remove, () => store.openTurn(input)];
      if (round === 0) await speak(store, session.id, "other", "c", { parentId: root.reply.id });
      const [left, right] = await Promise.allSettled([first(), second()]);
      expect([left.status, right.status].toSorted()).toEqual(["fulfilled", "rejected"]);
      for (const { reason } of [left, right] as PromiseRejectedResult[]) if (reason) seen.add(reason.code);
      const opened = [left, right].find((one) => one.status === "fulfilled" && "kind" in (one.value as object));
      if (opened) await store.closeTurn(closeInput((opened as PromiseFulfilledResult<Opened>).value, []));
    }
    expect([...seen].every((code) => code === "not_found" || code === "turn_in_progress")).toBe(true);
  });

  test("what was deleted before that which it follows comes back after it, never alone: the path leads through nothing deleted", async () => {
    const session = await newSession(store);
    const say = (content: string, parentId: string | null) =>
      speak(store, session.id, content, `answer to ${content}`, { parentId });
    const kept = await say("first", null);
    const one = await say("second", null);
    await say("a", one.reply.id);
    const inner = await say("b", one.reply.id);
    const restore = (id: string) => store.restoreVersion("", session.id, id, Date.now());
    const path = async () => (await readAll(store, session.id)).map(({ id }) => id);
    for (const { userMessage } of [inner, one]) await store.removeVersion("", session.id, userMessage.id, Date.now());
    const before = await store.findSession("", session.id);
    await expect(restore(inner.userMessage.id)).rejects.toMatchObject({
      code: "not_found",
      message: expect.stringContaining("restore that first"),
    });
    expect(await store.findSession("", session.id)).toEqual(before);
    expect(await path()).toEqual([kept.userMessage.id, kept.reply.id]);
    await restore(one.userMessage.id);
    expect(await path()).not.toContain(inner.reply.id);
    await restore(inner.userMessage.id);
    expect(await path()).toEqual([one.userMessage.id, one.reply.id, inner.userMessage.id, inner.reply.id]);
  });

  test("the model's memory survives a fork behind its beginning, and starts over before it", async () => {
    const session = await newSession(store);
    const replies: string[] = [];
    const talk = async (parentId?: string) => {
      const opened = await open(store, session.id, { parentId });
      await store.closeTurn(closeInput(opened, [], { memory: { from: 2, promptEstimate: 7, promptTokens: null } }));
      replies.push(opened.turn.replyMessageId);
      const { tipBranch, tipPosition, memoryFrom } = opened.session;
      return [tipBranch, tipPosition, memoryFrom];
    };
    for (let i = 0; i < 4; i++) await talk();
    expect(await talk()).toEqual([0, 4, 2]);
    expect(await talk(replies[2])).toEqual([1, 3, 2]);
    expect(await talk(replies[0])).toEqual([2, 1, 0]);
  });

  test("a branch is chosen by any message on it, not while a turn runs; memory begins anew only before the paths part", async () => {
    const session = await newSession(store);
    const goTo = (tip: string, version?: number) => store.updateSession("", session.id, { tip }, Date.now(), version);
    const replies: string[] = [];
    for (let i = 0; i < 4; i++) replies.push((await speak(store, session.id, `q${i}`, `a${i}`)).reply.id);
    const fork = await open(store, session.id, { parentId: replies[1]! });
    expect(await codeOf(goTo(replies[0]!))).toBe("turn_in_progress");
    await store.closeTurn(closeInput(fork, [], { memory: { from: 2, promptEstimate: 7, promptTokens: null } }));
    const memoryFrom = async () => (await store.peekSession("", session.id))!.memoryFrom;
    expect(await memoryFrom()).toBe(2);
    const { version } = await goTo(replies[2]!);
    expect(await memoryFrom()).toBe(2);
    expect((await readAll(store, session.id)).map(({ id }) => id)).toContain(replies[3]!);
    expect(await codeOf(goTo(fork.turn.replyMessageId, version - 1))).toBe("version_mismatch");
    const next = await open(store, session.id);
    expect(next.userMessage.parentId).toBe(replies[3]!);
    await store.closeTurn(closeInput(next, [], { memory: { from: 4, promptEstimate: 7, promptTokens: null } }));
    await goTo(fork.userMessage.id);
    expect(await memoryFrom()).toBe(0);
    const other = await speak(store, (await newSession(store)).id, "x", "y");
    for (const tip of [other.reply.id, "nothing"]) expect(await codeOf(goTo(tip))).toBe("not_found");
  });

  test("a cursor from another path, another session or nowhere is not_found", async () => {
    const session = await newSession(store);
    const left = await speak(store, session.id, "root", "left");
    const middle = await speak(store, session.id, "q", "a");
    await speak(store, session.id, "q", "b", { parentId: left.reply.id });
    const other = await speak(store, (await newSession(store)).id, "x", "y");
    for (const after of [middle.reply.id, middle.userMessage.id, other.reply.id, "nothing"])
      expect(await codeOf(store.listMessages("", session.id, { limit: 5, order: "asc", after }))).toBe("not_found");
    expect(
      (await store.listMessages("", session.id, { limit: 5, order: "asc", after: left.reply.id })).data.length,
    ).toBe(2);
  });
});

/** Every page at every cursor, in both orders, against slices of the path. */
async function checkPages(store: Store, sessionId: string, path: Message[], tree: Tree): Promise<void> {
  const outside = [...tree.messages.keys()].filter((id) => !path.some((message) => message.id === id));
  for (const order of ["asc", "desc"] as const) {
    const ids = path.map((message) => message.id);
    if (order === "desc") ids.reverse();
    for (const limit of [1, 3, 100]) {
      const list = async (page: { after?: string; before?: string }) => {
        const { data, hasMore } = await store.listMessages("", sessionId, { limit, order, ...page });
        return { ids: data.map((message) => message.id), hasMore };
      };
      expect(await list({})).toEqual({ ids: ids.slice(0, limit), hasMore: ids.length > limit });
      const at = Math.floor(ids.length / 2);
      const rest = ids.slice(at + 1);
      expect(await list({ after: ids[at]! })).toEqual({ ids: rest.slice(0, limit), hasMore: rest.length > limit });
      const earlier = ids.slice(0, at);
      expect(await list({ before: ids[at]! })).toEqual({ ids: earlier.slice(-limit), hasMore: earlier.length > limit });
      const between = ids.slice(1, -1);
      expect(await list({ after: ids[0]!, before: ids.at(-1)! })).toEqual({
        ids: between.slice(0, limit),
        hasMore: between.length > limit,
      });
    }
    if (outside[0])
      expect(await codeOf(store.listMessages("", sessionId, { limit: 1, order, after: outside[0] }))).toBe("not_found");
  }
}

/** What the model is shown before the newest question, from every beginning. */
async function checkMemory(store: Store, sessionId: string, path: Message[]): Promise<void> {
  const { session, userMessage } = await open(store, sessionId);
  const { row, tipBranch: branch, tipPosition: position } = session;
  expect(position * 2).toBe(path.length);
  expect(userMessage.parentId).toBe(path.at(-1)!.id);
  for (const from of [0, 1, Math.floor(position / 2), position]) {
    const turns = await store.readMemory({ session: row, branch, position, from });
    const said = path.map(({ content }) => content);
    const expected = Array.from({ length: Math.max(0, position - from) }, (_, index) => from + index).map((at) => {
      return { position: at, question: said[at * 2]!, answer: said[at * 2 + 1]!, status: path[at * 2 + 1]!.status };
    });
    expect(turns.map(({ position, question, answer, status }) => ({ position, question, answer, status }))).toEqual(
      expected,
    );
  }
}
