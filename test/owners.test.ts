// Invariant 8: what belongs to another owner is, in every operation, as if it did not exist.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { newId } from "../src/id.ts";
import type { Store } from "../src/store.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";
import { entryFor, newSession, noFields, open, openInput, readAll, speak } from "./store-inputs.ts";
import { storeEngines } from "./stores.ts";

interface Ids {
  sessionId: string;
  runningSessionId: string;
  userMessageId: string;
  replyMessageId: string;
  turnId: string;
  runningTurnId: string;
  trashedSessionId: string;
}

const [owner, stranger] = ["anna", "bohdan"];
const key = { key: "a key of anna's", bodyHash: "the same body", expiresAt: Date.now() + 60_000 };
const page = { limit: 10 };
const at = Date.now();
const theirs = { by: { project: stranger, keyId: null }, at, ifVersion: undefined };

/** Every promise of the store that names something, asked by the stranger. */
const attempts: Record<string, (store: Store, ids: Ids) => Promise<unknown>> = {
  findSession: (store, { sessionId }) => store.findSession(stranger, sessionId),
  peekSession: (store, { sessionId }) => store.peekSession(stranger, sessionId),
  updateSession: (store, { sessionId }) => store.updateSession(stranger, sessionId, { title: "mine now" }, at),
  updateSessionAtVersion: (store, { sessionId }) => store.updateSession(stranger, sessionId, { title: "x" }, at, 1),
  updateSessionTip: (store, { sessionId, replyMessageId: tip }) =>
    store.updateSession(stranger, sessionId, { tip, pinned: true }, at),
  trashSession: (store, { sessionId }) => store.trashSession(stranger, sessionId, at),
  trashRunning: (store, { runningSessionId }) => store.trashSession(stranger, runningSessionId, at),
  restoreSession: (store, { trashedSessionId }) => store.restoreSession(stranger, trashedSessionId, at),
  listMessages: (store, { sessionId }) => store.listMessages(stranger, sessionId, { ...page, order: "asc" }),
  listMessagesAfter: (store, { sessionId, userMessageId: after }) =>
    store.listMessages(stranger, sessionId, { ...page, order: "desc", after }),
  readQuoteBasis: (store, { sessionId, replyMessageId: parentId }) =>
    store.readQuoteBasis({
      ...{ owner: stranger, sessionId, parentId, model: "m" },
      session: { row: 0, tipBranch: 0, tipPosition: -1 },
    }),
  listMessagesTo: (store, { sessionId, replyMessageId: tip }) =>
    store.listMessages(stranger, sessionId, { ...page, order: "asc", tip }),
  readHistory: (store, { sessionId }) => readAll(store, sessionId, stranger),
  sumHidden: (store, { sessionId }) => store.sumHidden(stranger, sessionId),
  sumHiddenTo: (store, { sessionId, replyMessageId }) => store.sumHidden(stranger, sessionId, replyMessageId),
  removeVersion: (store, { sessionId, replyMessageId }) => store.removeVersion(stranger, sessionId, replyMessageId, at),
  removeVersionOfRunning: (store, { runningSessionId, replyMessageId }) =>
    store.removeVersion(stranger, runningSessionId, replyMessageId, at, 99),
  restoreVersion: (store, { sessionId, userMessageId }) => store.restoreVersion(stranger, sessionId, userMessageId, at),
  restoreVersionInTrash: (store, { trashedSessionId, userMessageId }) =>
    store.restoreVersion(stranger, trashedSessionId, userMessageId, at, 99),
  beginVersionPurge: (store, { sessionId, replyMessageId: messageId }) =>
    store.beginVersionPurge({ ...theirs, id: sessionId, messageId }),
  beginVersionPurgeOfRunning: (store, { runningSessionId, replyMessageId: messageId }) =>
    store.beginVersionPurge({ ...theirs, id: runningSessionId, messageId, ifVersion: 99 }),
  openTurn: (store, { sessionId }) => store.openTurn(openInput(sessionId, { owner: stranger })),
  openTurnInBusySession: (store, { runningSessionId }) =>
    store.openTurn(openInput(runningSessionId, { owner: stranger })),
  openTurnInTrash: (store, { trashedSessionId }) => store.openTurn(openInput(trashedSessionId, { owner: stranger })),
  openTurnAtVersion: (store, { sessionId }) => store.openTurn(openInput(sessionId, { owner: stranger, ifVersion: 99 })),
  openTurnAfterMessage: (store, { sessionId, replyMessageId }) =>
    store.openTurn(openInput(sessionId, { owner: stranger, parentId: replyMessageId })),
  openTurnAgain: (store, { runningSessionId, runningTurnId }) =>
    store.openTurn(openInput(runningSessionId, { owner: stranger, turnId: runningTurnId })),
  findTurn: (store, { turnId }) => store.findTurn(stranger, turnId),
  findRunningTurn: (store, { runningTurnId }) => store.findTurn(stranger, runningTurnId),
  getTurn: (store, { turnId }) => store.getTurn(stranger, turnId),
  findTurnMessages: (store, { turnId }) => store.findTurnMessages(stranger, turnId),
  readTurnLog: (store, { turnId }) => store.readTurnLog(stranger, turnId, 0),
  listEntries: (store, { turnId }) => store.listEntries(stranger, turnId),
  requestStop: (store, { runningTurnId }) => store.requestStop(stranger, runningTurnId, true),
  findSessionUser: (store, { sessionId }) => store.findSessionUser(stranger, "session", sessionId),
  findPlace: (store, { sessionId, replyMessageId }) => store.findPlace(stranger, sessionId, replyMessageId),
  exportSession: (store, { sessionId }) => store.exportSession(stranger, sessionId),
  findTurnUser: (store, { turnId }) => store.findSessionUser(stranger, "turn", turnId),
  findIdempotent: (store) => store.findIdempotent(stranger, key),
};

