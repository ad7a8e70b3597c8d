// What store tests put into a store: inputs with everything that a test does not care about filled in.

import type { ImportedTurn, ImportSession } from "../src/conversation/import.ts";
import { answerIdOf, newId, questionIdOf } from "../src/id.ts";
import type { LedgerEntry, ReceiptPrice } from "../src/money/ledger.ts";
import type { Usage } from "../src/money/usage.ts";
import type { CloseTurn, OpenedTurn, OpenTurn, SessionFields, Store } from "../src/store.ts";

export const processId = 4711;
export const noFields: SessionFields = { title: null, model: null, system: null, params: {}, metadata: {} };
export type Opened = Extract<OpenedTurn, { kind: "opened" }>;

export const testPrice: ReceiptPrice = {
  key: "a price of a test",
  id: "acme/one/2026-01-01",
  effectiveFrom: "2026-01-01",
  source: "https://example.com/prices",
  readOn: "2026-11-23",
  rates: { input: "0.3", output: "2.5", nested: { above: 200_000 } },
};

export const testUsage: Usage = {
  inputTokens: 10,
  cachedTokens: 4,
  outputTokens: 5,
  thinkingTokens: 3,
  toolTokens: 1,
  totalTokens: 19,
};

export function newSession(store: Store, fields: Partial<SessionFields> = {}, owner = "") {
  return store.createSession(owner, newId(), { ...noFields, ...fields }, Date.now());
}

export function openInput(sessionId: string, change: Partial<OpenTurn> = {}): OpenTurn {
  return {
    ...{
      owner: "",
      sessionId,
      known: undefined,
      turnId: newId(),
      content: "Hello",
    },
    ...{ parentId: undefined, ifVersion: undefined, modelRequested: "one", idempotency: undefined },
    ...{ at: Date.now(), processId, leaseMs: 60_000 },
    ...change,
  };
}

export async function open(store: Store, sessionId: string, change: Partial<OpenTurn> = {}): Promise<Opened> {
  const opened = await store.openTurn(openInput(sessionId, change));
  if (opened.kind !== "opened") throw new Error("the turn was replayed");
  return opened;
}

export function entryFor(total: bigint | null, change: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    ...{
      purpose: "chat",
      outcome: "finished",
      attempt: 1,
      at: Date.now(),
      vendor: "acme",
    },
    ...{
      modelRequested: "one",
      modelServed: "one-001",
      price: total === null ? null : testPrice,
      usageRaw: '{"in":10}',
      counted: null,
      usage: testUsage,
    },
    lines:
      total === null
        ? []
        : [{ item: "input_text", quantity: 10, unit: "token", unitPrice: total / 10n, amount: total }],
    ...{ total, accuracy: total === null ? "unknown" : "exact", balanced: true, errorCode: null },
    ...change,
  };
}

export function closeInput(
  { turn, session, row, userMessage, siblings }: CloseTurn["opened"],
  entries: LedgerEntry[],
  { holds, budgetVersion, ...change }: Partial<CloseTurn> & Pick<CloseTurn["opened"], "holds" | "budgetVersion"> = {},
): CloseTurn {
  return {
    ...{
      owner: "",
      opened: { turn, session, row, siblings, holds, budgetVersion },
      question: userMessage?.content ?? "",
      processId,
      status: "complete",
      text: "Hi!",
      thought: "",
      vendorParts: null,
    },
    ...{
      modelServed: "one-001",
      finishReason: "stop",
      error: null,
      notices: [],
      firstTokenAt: turn.startedAt,
      endedAt: Date.now(),
    },
    ...{
      lastBatch: null,
      lastNumber: 2,
      entries,
      settled: true,
      memory: null,
    },
    ...change,
  };
}

/** A whole turn; returns what closeTurn returned. */
export async function speak(
  store: Store,
  sessionId: string,
  content: string,
  text: string,
  change: Partial<OpenTurn> = {},
  cost = 100n,
) {
  const opened = await open(store, sessionId, { content, ...change });
  const closed = await store.closeTurn(closeInput(opened, [entryFor(cost)], { text, owner: change.owner ?? "" }));
  if (!closed) throw new Error("the turn was not running");
  return { ...closed, userMessage: opened.userMessage };
}

/** The whole path to a message, or to the newest one of the current branch. */
export async function readAll(store: Store, sessionId: string, owner = "", tip?: string) {
  const messages = [];
  for await (const chunk of store.readHistory(owner, sessionId, tip)) messages.push(...chunk);
  return messages;
}

/** A file of a session with so many turns, one behind the other, each with these words; the first forks once. */
export function importInput(turns: number, words: string, change: Partial<ImportSession> = {}): ImportSession {
  const at = Date.UTC(2026, 10, 1);
  const all: ImportedTurn[] = [];
  for (let n = 0; n < turns; n++) {
    const id = newId(at + n);
    const parentId = n < 2 ? null : all.at(-1)!.answerId;
    all.push({
      ...{ id, parentId, questionId: questionIdOf(id), answerId: answerIdOf(id) },
      ...{ question: `${words} ${n}?`, answer: `${words} ${n}.`, thought: null, vendorParts: null },
      ...{ status: "complete", modelRequested: "one", modelServed: "one-001", finishReason: "stop", error: null },
      ...{ notices: [], usage: testUsage, cost: { total: 100n, accuracy: "exact", unpricedTurns: 0 }, user: null },
      ...{ startedAt: at + n, firstTokenAt: null, endedAt: at + n, calls: "[]" },
    });
  }
  return {
    ...{ owner: "", seesUser: null, copy: false, at, id: newId(), title: words, model: null, system: words },
    ...{ params: {}, metadata: { words }, user: null, pinned: false },
    ...{ createdAt: at, updatedAt: at, activeAt: at, tip: null, turns: all },
    ...change,
  };
}
