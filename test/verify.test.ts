// `rozmova verify`: books that are right are found right, and whatever is altered in them is named.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { verifyBooks } from "../src/command/verify.ts";
import { cuts } from "../src/database/money/usage-roll.ts";
import { CallChecker, type Difference } from "../src/money/verify/compare.ts";
import { book } from "./book-call.ts";
import { engines } from "./engines.ts";
import { rawCounted, rawUsage } from "./raw-usage.ts";
import { published } from "./recompute.ts";
import { openTestStore } from "./stores.ts";
import { alter, keepBooks, readSessions, storedAs } from "./verify-books.ts";

/** What is altered in the call of a turn: the column, its new value, and what is said of it where that is another column. */
const alterations: [column: string, turn: string, value: string, named?: string][] = [
  ["vendor", "full", "'other'"],
  ["model_served", "served", "'gemini-2.5-pro'", "price"],
  ["model_requested", "full", "'gemini-2.5-pro'", "price"],
  ["at", "full", "0", "price"],
  ["price", "full", "NULL", "total_pico"],
  ["price", "full", "999", "price"],
  ["input_tokens", "full", "input_tokens + 1"],
  ["cached_tokens", "full", "cached_tokens - 1"],
  ["output_tokens", "full", "output_tokens + 1"],
  ["thinking_tokens", "full", "0"],
  ["tool_tokens", "full", "NULL"],
  ["total_tokens", "full", "total_tokens * 2"],
  ["total_pico", "full", "total_pico + 1"],
  ["total_pico", "full", "NULL"],
  ["total_pico", "unknown", "0"],
  ["accuracy_rank", "broken", "0", "accuracy"],
  ["accuracy_rank", "unpricedTier", "0", "accuracy"],
  ["balanced", "unbalanced", "1"],
  ["outcome", "full", "'broken'", "accuracy"],
  ["outcome", "full", "'refused'", "total_pico"],
  ["lines", "full", "'[]'"],
  ["lines", "searched", "replace(lines, 'grounding_maps', 'maps')"],
  ["usage_raw", "full", "replace(usage_raw, '1000', '1001')", "input_tokens"],
  ["usage_raw", "flex", "replace(usage_raw, 'flex', 'standard')", "lines"],
  ["usage_raw", "full", "NULL", "lines"],
  ["counted", "searched", "NULL", "lines"],
  ["counted", "searchedByQuery", "replace(counted, '\"queries\":2', '\"queries\":3')", "lines"],
  ["counted", "broken", "replace(counted, '\"answer\":', '\"answer\":9')", "lines"],
  ["counted", "estimated", "replace(counted, '\"prompt\":40', '\"prompt\":41')", "input_tokens"],
];

const counts = ["input", "cached", "output", "thinking", "tool", "total"].map((name) => `${name}_tokens`);
const many = 1_000;