async function tell(attempt: Promise<unknown>): Promise<unknown> {
  return attempt.then(
    (value) => ({ value }),
    ({ code, message, members }) => {
      if (code === undefined) throw new Error("not an answer for a caller", { cause: message });
      return { code, message, members };
    },
  );
}

/** The promises that are asked otherwise below, and those that no caller's request leads to. */
const elsewhere = [
  ...["createSession", "listSessions", "searchSessions"],
  ...["listKeys", "getKey", "createKey", "updateKey", "rotateKey", "deleteKey", "listAudit"], // foreign-ids.test.ts
  ...["listUsage", "listTurnUsage", "importSession", "undoLeftImports", "findImportedCalls"], // foreign-ids.test.ts, import.test.ts
  ...["listBudgets", "listKeyLimits", "putBudgets", "increaseBudgets", "deleteBudgets"], // foreign-ids.test.ts
];
const ofTheHouse = [
  ...[
    "readMemory",
    "appendEvents",
    "noteCalls",
    "closeTurn",
    "settleTurn",
    "listStopRequests",
    "renewLease",
    "claimDeadTurns",
  ],
  ...["readDeadTurn", "sumBooks", "findSeal", "checkFiles", "checkWritable", "backup", "close"],
  ...["readCallerVersion", "findKeyByHash", "findKeyById", "hasKeys", "touchKeys", "takeTokenSecret"],
  ...["createProject", "findProject", "listProjects", "updateProject", "noteAudit"],
  ...["findBudgets", "readTitleSource", "beginTitle", "noteTitleCalls", "endTitle", "claimDeadTitles"],
  ...[
    "drawRates",
    "correctRates",
    "listPurgeable",
    "listBegunPurges",
    "beginPurge",
    "beginVersionPurges",
    "purgeSome",
    "notePurges",
  ],
  ...["erasePerson", "forgetPerson", "listErased", "sumUsage", "settleUsage"],
  "readQuoteBudgets",
];

/** The answer to the same question about what nobody has. */
const nowhere = (): Ids => ({
  ...{ sessionId: newId(), runningSessionId: newId(), trashedSessionId: newId() },
  ...{ userMessageId: newId(), replyMessageId: newId(), turnId: newId(), runningTurnId: newId() },
});

