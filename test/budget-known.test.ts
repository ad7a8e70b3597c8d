// What a process remembers of budgets: read once, never believed longer than they stand, and no way around a limit.

import { expect, test } from "bun:test";
import type { Ask } from "../src/money/budget.ts";
import type { BudgetAsker, FoundBudgets } from "../src/money/budget-store.ts";
import { isShort, KnownBudgets } from "../src/turn/opening/known-budgets.ts";

const asker: BudgetAsker = { project: "p", sessionId: "s", user: "anna", keyId: "k" };
const limit = { number: 1, scope: "key:k", window: "day" as const, names: null, limit: 9n, extras: [], softPpm: null };

/** A store that counts what is read of it, and answers with what it is told to. */
function storeOf(answer: Partial<FoundBudgets>) {
  const found = { version: 1, any: true, bySession: false, limits: [limit], ...answer };
  const asked: BudgetAsker[] = [];
  const findBudgets = async (one: BudgetAsker) => {
    asked.push(one);
    return { ...found };
  };
  return { found, asked, known: new KnownBudgets({ findBudgets }) };
}

test("where there are no budgets at all, nobody is asked about again, whoever it is", async () => {
  const { known, asked } = storeOf({ any: false, limits: [] });
  expect(known.recall(asker)).toBeUndefined();
  await known.read(asker);
  expect(known.recall({ ...asker, keyId: "another", user: null })?.budgets).toEqual({ version: 1, limits: [] });
  expect(asked).toHaveLength(1);
});

test("who is known is known in each of their sessions, and nobody else is; no name passes for another", async () => {
  const { known } = storeOf({});
  await known.read(asker);
  expect(known.recall({ ...asker, sessionId: "another" })?.budgets.limits).toEqual([limit]);
  const others = [
    { keyId: "another" },
    { keyId: null },
    { user: null },
    { user: "" },
    { user: "k anna" },
    { project: "q" },
  ];
  for (const other of others) expect(known.recall({ ...asker, ...other })).toBeUndefined();
  await known.read({ ...asker, keyId: null, user: "k  :anna" });
  expect(known.recall({ ...asker, keyId: "k", user: "anna" })).toBeDefined();
  expect(known.recall({ ...asker, keyId: "k", user: "k  :anna" })).toBeUndefined();
});

test("where sessions have budgets, each is known for itself", async () => {
  const { known } = storeOf({ bySession: true });
  await known.read(asker);
  expect(known.recall(asker)).toBeDefined();
  expect(known.recall({ ...asker, sessionId: "another" })).toBeUndefined();
});

test("another version of the budgets makes everything unknown, whoever has noticed it", async () => {
  const { known, found } = storeOf({});
  await known.read(asker);
  known.expect(1);
  expect(known.recall(asker)).toBeDefined();
  known.expect(2);
  expect(known.recall(asker)).toBeUndefined();
  await known.read(asker);
  found.version = 3;
  await known.read({ ...asker, keyId: "another" });
  expect(known.recall(asker)).toBeUndefined();
});

test("only so many are remembered; the first gives way", async () => {
  const { known } = storeOf({});
  await known.read(asker);
  for (let n = 0; n < 10_000; n++) await known.read({ ...asker, keyId: `${n}` });
  expect(known.recall(asker)).toBeUndefined();
  expect(known.recall({ ...asker, keyId: "0" })).toBeDefined();
});

test("less than was asked for is short, and no grant at all is not", () => {
  const ask: Ask = { model: "one", call: { promptPico: 10n, tokenPico: 1n }, tokens: 90, leastTokens: 20 };
  expect(isShort({ tokens: 90, calls: 2, pico: 200n }, ask)).toBe(false);
  expect(isShort({ tokens: 90, calls: 1, pico: 100n }, ask)).toBe(true);
  expect(isShort(null, ask)).toBe(false);
});
