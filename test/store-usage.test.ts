// Usage says what the ledger says, to the picodollar, however it is grouped and whenever it is asked for.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { newId } from "../src/id.ts";
import { Calendar, dayMs } from "../src/money/calendar.ts";
import type { LedgerEntry } from "../src/money/ledger.ts";
import { type UsageQuery, usageGroups } from "../src/money/usage-store.ts";
import { closeInput, entryFor, newSession, open, processId } from "./store-inputs.ts";
import { storeEngines } from "./stores.ts";
import { addUp, type Booked, printRows } from "./usage-model.ts";

const begin = Date.UTC(2025, 10, 20);
const keys = [null, newId(), newId()];
const users = [null, "anna", "=bohdan", "𝒳 user"];
const projects = ["", "shop", "Ґ"];

const call = fc.record({
  at: fc.integer({ min: 0, max: 70 * dayMs }),
  model: fc.constantFrom("one-001", "two", null),
  total: fc.option(fc.bigInt({ min: 0n, max: 2n ** 60n })),
  refused: fc.boolean(),
});
const turn = fc.record({
  session: fc.nat(7),
  user: fc.constantFrom(...users),
  key: fc.constantFrom(...keys),
  calls: fc.array(call, { maxLength: 3 }),
  how: fc.constantFrom("close", "later", "never"),
  rolled: fc.boolean(),
});
const query = fc.record({
  groups: fc.subarray([...usageGroups]),
  project: fc.constantFrom(null, ...projects),
  user: fc.constantFrom(null, null, ...users.slice(1)),
  ofSessions: fc.option(fc.subarray([0, 1, 2, 3, 4, 5, 6, 7]), { freq: 4 }),
  zone: fc.constantFrom("UTC", "Europe/Kyiv", "Asia/Kathmandu", "America/St_Johns"),
  since: fc.integer({ min: -dayMs, max: 70 * dayMs }),
  long: fc.integer({ min: 1, max: 80 * dayMs }),
  whole: fc.boolean(),
});

function entryOf(
  { at, model, total, refused }: typeof call extends fc.Arbitrary<infer T> ? T : never,
  number: number,
): LedgerEntry {
  const made = entryFor(refused ? 0n : total, { attempt: number, at: begin + at, modelServed: model });
  return refused ? { ...made, usage: null, outcome: "refused" } : made;
}

describe.each(storeEngines)("usage on %s", (name, openFixture) => {
  const runs = name === "SQLite" ? 100 : 10; // without a limit it asks day by day, and there over the network

  test("any grouping of any stretch of time is the ledger, added up, whatever of it is rolled up already", async () => {
    const { store } = await openFixture();
    const sessions = await Promise.all(
      Array.from({ length: 8 }, (_, at) => newSession(store, {}, projects[at % projects.length])),
    );
    const booked: Booked[] = [];
    const turns = fc.sample(turn, { numRuns: 120, seed: 7 });
    for (const one of turns) {
      const session = sessions[one.session]!;
      const owner = projects[one.session % projects.length]!;
      const opened = await open(store, session.id, { owner, user: one.user, keyId: one.key });
      const entries = one.calls.map((made, at) => entryOf(made, at + 1));
      const { id } = opened.turn;
      const close = closeInput(opened, entries, { owner });
      if (one.how === "close") await store.closeTurn(close);
      else await store.closeTurn({ ...close, settled: false });
      if (one.rolled) await store.settleUsage();
      if (one.how === "later") expect(await store.settleTurn(id, processId, entries)).toBe(true);
      if (one.how === "never") continue;
      for (const entry of entries)
        booked.push({ ...entry, project: owner, session: session.id, turn: id, user: one.user, key: one.key });
    }
    const check = async ({
      since,
      long,
      whole,
      zone,
      ofSessions,
      ...asked
    }: typeof query extends fc.Arbitrary<infer T> ? T : never) => {
      const calendar = new Calendar(zone);
      const from = begin + since;
      const span = whole
        ? {
            since: calendar.startOf(calendar.dateAt(from)),
            until: calendar.startOf(calendar.dateAt(from + long + dayMs)),
          }
        : { since: from, until: from + long };
      const days = asked.groups.includes("day") ? calendar.listDays(span) : [{ ...span, name: "" }];
      const wanted: UsageQuery = { ...asked, days, sessions: ofSessions?.map((at) => sessions[at]!.id) ?? null };
      const expected = printRows(addUp(booked, wanted));
      expect(printRows(await store.sumUsage(wanted))).toEqual(expected);
      const listed = [];
      for await (const rows of store.listUsage(wanted)) listed.push(...rows);
      expect(printRows(listed)).toEqual(expected);
      const byTurn = [];
      for await (const rows of store.listTurnUsage(wanted, span)) byTurn.push(...rows);
      const named = (rows: readonly Booked[]) => [...new Set(rows.map(({ turn }) => turn))].toSorted();
      const sessionsOf = { ...wanted, groups: ["session" as const], days: [{ ...span, name: "" }] };
      const turns = booked.filter((entry) => addUp([entry], sessionsOf).length > 0);
      expect(byTurn.map(({ turn }) => turn).toSorted()).toEqual(named(turns));
      const total = (rows: readonly { cost: { total: bigint | null } }[]) =>
        rows.reduce((sum, { cost }) => sum + (cost.total ?? 0n), 0n);
      expect(total(byTurn)).toBe(total(listed));
    };
    await fc.assert(fc.asyncProperty(query, check), { numRuns: runs });
    await store.settleUsage();
    await fc.assert(fc.asyncProperty(query, check), { numRuns: runs });
  }, 180_000);
});