describe.each(storeEngines)("invariant 8 on %s", (_name, openFixture) => {
  let store: Store;
  let ids: Ids;
  beforeAll(async () => {
    ({ store } = await openFixture());
    const [session, busy, trashed] = [
      await newSession(store, { title: "Anna's secret" }, owner),
      await newSession(store, {}, owner),
      await newSession(store, {}, owner),
    ];
    const spoken = await speak(store, session.id, "a secret question", "a secret answer", { owner, idempotency: key });
    const running = await open(store, busy.id, { owner });
    await store.trashSession(owner, trashed.id, at);
    ids = {
      ...{ sessionId: session.id, runningSessionId: busy.id, trashedSessionId: trashed.id },
      ...{ userMessageId: spoken.userMessage.id, replyMessageId: spoken.reply.id },
      ...{ turnId: spoken.turn.id, runningTurnId: running.turn.id },
    };
    expect((await store.listEntries(owner, ids.turnId)).length).toBe(1);
    expect(await store.findIdempotent(owner, key)).toEqual({ targetId: ids.turnId });
  });

  const readOwn = async () => ({
    sessions: [
      await store.listSessions(owner, { ...page, deleted: false }),
      await store.listSessions(owner, { ...page, deleted: true }),
    ],
    messages: await readAll(store, ids.sessionId, owner),
    turns: [await store.findTurn(owner, ids.turnId), await store.findTurn(owner, ids.runningTurnId)],
    stops: await store.listStopRequests(4711),
    key: await store.findIdempotent(owner, key),
    books: await store.sumBooks(),
  });

  test.each(Object.keys(attempts))(
    "%s answers a stranger as if there were nothing, and changes nothing",
    async (name) => {
      const before = await readOwn();
      const [real, none] = [await tell(attempts[name]!(store, ids)), await tell(attempts[name]!(store, nowhere()))];
      expect(real).toEqual(none);
      expect(JSON.stringify(real)).not.toMatch(/secret/);
      expect(await readOwn()).toEqual(before);
    },
  );

  test("no promise of the store has been left out", () => {
    const asked = Object.keys(attempts).filter((name) => name in store);
    expect(Object.keys(store).sort()).toEqual([...asked, ...elsewhere, ...ofTheHouse].sort());
  });

  test("a stranger's lists, searches and counts have nothing of it, whatever the cursor", async () => {
    for (const deleted of [false, true]) {
      for (const cursor of [{}, { after: ids.sessionId }, { before: ids.trashedSessionId }]) {
        const [real, none] = [
          await tell(store.listSessions(stranger, { ...page, deleted, ...cursor })),
          await tell(store.listSessions("somebody without anything", { ...page, deleted, ...cursor })),
        ];
        expect(real).toEqual(none);
        expect(JSON.stringify(real)).not.toContain(ids.sessionId);
      }
      for (const words of ["secret", "Anna", "question", `"${owner}"`, owner])
        expect(await store.searchSessions(stranger, words, { ...page, deleted })).toEqual({ data: [], hasMore: false });
    }
  });

  test("a stranger's own session cannot be tied to another's message, nor its key be met", async () => {
    const own = await newSession(store, {}, stranger);
    const answer = async (parentId: string) =>
      tell(store.openTurn(openInput(own.id, { owner: stranger, parentId }))) as Promise<object>;
    expect(await answer(ids.replyMessageId)).toEqual(await answer(newId()));
    const other = await store.createSession(stranger, newId(), { ...noFields, title: "own" }, at, key);
    expect(other.title).toBe("own");
    expect(await store.findIdempotent(owner, key)).toEqual({ targetId: ids.turnId });
    expect(await store.settleTurn(ids.turnId, 1, [entryFor(1n)])).toBe(false);
  });
});

describe("invariant 8 while a turn runs", () => {
  let server: HttpServer;
  beforeAll(async () => {
    server = await startHttp({ providerMs: 20_000 });
  });
  afterAll(() => server.stop());

  test("a stranger can neither follow nor stop it, nor speak in its session, and learns no more than of nothing", async () => {
    const { store, turns } = server;
    server.emulator.play({ fault: "stall", text: "secret words, then silence", chunks: 6, after: 3 });
    const session = await newSession(store, {}, owner);
    const start = (by: string, sessionId: string) =>
      turns.start({
        ...{ owner: by, sessionId, content: "hi", model: undefined, params: undefined, parentId: undefined },
        ...{ ifBusy: "interrupt" as const, ifVersion: undefined, idempotency: undefined },
        caller: { left: new AbortController().signal },
      });
    const { turnId } = await start(owner, session.id);
    for (const [real, none] of [
      [turns.follow(stranger, turnId), turns.follow(stranger, newId())],
      [turns.stop(stranger, turnId, true), turns.stop(stranger, newId(), true)],
      [start(stranger, session.id), start(stranger, newId())],
    ]) {
      const told = await tell(real!);
      expect(told).toEqual(await tell(none!));
      expect(told).toMatchObject({ code: "not_found" });
    }
    expect((await store.findTurn(owner, turnId))?.status).toBe("running");
    expect((await turns.stop(owner, turnId, true)).status).toBe("stopped");
  });
});