describe.each(engines)("on %s", (_, createDatabase) => {
  /** A database with these turns, closed. */
  const prepare = async (kinds?: string[]) => {
    const url = await createDatabase();
    const store = await openTestStore(url);
    const ids = await keepBooks(store, kinds);
    await store.close();
    return { url, ids };
  };
  const rowOf = (id: string) => `turn = (SELECT row FROM turn WHERE id = '${id}')`;
  /** All that is said of some things: "turn 0192...: cost_pico". */
  const listFound = async (url: string) => {
    const { found } = await verifyBooks(url, { shown: many });
    return found.shown.map(({ where, what }) => `${where}: ${what}`);
  };

  test("books as the booking keeps them are as they must be, with every kind of call in them", async () => {
    const { url } = await prepare();
    const { found, checked } = await verifyBooks(url);
    expect(found.shown).toEqual([]);
    expect(checked[0]).toBe("21 calls");
  });

  test("whatever is altered in a call is named", async () => {
    const { url, ids } = await prepare(["full", ...alterations.map(([, kind]) => kind)]);
    const altered = alterations.map(
      ([column, , value], index) => `UPDATE ledger SET ${column} = ${value} WHERE ${rowOf(ids[index + 1]!)}`,
    );
    await alter(url, ...altered);
    const found = await listFound(url);
    const missed = alterations.filter(
      ([column, , , named = column], index) => !found.includes(`call ${ids[index + 1]}/1: ${named}`),
    );
    expect(missed).toEqual([]);
    expect(found.filter((line) => line.includes(ids[0]!))).toEqual([]);
  });

  test("a call that is moved, removed or slipped in is named, or the turn whose sum it was in", async () => {
    const { url, ids } = await prepare(["tried", "full", "full", "full", "full"]);
    const [tried, removed, moved, doubled, left] = ids;
    await alter(
      url,
      `DELETE FROM ledger WHERE ${rowOf(tried!)} AND number = 2`,
      `DELETE FROM ledger WHERE ${rowOf(removed!)}`,
      `UPDATE ledger SET turn = 999 WHERE ${rowOf(moved!)}`,
      `CREATE TABLE copied AS SELECT * FROM ledger WHERE ${rowOf(doubled!)}`,
      "UPDATE copied SET number = 2",
      "INSERT INTO ledger SELECT * FROM copied",
      "DROP TABLE copied",
    );
    const found = await listFound(url);
    for (const line of [
      ...[`turn ${tried}: last_call`, `turn ${tried}: cost_pico`, `turn ${removed}: cost_pico`],
      ...["call of no turn/1: turn", `turn ${moved}: cost_pico`, `turn ${doubled}: cost_pico`],
    ])
      expect(found).toContain(line);
    expect(found.filter((line) => line.includes(left!))).toEqual([]);
  });

  test("whatever is altered in a turn's or a session's sums is named", async () => {
    const { url, ids } = await prepare([...counts, "cost", "rank"].map(() => "full"));
    const ofTurn = ["cost_pico", "accuracy_rank", ...counts];
    const ofSession = [...ofTurn, "unpriced_turns"];
    await alter(
      url,
      ...ofTurn.map((column, index) => `UPDATE turn SET ${column} = ${column} + 1 WHERE id = '${ids[index]}'`),
      ...ofSession.map((column) => `UPDATE session SET ${column} = ${column} + 1 WHERE row = 1`),
    );
    const [first] = await readSessions(url);
    const found = await listFound(url);
    for (const [index, column] of ofTurn.entries()) expect(found).toContain(`turn ${ids[index]}: ${column}`);
    for (const column of ofSession) expect(found).toContain(`session ${first}: ${column}`);
  });

  test("each sum of usage that was altered, removed or slipped in is named, also where others make up for it", async () => {
    const url = await createDatabase();
    const store = await openTestStore(url);
    await keepBooks(store);
    await store.settleUsage();
    await store.close();
    expect(await listFound(url)).toEqual([]);
    const kept = Object.entries(cuts).flatMap(([cut, steps]) => steps.map((step) => [cut, step] as const));
    for (const [cut, step] of kept) {
      const where = `WHERE cut = '${cut}' AND step = ${step}`;
      const named = (what: string) => new RegExp(`^usage by ${cut}, ${step} minutes from \\d+: .*: ${what}$`);
      const columns = step === 15 ? ["turns", "unpriced_turns", "accuracy_rank", "total_tokens"] : [];
      for (const column of ["cost_rest", ...columns]) {
        // One model has more and another less: all of them together are as they were.
        const [more, less] = ["MAX", "MIN"].map(
          (end) => `${where} AND model = (SELECT ${end}(model) FROM usage_sum ${where})`,
        );
        const by = column === "accuracy_rank" ? 9 : 1;
        await alter(
          url,
          `UPDATE usage_sum SET ${column} = ${column} + ${by} ${more}`,
          `UPDATE usage_sum SET ${column} = ${column} - ${by} ${less}`,
        );
        const found = (await listFound(url)).filter((line) =>
          named(column === "cost_rest" ? "cost_pico" : column).test(line),
        );
        expect([cut, step, column, found.length >= 2]).toEqual([cut, step, column, true]);
        await alter(
          url,
          `UPDATE usage_sum SET ${column} = ${column} - ${by} ${more}`,
          `UPDATE usage_sum SET ${column} = ${column} + ${by} ${less}`,
        );
      }
      await alter(url, `UPDATE usage_sum SET at = at + 3456000000 ${where}`);
      expect((await listFound(url)).filter((line) => named("calls").test(line)).length).toBeGreaterThan(1);
      await alter(url, `UPDATE usage_sum SET at = at - 3456000000 ${where}`);
    }
    expect(await listFound(url)).toEqual([]);
  }, 60_000);

  test("a price row that was altered is named, and so is each call that it would price otherwise", async () => {
    const { url, ids } = await prepare(["full", "flex", "large"]);
    const ofFull = `row = (SELECT price FROM ledger WHERE ${rowOf(ids[0]!)})`;
    await alter(
      url,
      `UPDATE price SET content = replace(content, '"output":"2.50"', '"output":"2.40"') WHERE ${ofFull}`,
    );
    const found = await listFound(url);
    expect(found.filter((line) => /^price row .*: content$/.test(line))).toHaveLength(1);
    expect(found).toContain(`call ${ids[0]}/1: lines`);
    expect(found.filter((line) => line.includes(ids[2]!))).toEqual([]);
  });

  test("beside a running server, all that is read is of one moment", async () => {
    const url = await createDatabase();
    const store = await openTestStore(url);
    let writing = true;
    const write = async () => {
      while (writing) await keepBooks(store, ["full", "tried"]);
    };
    const written = write();
    try {
      for (let round = 0; round < 5; round++) expect((await verifyBooks(url)).found.shown).toEqual([]);
    } finally {
      writing = false;
      await written;
      await store.close();
    }
  });
});

