// Turns in the store: opened once, logged in order, closed once, booked once, whoever asks at the same moment.

import { beforeAll, describe, expect, test } from "bun:test";
import { newId } from "../src/id.ts";
import { StaleSession, type Store } from "../src/store.ts";
import {
  closeInput,
  entryFor,
  newSession,
  type Opened,
  open,
  openInput,
  processId,
  readAll,
  speak,
  testUsage,
} from "./store-inputs.ts";
import { codeOf, storeEngines } from "./stores.ts";

describe.each(storeEngines)("turns on %s", (_, openFixture) => {
  let store: Store;
  beforeAll(async () => {
    ({ store } = await openFixture());
  });

  test("opening writes the question and an empty reply, and takes the session", async () => {
    const session = await newSession(store);
    const input = openInput(session.id, { content: "How\nare you?", at: 55 });
    const opened = await store.openTurn(input);
    if (opened.kind !== "opened") throw new Error("replayed");
    expect(opened.session).toMatchObject({
      title: "How",
      messageCount: 2,
      runningTurnId: input.turnId,
      version: 2,
      updatedAt: 55,
    });
    expect(opened.turn).toMatchObject({
      id: input.turnId,
      status: "running",
      settled: false,
      usage: null,
      cost: null,
      startedAt: 55,
    });
    expect(opened.session).toMatchObject({
      tipBranch: 0,
      tipPosition: 0,
      memoryFrom: 0,
      memoryEstimate: 0,
      memoryTokens: 0,
    });
    expect(opened.userMessage).toMatchObject({
      role: "user",
      content: "How\nare you?",
      status: "complete",
      parentId: null,
      createdAt: 55,
    });
    expect(opened.session).toMatchObject((await store.findSession("", session.id))!);
    expect(await store.findTurn("", input.turnId)).toEqual(opened.turn);
    const { userMessage, reply } = (await store.findTurnMessages("", input.turnId))!;
    expect(userMessage).toEqual(opened.userMessage);
    expect(reply).toMatchObject({
      ...{ id: opened.turn.replyMessageId, role: "assistant", content: "", status: "running", model: "one" },
      ...{ parentId: userMessage.id, siblings: opened.siblings },
    });
    expect(await readAll(store, session.id)).toEqual([userMessage, reply]);
  });

  test("of fifty messages at once to one session exactly one opens a turn; the others learn which one", async () => {
    const session = await newSession(store);
    const results = await Promise.allSettled(Array.from({ length: 50 }, () => open(store, session.id)));
    const opened = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    expect(opened.length).toBe(1);
    for (const result of results) {
      if (result.status === "rejected")
        expect(result.reason).toMatchObject({
          code: "turn_in_progress",
          members: { running_turn_id: opened[0]!.turn.id },
        });
    }
    expect(await store.findSession("", session.id)).toMatchObject({ messageCount: 2, version: 2 });
    expect((await readAll(store, session.id)).length).toBe(2);
  });

  test("refusals name their reason, in this order: not found, in the trash, busy, version", async () => {
    const session = await newSession(store);
    expect(await codeOf(open(store, newId()))).toBe("not_found");
    expect(await codeOf(open(store, "no id"))).toBe("not_found");
    expect(await codeOf(open(store, session.id, { owner: "bob" }))).toBe("not_found");
    expect(await codeOf(open(store, session.id, { parentId: newId() }))).toBe("not_found");
    expect(await codeOf(open(store, session.id, { ifVersion: 2 }))).toBe("version_mismatch");
    const { turn, userMessage } = await open(store, session.id, { ifVersion: 1 });
    const parentId = turn.replyMessageId;
    expect(await codeOf(open(store, session.id, { ifVersion: 1 }))).toBe("turn_in_progress");
    expect(await codeOf(open(store, session.id, { parentId: userMessage.id }))).toBe("invalid_request");
    expect(await codeOf(open(store, session.id, { parentId, owner: "bob" }))).toBe("not_found");
    await store.closeTurn(closeInput({ turn }, []));
    const other = await newSession(store);
    expect(await codeOf(open(store, other.id, { parentId }))).toBe("not_found");
    await store.trashSession("", session.id, 1);
    expect(await codeOf(open(store, session.id, { ifVersion: 1 }))).toBe("conflict");
    expect((await readAll(store, other.id)).length).toBe(0);
  });

  test("a session with other settings than the caller knew is refused as stale, and nothing is written, not even the key", async () => {
    const session = await newSession(store);
    const known = await store.peekSession("", session.id);
    await store.updateSession("", session.id, { model: "another" }, 1);
    const idempotency = { key: newId(), bodyHash: "h", expiresAt: Date.now() + 60_000 };
    const stale = store.openTurn(openInput(session.id, { known, idempotency }));
    await expect(stale).rejects.toBeInstanceOf(StaleSession);
    expect(await store.findSession("", session.id)).toMatchObject({ version: 2, messageCount: 0 });
    const fresh = await store.peekSession("", session.id);
    const opened = await open(store, session.id, { known: fresh, idempotency });
    expect(opened.session).toMatchObject({ version: 3, model: "another", runningTurnId: opened.turn.id });
    // Old knowledge of a session that is gone, busy or at another version than asked for is answered by what is there.
    expect(await codeOf(store.openTurn(openInput(session.id, { known: fresh })))).toBe("turn_in_progress");
    expect(await codeOf(store.openTurn(openInput(session.id, { known: fresh, owner: "bob" })))).toBe("not_found");
    await store.updateSession("", session.id, { title: "changed while it runs" }, 5);
    const closed = await store.closeTurn(closeInput(opened, [entryFor(3n)]));
    expect(closed!.session).toMatchObject((await store.findSession("", session.id))!);
    expect(closed!.session).toMatchObject({ title: "changed while it runs", cost: { total: 3n }, version: 5 });
    const asked = openInput(session.id, { known: closed!.session, ifVersion: 4 });
    expect(await codeOf(store.openTurn(asked))).toBe("version_mismatch");
  });

  test("a session in which others have spoken since is taken as it is now; old knowledge of its settings is stale", async () => {
    const fields = { model: "one", system: "Be brief.", params: { temperature: 1 } };
    const session = await newSession(store, fields);
    const known = (await store.peekSession("", session.id))!;
    expect(known.tipMessageId).toBeNull();
    const first = await open(store, session.id, { known });
    await store.closeTurn(closeInput(first, [entryFor(5n)]));
    await store.updateSession("", session.id, { title: "not what anybody decides by" }, 1);
    const asked = openInput(session.id, { known });
    const second = (await store.openTurn(asked)) as Opened;
    expect(second.session).toEqual((await store.peekSession("", session.id))!);
    expect(second.userMessage.parentId).toBe(first.turn.replyMessageId);
    expect(second.session).toMatchObject({ version: 5, messageCount: 4, cost: { total: 5n } });
    // Another process ends it; asked again, as after a lost line, the same message does not open the same turn twice.
    await store.closeTurn(closeInput(second, [entryFor(5n)]));
    await expect(store.openTurn(asked)).rejects.toBeInstanceOf(StaleSession);
    for (const change of [{ model: "two" }, { system: null }, { params: { temperature: 2 } }]) {
      await store.updateSession("", session.id, change, 1);
      await expect(store.openTurn(openInput(session.id, { known }))).rejects.toBeInstanceOf(StaleSession);
      await store.updateSession("", session.id, fields, 1);
    }
    expect((await readAll(store, session.id)).length).toBe(4);
    expect((await open(store, session.id, { known })).session.tipPosition).toBe(2);
  });

  test("the same idempotency key opens one turn, also at the same moment; the key of a refused turn stays free", async () => {
    const session = await newSession(store);
    const idempotency = { key: "once", bodyHash: "h", expiresAt: Date.now() + 60_000 };
    const results = await Promise.all(
      Array.from({ length: 10 }, () => store.openTurn(openInput(session.id, { idempotency, owner: "" }))),
    );
    const opened = results.filter((result) => result.kind === "opened");
    expect(opened.length).toBe(1);
    for (const result of results) if (result.kind === "replayed") expect(result.turnId).toBe(opened[0]!.turn.id);
    expect(
      await codeOf(store.openTurn(openInput(session.id, { idempotency: { ...idempotency, bodyHash: "x" } }))),
    ).toBe("idempotency_mismatch");
    expect(await store.findIdempotent("", idempotency)).toEqual({ targetId: opened[0]!.turn.id });
    expect(await codeOf(store.findIdempotent("", { ...idempotency, bodyHash: "x" }))).toBe("idempotency_mismatch");
    const second = { ...idempotency, key: "second" };
    expect(await codeOf(open(store, session.id, { idempotency: second }))).toBe("turn_in_progress");
    expect(await store.findIdempotent("", second)).toBeUndefined();
  });

  test("closing writes the reply, the log, the bill and the totals together", async () => {
    const session = await newSession(store);
    const opened = await open(store, session.id);
    const total = 9_007_199_254_740_993n * 10n; // no double can hold it
    const closed = await store.closeTurn(
      closeInput(opened, [entryFor(total)], {
        ...{ text: "Відповідь", thought: "hm", endedAt: 99, lastNumber: 4, vendorParts: '{"sig":1}', firstTokenAt: 77 },
        lastBatch: {
          ...{ turnId: opened.turn.id, firstNumber: 2, usageRaw: "{}", modelServed: "one-001" },
          events: [{ type: "thought-delta", text: "hm" }, "Відповідь"],
        },
        notices: [{ code: "model_replaced", detail: "d" }],
        memory: { from: 0, promptEstimate: 100, promptTokens: 120 },
      }),
    );
    const cost = { total, accuracy: "exact", unpricedTurns: 0 } as const;
    expect(closed?.turn).toMatchObject({
      status: "complete",
      modelServed: "one-001",
      finishReason: "stop",
      usage: testUsage,
      cost,
      settled: true,
    });
    expect(closed?.turn).toMatchObject({
      endedAt: 99,
      firstTokenAt: 77,
      notices: [{ code: "model_replaced", detail: "d" }],
    });
    expect(closed?.reply).toMatchObject({
      content: "Відповідь",
      thought: "hm",
      status: "complete",
      model: "one-001",
      usage: testUsage,
      cost,
    });
    expect(closed?.session).toMatchObject({ runningTurnId: null, version: 3, updatedAt: 99, usage: testUsage, cost });
    expect(closed!.session).toMatchObject((await store.findSession("", session.id))!);
    expect((await store.findTurnMessages("", opened.turn.id))?.reply).toEqual(closed!.reply);
    expect((await store.readTurnLog("", opened.turn.id, 0))?.events.length).toBe(2);
    const next = await open(store, session.id);
    const { row, ...known } = next.session;
    expect(known).toMatchObject({
      tipBranch: 0,
      tipPosition: 1,
      memoryFrom: 0,
      memoryEstimate: 100,
      memoryTokens: 120,
    });
    expect(await store.readMemory({ session: row, branch: 0, position: 1, from: 0 })).toEqual([
      {
        position: 0,
        question: opened.userMessage.content,
        answer: "Відповідь",
        status: "complete",
        vendorParts: '{"sig":1}',
        finishReason: "stop",
        modelServed: "one-001",
      },
    ]);
  });

  test("a turn is closed once, by its own process, also when many try at the same moment", async () => {
    const session = await newSession(store);
    const opened = await open(store, session.id);
    expect(await store.closeTurn(closeInput(opened, [entryFor(5n)], { processId: processId + 1 }))).toBeUndefined();
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) => store.closeTurn(closeInput(opened, [entryFor(5n)], { text: `t${i}` }))),
    );
    const closed = results.filter((result) => result !== undefined);
    expect(closed.length).toBe(1);
    expect(closed[0]!.session).toMatchObject((await store.findSession("", session.id))!);
    expect(closed[0]!.session.cost.total).toBe(5n);
    expect((await store.listEntries("", opened.turn.id)).length).toBe(1);
    expect((await store.findTurnMessages("", opened.turn.id))?.reply.content).toBe(closed[0]!.reply.content);
  });

  test("a turn closed without its bill is settled once, and the session is free meanwhile", async () => {
    const session = await newSession(store);
    const opened = await open(store, session.id);
    expect(await store.settleTurn(opened.turn.id, processId, [])).toBe(false);
    const seen = [entryFor(3n, { accuracy: "partial" })];
    const closed = await store.closeTurn(closeInput(opened, seen, { status: "stopped", settled: false }));
    const cost = { total: 3n, accuracy: "partial" };
    expect(closed?.turn).toMatchObject({ status: "stopped", settled: false, usage: testUsage, cost });
    expect(await store.listEntries("", opened.turn.id)).toEqual([]);
    expect(closed?.session).toMatchObject({ runningTurnId: null, cost: { total: 0n } });
    const next = await open(store, session.id);
    const bill = [entryFor(70n, { accuracy: "partial" })];
    const settle = () => store.settleTurn(opened.turn.id, processId, bill);
    expect(await store.settleTurn(opened.turn.id, processId + 1, bill)).toBe(false);
    expect((await Promise.all([settle(), settle(), settle()])).filter(Boolean).length).toBe(1);
    expect(await store.findTurn("", opened.turn.id)).toMatchObject({
      settled: true,
      usage: testUsage,
      cost: { total: 70n, accuracy: "partial" },
    });
    expect(await store.findSession("", session.id)).toMatchObject({
      usage: testUsage,
      cost: { total: 70n, accuracy: "partial" },
      runningTurnId: next.turn.id,
    });
    expect((await store.listEntries("", opened.turn.id)).length).toBe(1);
  });

  test("a request to stop reaches the process that runs the turn; hard is never softened again", async () => {
    const session = await newSession(store);
    const opened = await open(store, session.id);
    const turnId = opened.turn.id;
    const mine = async () => (await store.listStopRequests(processId)).filter((request) => request.turnId === turnId);
    expect(await mine()).toEqual([]);
    expect(await store.requestStop("bob", turnId, true)).toBe(false);
    expect(await store.requestStop("", turnId, false)).toBe(true);
    expect(await mine()).toEqual([{ turnId, hard: false }]);
    expect(await store.requestStop("", turnId, true)).toBe(true);
    expect(await store.requestStop("", turnId, false)).toBe(true);
    expect(await mine()).toEqual([{ turnId, hard: true }]);
    expect((await store.listStopRequests(processId + 1)).length).toBe(0);
    await store.closeTurn(closeInput(opened, [], { settled: false }));
    expect(await store.requestStop("", turnId, true)).toBe(true);
    await store.settleTurn(turnId, processId, []);
    expect(await store.requestStop("", turnId, true)).toBe(false);
    expect(await mine()).toEqual([]);
  });

  test("nobody else can see a turn, its messages or its bill", async () => {
    const session = await newSession(store, {}, "alice");
    const { turn } = await speak(store, session.id, "q", "a", { owner: "alice" });
    expect(await store.findTurn("alice", turn.id)).toBeDefined();
    expect(await store.findTurn("bob", turn.id)).toBeUndefined();
    expect(await store.findTurnMessages("bob", turn.id)).toBeUndefined();
    expect(await store.listEntries("bob", turn.id)).toEqual([]);
    expect((await store.listEntries("alice", turn.id)).length).toBe(1);
    expect(await codeOf(store.listMessages("bob", session.id, { limit: 1, order: "asc" }))).toBe("not_found");
    expect(await codeOf(readAll(store, session.id, "bob"))).toBe("not_found");
  });

  test("a title that was taken away is given again by the next message", async () => {
    const session = await newSession(store, { title: "mine" });
    await speak(store, session.id, "first", "a");
    expect((await store.findSession("", session.id))?.title).toBe("mine");
    await store.updateSession("", session.id, { title: null }, 1);
    await speak(store, session.id, "second\nline", "a");
    expect((await store.findSession("", session.id))?.title).toBe("second");
  });
});
