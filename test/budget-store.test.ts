// Budgets in the store, on both engines: held by all that concern a turn or by none, settled with its bill, whatever happens between.

import { beforeAll, describe, expect, test } from "bun:test";
import type { AppError } from "../src/errors.ts";
import { newId } from "../src/id.ts";
import type { Ask, Budget, BudgetLimit } from "../src/money/budget.ts";
import { type BudgetWindow, budgetWindows } from "../src/money/budget-window.ts";
import type { LedgerEntry } from "../src/money/ledger.ts";
import { type OpenTurn, StaleSession, type Store } from "../src/store.ts";
import { closeInput, entryFor, newSession, type Opened, openInput } from "./store-inputs.ts";
import { codeOf, openTestStore, storeEngines } from "./stores.ts";

const at = Date.parse("2026-11-25T12:00:00Z"); // a Wednesday
const project = "anna";
/** A call costs 10 for its prompt and 1 for each token of its answer. */
const ask: Ask = { model: "one", call: { promptPico: 10n, tokenPico: 1n }, tokens: 90, leastTokens: 20 };
const limitOf = (limit: bigint, window: BudgetWindow = "total", models: string[] | null = null): BudgetLimit => ({
  ...{ window, limit, models, names: models },
});

/** Whoever opens a turn either knows the budgets that concern it, or has them looked at. */
const ways = storeEngines.flatMap(([name, openFixture]) =>
  (["known", "looked at"] as const).map((way) => [way, name, openFixture] as const),
);

