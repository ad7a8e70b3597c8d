// Fills a store with sessions that have a history, through the store's own door, before a server opens it.

import { defaultProject } from "../src/caller/project.ts";
import { openStore } from "../src/database/open.ts";
import { answerIdOf, newId, questionIdOf } from "../src/id.ts";
import type { Store } from "../src/store.ts";
import { answerLength, model, questionLength, textOf } from "./conversation.ts";

const processId = 1;
const atOnce = 500;

export interface Prefill {
  sessions: number;
  /** An even number: questions and answers. */
  messages: number;
  onProgress?: (done: number) => void;
}

/** Makes sessions with messages; returns their ids. They cost nothing: the books begin at zero. */
export async function prefill(databaseUrl: string, { sessions, messages, onProgress }: Prefill): Promise<string[]> {
  const store = await openStore(databaseUrl, { processId });
  const inOrder = databaseUrl.startsWith("sqlite:");
  const ids: string[] = [];
  try {
    while (ids.length < sessions) {
      const group = Array.from({ length: Math.min(atOnce, sessions - ids.length) }, () => newId());
      await Promise.all(group.map((id) => store.createSession(defaultProject, id, noFields, Date.now())));
      for (let turn = 0; turn < messages / 2; turn++) {
        await Promise.all(group.map((id) => addTurn(store, id, turn, inOrder)));
      }
      ids.push(...group);
      onProgress?.(ids.length);
    }
    await settle(store);
  } finally {
    await store.close();
  }
  return ids;
}

/** Makes one session with that many messages in SQLite; returns its id. A group of turns is queued at once, in order, and committed together. */
export async function prefillOne(databaseUrl: string, messages: number): Promise<string> {
  const store = await openStore(databaseUrl, { processId });
  const id = newId();
  const turnsAtOnce = 200;
  try {
    await store.createSession(defaultProject, id, noFields, Date.now());
    for (let turn = 0; turn < messages / 2; turn += turnsAtOnce) {
      const count = Math.min(turnsAtOnce, messages / 2 - turn);
      await Promise.all(Array.from({ length: count }, (_, at) => addTurn(store, id, turn + at, true)));
    }
    await settle(store);
  } finally {
    await store.close();
  }
  return id;
}

/** The search index is written behind the turns: what is left of it would be the measured server's first work. */
async function settle(store: Store): Promise<void> {
  await store.searchSessions(defaultProject, "settled", { limit: 1, deleted: false });
}

const noFields = { title: "Benchmark", model: null, system: null, params: {}, metadata: {} };

/** One finished turn, as a server would have left it. With `inOrder` its two writes are queued at once: SQLite's one writer keeps their order. */
async function addTurn(store: Store, sessionId: string, number: number, inOrder: boolean): Promise<void> {
  const turnId = newId();
  const question = textOf(number * 2, questionLength);
  const at = Date.now();
  const opened = store.openTurn({
    owner: defaultProject,
    sessionId,
    known: undefined,
    turnId,
    content: question,
    parentId: undefined,
    ifVersion: undefined,
    modelRequested: model,
    idempotency: undefined,
    at,
    processId,
    leaseMs: 60_000,
  });
  if (!inOrder) await opened;
  const closed = store.closeTurn({
    owner: defaultProject,
    opened: {
      turn: {
        ...{
          id: turnId,
          sessionId,
          userMessageId: questionIdOf(turnId),
          replyMessageId: answerIdOf(turnId),
          status: "running",
          modelRequested: model,
          imported: false,
          startedAt: at,
        },
        ...{ modelServed: null, finishReason: null, usage: null, cost: null, error: null, notices: [] },
        ...{ settled: false, user: null, keyId: null, firstTokenAt: null, endedAt: null },
      },
    },
    question,
    processId,
    status: "complete",
    text: textOf(number * 2 + 1, answerLength),
    thought: "",
    vendorParts: null,
    modelServed: model,
    finishReason: "stop",
    error: null,
    notices: [],
    firstTokenAt: at,
    endedAt: at,
    lastBatch: null,
    lastNumber: 2,
    entries: [],
    settled: true,
    memory: null,
  });
  const [, end] = await Promise.all([opened, closed]);
  if (end === undefined) throw new Error("a prefilled turn was not open when it was to be closed");
}
