// The books: ledger, turns and sessions always say the same, whatever happened in whatever order.

import { beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Cost, type LedgerEntry, sumCost } from "../src/money/ledger.ts";
import { addUsage, noUsage, type Usage } from "../src/money/usage.ts";
import type { Store } from "../src/store.ts";
import {
  closeInput,
  entryFor,
  newSession,
  type Opened,
  open,
  processId,
  testPrice,
  testUsage,
} from "./store-inputs.ts";
import { storeEngines } from "./stores.ts";

/** Up to 2^55 picodollars, past what a double holds; null: no price was in force. */
const amounts = fc.option(fc.bigInt({ min: 0n, max: 2n ** 55n }), { freq: 5, nil: null });
const bills = fc.array(amounts, { maxLength: 3 });
const actions = fc.array(
  fc.record({
    session: fc.nat(3),
    bill: bills,
    how: fc.constantFrom("close", "close later", "twice", "foreign", "trash"),
    usage: fc.boolean(),
  }),
  { minLength: 1, maxLength: 15 },
);

interface Expected {
  total: bigint;
  usage: Usage;
  unpriced: number;
}

describe.each(storeEngines)("books on %s", (_, openFixture) => {
  let store: Store;
  beforeAll(async () => {
    ({ store } = await openFixture());
  });

  test("ledger = turns = sessions after any sequence of turns, and each session has its own sum", async () => {
    await fc.assert(
      fc.asyncProperty(actions, async (sequence) => {
        const sessions = await Promise.all([0, 1, 2, 3].map(() => newSession(store)));
        const expected: Expected[] = sessions.map(() => ({ total: 0n, usage: noUsage, unpriced: 0 }));
        for (const { session, bill, how, usage } of sequence) {
          const opened = await open(store, sessions[session]!.id);
          const used = usage ? testUsage : null;
          const entries = bill.map((total, index) => entryFor(total, { attempt: index + 1, usage: used }));
          const cost = sumCost(entries);
          await act(store, how, opened, entries);
          const sum = expected[session]!;
          sum.total += cost.total ?? 0n;
          sum.unpriced += cost.unpricedTurns;
          for (const entry of entries) sum.usage = addUsage(sum.usage, entry.usage ?? noUsage);
        }
        for (const [index, { id }] of sessions.entries()) {
          const { total, usage, unpriced } = expected[index]!;
          const session = await store.findSession("", id);
          expect(session?.usage).toEqual(usage);
          expect(session?.cost.total).toBe(total === 0n && unpriced > 0 ? null : total);
          expect(session?.cost.unpricedTurns).toBe(unpriced);
        }
        const books = await store.sumBooks();
        expect(books.sessionsTotal).toBe(books.entriesTotal);
        expect(books.turnsTotal).toBe(books.entriesTotal);
        expect(books.runningTurns).toBe(0);
      }),
      { numRuns: 15 },
    );
  });

  test("a receipt comes back as it was booked, with its price row, for ever", async () => {
    const session = await newSession(store);
    const opened = await open(store, session.id);
    const lines = [
      { item: "input_text", quantity: 123, unit: "token" as const, unitPrice: 2n ** 60n, amount: 2n ** 61n + 1n },
      { item: "grounding", quantity: 1, unit: "query" as const, unitPrice: 1n, amount: 0n },
    ];
    const first = entryFor(null, {
      attempt: 1,
      usage: null,
      usageRaw: null,
      modelServed: null,
      errorCode: "provider_error",
      balanced: false,
    });
    const second = entryFor(2n ** 61n + 1n, {
      attempt: 2,
      lines,
      usageRaw: '{"a":"\\u0000","b":1e400}',
      counted: { search: { prompts: 1, queries: 3 }, maps: { prompts: 1 } },
      accuracy: "partial",
    });
    await store.closeTurn(closeInput(opened, [first, second]));
    expect(await store.listEntries("", opened.turn.id)).toEqual([first, second]);
    // The same id with other rates: somebody edited a price file. The old receipt keeps the rates it was made with.
    const later = await open(store, session.id);
    const changed = { ...testPrice, key: "another price", rates: { input: "999" } };
    await store.closeTurn(closeInput(later, [entryFor(1n, { price: changed })]));
    expect((await store.listEntries("", opened.turn.id))[1]?.price).toEqual(testPrice);
    expect((await store.listEntries("", later.turn.id))[0]?.price).toEqual(changed);
  });

  test("the worst accuracy is the session's, and a session of unpriced turns only costs null, never zero", async () => {
    const session = await newSession(store);
    const turn = async (total: bigint | null, accuracy: LedgerEntry["accuracy"]) => {
      const opened = await open(store, session.id);
      const closed = await store.closeTurn(closeInput(opened, [entryFor(total, { accuracy })]));
      return closed?.session.cost;
    };
    expect(await turn(null, "unknown")).toEqual({ total: null, accuracy: "unknown", unpricedTurns: 1 });
    expect(await turn(4n, "exact")).toEqual({ total: 4n, accuracy: "unknown", unpricedTurns: 1 });
    const second = await newSession(store);
    const opened = await open(store, second.id);
    const closed = await store.closeTurn(closeInput(opened, [entryFor(4n, { accuracy: "estimated" })]));
    expect(closed?.session.cost).toEqual({ total: 4n, accuracy: "estimated", unpricedTurns: 0 });
  });

  test("a turn without a single call costs nothing, exactly", async () => {
    const session = await newSession(store);
    const free: Cost = { total: 0n, accuracy: "exact", unpricedTurns: 0 };
    const closed = await store.closeTurn(closeInput(await open(store, session.id), [], { status: "failed" }));
    expect(closed?.turn.cost).toEqual(free);
    expect(closed?.session.cost).toEqual(free);
  });
});

async function act(store: Store, how: string, opened: Opened, entries: LedgerEntry[]): Promise<void> {
  const close = closeInput(opened, entries);
  const { id, sessionId } = opened.turn;
  if (how === "foreign") expect(await store.closeTurn({ ...close, processId: processId + 1 })).toBeUndefined();
  if (how === "trash") await store.trashSession("", sessionId, 1);
  if (how === "close later") {
    await store.closeTurn({ ...close, settled: false });
    expect(await store.settleTurn(id, processId, entries)).toBe(true);
    expect(await store.settleTurn(id, processId, entries)).toBe(false);
  } else {
    expect(await store.closeTurn(close)).toBeDefined();
    if (how === "twice") expect(await store.closeTurn(close)).toBeUndefined();
  }
  if (how === "trash") await store.restoreSession("", sessionId, 1);
}