describe.each(ways)("budgets that are %s on %s", (way, _name, openFixture) => {
  let store: Store;
  let url: string;
  let user: string;
  beforeAll(async () => {
    ({ store, url } = await openFixture());
  });

  /** A user whom no other test has, and a session of theirs. */
  const someone = async () => {
    user = `someone ${newId()}`;
    return newSession(store, { user }, project);
  };
  const put = (scope: string, limits: BudgetLimit[], softPpm: number | null = null, now = at) =>
    store.putBudgets({ project: scope === "global" ? "" : project, scope }, limits, softPpm, null, now);
  const open = async (sessionId: string, change: Partial<OpenTurn> = {}) => {
    const input = openInput(sessionId, { owner: project, user, ask, at, ...change });
    const asker = { project: input.owner, sessionId, user: input.user ?? null, keyId: input.keyId ?? null };
    if (way === "known" && !("budgets" in change)) input.budgets = await store.findBudgets(asker);
    return (await store.openTurn(input)) as Opened;
  };
  const close = (opened: Opened, entries: LedgerEntry[], change = {}) => {
    const { holds, budgetVersion } = opened;
    return store.closeTurn(closeInput(opened, entries, { owner: project, holds, budgetVersion, ...change }));
  };
  const look = async (scope: string, now = at): Promise<Budget[]> => {
    const page = { project, global: true, scopes: [scope], limit: 100, at: now };
    return (await store.listBudgets(page)).data;
  };
  const figures = async (scope: string, now = at) => {
    const [budget] = await look(scope, now);
    return [budget!.settled, budget!.held];
  };
  const refusal = (promise: Promise<unknown>): Promise<AppError> =>
    promise.then(
      () => Promise.reject(new Error("it was not refused")),
      (cause) => cause,
    );

  test("a turn holds its worst case, and settles what it cost", async () => {
    const { id } = await someone();
    const scope = `user:${user}`;
    await put(scope, [limitOf(1_000n)]);
    const opened = await open(id);
    expect(opened.grant).toEqual({ tokens: 90, calls: 2, pico: 200n });
    expect(await figures(scope)).toEqual([0n, 200n]);
    await close(opened, [entryFor(30n)]);
    expect(await figures(scope)).toEqual([30n, 0n]);
  });

  test("it is held of all budgets or of none: the narrow one is not touched where the wide one is full", async () => {
    const session = await someone();
    const scopes = [`session:${session.id}`, `user:${user}`, "key:the key"];
    const keyId = "the key";
    await put(scopes[0]!, [limitOf(1_000n, "day")]);
    await put(scopes[1]!, [limitOf(500n, "week"), limitOf(400n, "month")]);
    await put(scopes[2]!, [limitOf(25n)]);
    const refused = await refusal(open(session.id, { keyId }));
    expect(refused.code).toBe("budget_exceeded");
    expect(refused.members).toEqual({
      ...{ scope: "key:the key", window: "total", limit: "0.000000000025", settled: "0", held: "0" },
      ...{ left: "0.000000000025", needed: "0.00000000003", resets_at: null },
    });
    for (const scope of scopes) for (const { held } of await look(scope)) expect(held).toBe(0n);
    await put(scopes[2]!, [limitOf(2_500n)]);
    const opened = await open(session.id, { keyId });
    expect(opened.holds).toHaveLength(4);
    for (const scope of scopes) for (const { held } of await look(scope)) expect(held).toBe(200n);
    await close(opened, [entryFor(30n)]);
    for (const scope of scopes)
      for (const { held, settled } of await look(scope)) expect([held, settled]).toEqual([0n, 30n]);
    await store.deleteBudgets({ project, scope: "key:the key" }, null, at);
  });

  test("what does not fit is shortened: first the second try goes, then the answer; below its use it is refused, with the figures", async () => {
    const { id } = await someone();
    const scope = `user:${user}`;
    const granted = async (limit: bigint) => {
      await put(scope, [limitOf(limit, "day")]);
      const opened = await open(id);
      await close(opened, []);
      return opened.grant;
    };
    expect(await granted(200n)).toEqual({ tokens: 90, calls: 2, pico: 200n });
    expect(await granted(199n)).toEqual({ tokens: 90, calls: 1, pico: 100n });
    expect(await granted(70n)).toEqual({ tokens: 60, calls: 1, pico: 70n });
    expect(await granted(30n)).toEqual({ tokens: 20, calls: 1, pico: 30n });
    await put(scope, [limitOf(29n, "day")]);
    expect((await refusal(open(id))).members).toMatchObject({
      needed: "0.00000000003",
      resets_at: "2026-11-26T00:00:00.000Z",
    });
    // Nothing of it is left: the session takes the next one.
    expect(await store.findSession(project, id)).toMatchObject({ runningTurnId: null });
    expect((await open(id, { ask: { ...ask, leastTokens: 5 } })).grant?.tokens).toBe(19);
  });

  test("other refusals come first, and an idempotency key is answered though the budget is spent", async () => {
    const { id } = await someone();
    await put(`user:${user}`, [limitOf(200n)]);
    const idempotency = { key: `a key ${id}`, bodyHash: "x", expiresAt: at + 1_000 };
    const opened = await open(id, { idempotency });
    expect(await codeOf(open(id))).toBe("turn_in_progress");
    expect(await codeOf(open(newId()))).toBe("not_found");
    expect(await store.openTurn(openInput(id, { owner: project, user, ask, at, idempotency }))).toEqual({
      ...{ kind: "replayed", turnId: opened.turn.id },
    });
    // The same turn asked for again, because a broken line kept its answer, finds what it holds.
    const again = await open(id, { turnId: opened.turn.id, known: undefined });
    expect([again.grant, again.holds]).toEqual([opened.grant, opened.holds]);
    await close(opened, [entryFor(200n)]);
    expect(await codeOf(open(id))).toBe("budget_exceeded");
    expect(await codeOf(open(id, { ifVersion: 77 }))).toBe("version_mismatch");
  });

  test("a cost that is not known is counted as what was held, and one beyond it as what it is, and said", async () => {
    const { id } = await someone();
    const scope = `user:${user}`;
    await put(scope, [limitOf(1_000n)]);
    await close(await open(id), [entryFor(null)]);
    expect(await figures(scope)).toEqual([200n, 0n]);
    await close(await open(id), [entryFor(250n)]);
    expect((await look(scope))[0]).toMatchObject({ settled: 450n, held: 0n, beyond: 50n });
    await close(await open(id), [entryFor(null), entryFor(300n, { attempt: 2 })]);
    expect((await look(scope))[0]).toMatchObject({ settled: 750n, held: 0n, beyond: 150n });
  });

  test("a bill that comes after the end settles then; until then it is held", async () => {
    const { id } = await someone();
    const scope = `user:${user}`;
    await put(scope, [limitOf(1_000n)]);
    const opened = await open(id);
    await close(opened, [], { settled: false, status: "stopped" });
    expect(await figures(scope)).toEqual([0n, 200n]);
    const bill = [entryFor(40n)];
    const book = () => store.settleTurn(opened.turn.id, 4711, bill);
    expect([await book(), await book()]).toEqual([true, false]);
    expect(await figures(scope)).toEqual([40n, 0n]);
  });

  test("a turn whose process is gone gives back what it held when it is closed by another", async () => {
    const { id } = await someone();
    const scope = `user:${user}`;
    await put(scope, [limitOf(1_000n)]);
    const opened = await open(id);
    // Whoever closes it knows of it what is stored.
    await store.closeTurn(
      closeInput({ turn: opened.turn }, [entryFor(15n)], { owner: project, status: "interrupted" }),
    );
    expect(await figures(scope)).toEqual([15n, 0n]);
  });

  test("a model without a price is refused where a budget concerns it, and there alone", async () => {
    const { id } = await someone();
    const unpriced = { ask: { ...ask, call: null } };
    await put(`user:${user}`, [limitOf(1_000n, "total", ["two"])]);
    const opened = await open(id, unpriced);
    expect(opened.grant).toBeNull();
    await close(opened, [entryFor(null)]);
    await put(`user:${user}`, [limitOf(1_000n)]);
    expect(await codeOf(open(id, unpriced))).toBe("unpriced_model");
  });

  test("a budget for some models counts calls to those alone", async () => {
    const { id } = await someone();
    const scope = `user:${user}`;
    await put(scope, [limitOf(1_000n, "day", ["one"]), limitOf(500n, "day", ["two"])]);
    await close(await open(id), [entryFor(30n)]);
    expect((await look(scope)).map(({ models, settled }) => [models, settled])).toEqual([
      [["one"], 30n],
      [["two"], 0n],
    ]);
  });

  test("another project's budget concerns nobody here, and the global one everybody", async () => {
    const { id } = await someone();
    await store.putBudgets({ project: "other", scope: `user:${user}` }, [limitOf(1n)], null, null, at);
    expect((await open(id)).grant).toBeNull();
    const theirs = await newSession(store, {}, "other");
    await put("global", [limitOf(10_000n)]);
    const opened = (await store.openTurn(openInput(theirs.id, { owner: "other", ask, at }))) as Opened;
    expect(opened.holds).toHaveLength(1);
    await store.closeTurn(closeInput(opened, [entryFor(1n)], { owner: "other" }));
    await store.deleteBudgets({ project: "", scope: "global" }, null, at);
  });

  test("a budget made late begins with what was spent in its window, and a turn that runs meanwhile is counted once", async () => {
    const session = await someone();
    const scope = `user:${user}`;
    const spend = async (pico: bigint, when: number) =>
      close(await open(session.id, { at: when }), [entryFor(pico, { at: when })]);
    await spend(7n, at - 40 * 86_400_000);
    await spend(20n, at - 86_400_000);
    await spend(300n, at - 1_000);
    const running = await open(session.id);
    expect(running.holds).toEqual([]);
    await put(
      scope,
      budgetWindows.map((window) => limitOf(1_000n, window)),
    );
    const settled = async () => (await look(scope)).map((budget) => budget.settled);
    expect(await settled()).toEqual([327n, 300n, 320n, 320n]);
    await close(running, [entryFor(5n)]);
    expect(await settled()).toEqual([332n, 305n, 325n, 325n]);
    expect((await look(scope)).map(({ beyond, held }) => [beyond, held])).toEqual(budgetWindows.map(() => [5n, 0n]));
  });

  test("a turn that runs while some budgets are made counts in the new ones as in those it holds", async () => {
    const session = await someone();
    await put(`user:${user}`, [limitOf(1_000n)]);
    const running = await open(session.id);
    await put(`session:${session.id}`, [limitOf(1_000n)]);
    await close(running, [], { settled: false });
    await store.settleTurn(running.turn.id, 4711, [entryFor(40n)]);
    expect([await figures(`user:${user}`), await figures(`session:${session.id}`)]).toEqual([
      [40n, 0n],
      [40n, 0n],
    ]);
  });

  test("a new limit for the same window keeps what is counted; one that is taken away while it is held leaves nothing behind", async () => {
    const { id } = await someone();
    const scope = `user:${user}`;
    await put(scope, [limitOf(1_000n, "day"), limitOf(5_000n, "month")]);
    await close(await open(id), [entryFor(30n, { at })]);
    const running = await open(id);
    await put(scope, [limitOf(100n, "day")]);
    expect((await look(scope)).map(({ window, limit, settled, held }) => [window, limit, settled, held])).toEqual([
      ["day", 100n, 30n, 200n],
    ]);
    await store.deleteBudgets({ project, scope }, null, at);
    await put(scope, [limitOf(1_000n, "day")]);
    expect(await figures(scope)).toEqual([30n, 0n]);
    await close(running, [entryFor(9n)]);
    expect(await figures(scope)).toEqual([39n, 0n]);
    expect(await codeOf(store.deleteBudgets({ project, scope: "user:nobody" }, null, at))).toBe("not_found");
  });

  test("an addition counts until its moment, and there are not too many at a time", async () => {
    const { id } = await someone();
    const scope = `user:${user}`;
    await put(scope, [limitOf(20n, "day")]);
    expect(await codeOf(open(id))).toBe("budget_exceeded");
    const [raised] = await store.increaseBudgets({ project, scope }, 500n, at + 1_000, null, at);
    expect(raised).toMatchObject({ limit: 520n });
    await close(await open(id), []);
    expect(await codeOf(open(id, { at: at + 1_000 }))).toBe("budget_exceeded");
    const more = () => store.increaseBudgets({ project, scope }, 1n, at + 1_000, null, at);
    for (let n = 1; n < 20; n++) await more();
    expect(await codeOf(more())).toBe("conflict");
    expect((await store.increaseBudgets({ project, scope }, 1n, at + 9_000, null, at + 1_000))[0]).toMatchObject({
      limit: 21n,
      increases: [{ pico: 1n, until: at + 9_000 }],
    });
  });

  test("a soft limit is told once in each window", async () => {
    const { id } = await someone();
    const scope = `user:${user}`;
    await put(scope, [limitOf(10_000n, "day")], 500_000);
    const told = async (pico: bigint, when = at) => {
      const opened = await open(id, { at: when });
      await close(opened, [entryFor(pico)]);
      return opened.soft.map((one) => [one.scope, one.settled]);
    };
    expect([await told(4_999n), await told(1n), await told(1n), await told(1n)]).toEqual([
      [],
      [],
      [[scope, 5_000n]],
      [],
    ]);
    const tomorrow = at + 86_400_000;
    expect([await told(6_000n, tomorrow), await told(1n, tomorrow), await told(1n, tomorrow)]).toEqual([
      [],
      [[scope, 6_000n]],
      [],
    ]);
  });

  test("a hold stays in the window in which it was made, and a clock that goes back finds the one before", async () => {
    const { id } = await someone();
    const other = await newSession(store, { user }, project);
    const scope = `user:${user}`;
    await put(scope, [limitOf(1_000n, "day")]);
    const tomorrow = at + 86_400_000;
    const running = await open(id);
    await close(await open(other.id, { at: tomorrow }), [entryFor(3n)]);
    expect([await figures(scope), await figures(scope, tomorrow)]).toEqual([
      [0n, 200n],
      [3n, 0n],
    ]);
    await close(running, [entryFor(50n)]);
    await close(await open(other.id), [entryFor(1n)]);
    expect([await figures(scope), await figures(scope, tomorrow)]).toEqual([
      [51n, 0n],
      [3n, 0n],
    ]);
  });

  test("who thinks that there is no budget is told at once that there is, whichever process made it", async () => {
    const { id } = await someone();
    const other = url.startsWith("sqlite") ? store : await openTestStore(url, { processId: 5 });
    const budgets = await store.findBudgets({ project, sessionId: id, user, keyId: null });
    const opened = await open(id, { ask: undefined, budgets });
    expect(opened.holds).toEqual([]);
    await close(opened, []);
    await other.putBudgets({ project, scope: `user:${user}` }, [limitOf(1_000n)], null, null, at);
    await expect(open(id, { ask: undefined, budgets })).rejects.toBeInstanceOf(StaleSession);
    await expect(open(id, { ask: undefined })).rejects.toBeInstanceOf(StaleSession);
    // What was taken away, or set anew, since it was known.
    const known = await store.findBudgets({ project, sessionId: id, user, keyId: null });
    expect(known.limits).toHaveLength(1);
    await other.putBudgets({ project, scope: `user:${user}` }, [limitOf(2_000n)], null, null, at);
    await expect(open(id, { budgets: known })).rejects.toBeInstanceOf(StaleSession);
    expect((await open(id)).holds).toHaveLength(1);
  });

  test("a hundred turns at once on a budget for a quarter of them: not one more is let in, and all of it is settled", async () => {
    await someone();
    const scope = `user:${user}`;
    await put(scope, [limitOf(2_500n, "day"), limitOf(2_700n, "month")]);
    const sessions = await Promise.all(Array.from({ length: 100 }, () => newSession(store, { user }, project)));
    const exact = { ...ask, tokens: 40, leastTokens: 40 };
    const opened = await Promise.all(
      sessions.map(({ id }) => open(id, { ask: exact }).catch((cause: AppError) => cause.code)),
    );
    const taken = opened.filter((one) => typeof one === "object") as Opened[];
    expect(new Set(opened.filter((one) => typeof one === "string"))).toEqual(new Set(["budget_exceeded"]));
    const held = taken.reduce((sum, { grant }) => sum + grant!.pico, 0n);
    expect(held).toBeLessThanOrEqual(2_500n);
    expect(held).toBeGreaterThan(2_450n);
    expect(await figures(scope)).toEqual([0n, held]);
    await Promise.all(taken.map((one) => close(one, [entryFor(20n)])));
    expect(await figures(scope)).toEqual([20n * BigInt(taken.length), 0n]);
  });

  test("scopes are listed page by page, in the order of their names", async () => {
    const names = ["user:page 1", "user:page 2", "user:page 3"];
    for (const scope of names)
      await store.putBudgets({ project: "paged", scope }, [limitOf(5n), limitOf(6n, "day")], null, null, at);
    const list = (limit: number, after?: string) =>
      store.listBudgets({ project: "paged", global: false, scopes: null, limit, after, at });
    const first = await list(2);
    expect([first.data.map(({ scope }) => scope), first.hasMore]).toEqual([
      [names[0]!, names[0]!, names[1]!, names[1]!],
      true,
    ]);
    const second = await list(2, names[1]);
    expect([second.data.map(({ limit }) => limit), second.hasMore]).toEqual([[5n, 6n], false]);
  });
});