const lost = fc.constantFrom(
  ...[[], ["candidatesTokenCount"], ["totalTokenCount"], ["thoughtsTokenCount"], ["promptTokensDetails"]],
  ...[["promptTokenCount"], ["promptTokenCount", "promptTokensDetails", "cachedContentTokenCount"]],
);

test("whatever a vendor counts, and however a call ends, what is derived is what was booked", () => {
  const ends = fc.constantFrom("finished" as const, "broken" as const);
  const said = [
    rawUsage,
    rawCounted,
    fc.constantFrom(...published),
    ends,
    lost,
    fc.string({ maxLength: 900 }),
  ] as const;
  fc.assert(
    fc.property(...said, (given, counted, { model, from }, outcome, missing, text) => {
      const usage = Object.fromEntries(Object.entries(given).filter(([name]) => !missing.includes(name)));
      const entry = book({ usage, counted, modelRequested: model, at: Date.parse(from), outcome, text });
      const found: Difference[] = [];
      new CallChecker(() => true).check(storedAs(entry), (difference) => found.push(difference));
      expect(found).toEqual([]);
    }),
    { numRuns: 3_000 },
  );
});

test("a damaged usage is read as it was when it was booked", () => {
  const damaged = fc.dictionary(
    fc.constantFrom(
      "promptTokenCount",
      "cachedContentTokenCount",
      "candidatesTokenCount",
      "totalTokenCount",
      "serviceTier",
      "thoughtsTokenCount",
      "promptTokensDetails",
      "cacheTokensDetails",
      "candidatesTokensDetails",
    ),
    fc.oneof(
      fc.jsonValue(),
      fc.nat(50),
      fc.array(fc.record({ modality: fc.constantFrom("AUDIO", "text", "IMAGE", "?"), tokenCount: fc.nat(30) })),
    ),
  );
  fc.assert(
    fc.property(damaged, fc.boolean(), (usage, finished) => {
      const entry = book({ raw: JSON.stringify(usage), outcome: finished ? "finished" : "broken", text: "words" });
      const found: Difference[] = [];
      new CallChecker(() => true).check(storedAs(entry), (difference) => found.push(difference));
      expect(found).toEqual([]);
    }),
    { numRuns: 3_000 },
  );
});
