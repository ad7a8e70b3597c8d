// The seals: every call is chained to all before it, and what is altered, removed or slipped in afterwards is named, on both engines.

import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { verifyBooks } from "../src/command/verify.ts";
import { openEngine } from "../src/database/open.ts";
import type { Store } from "../src/store.ts";
import { eventually } from "./client.ts";
import { engines } from "./engines.ts";
import { closeInput, newSession, open, processId } from "./store-inputs.ts";
import { openTestStore } from "./stores.ts";
import { alter, keepBooks, turns } from "./verify-books.ts";

const many = 1_000;

async function readRows<R>(url: string, sql: string): Promise<R[]> {
  const engine = await openEngine(url, { processId: 0, readOnly: true });
  try {
    return await engine.durable.all<R>(sql);
  } finally {
    await engine.close();
  }
}

/** Once so many calls are sealed. */
const sealedWith = (store: Store, entries: number) =>
  eventually(
    () => store.findSeal(undefined),
    (seal) => seal?.entries === entries,
  );

/** A call for a title, as a further one of this turn. */
async function bookTitle(store: Store, url: string, id: string): Promise<void> {
  const [found] = await readRows<{ turn: number; session: number }>(
    url,
    `SELECT row AS turn, session FROM turn WHERE id = '${id}'`,
  );
  const { turn, session } = found!;
  const at = Date.now();
  const ask = { model: "one", call: null, tokens: 512, leastTokens: 512 };
  const begun = {
    owner: "default",
    session,
    turn,
    ifVersion: undefined,
    processId,
    leaseMs: 60_000,
    promptEstimate: 1,
    ask,
  };
  await store.beginTitle({ ...begun, idempotency: undefined, at, calls: [] });
  const entries = turns.full!.map((entry) => ({ ...entry, purpose: "title" as const }));
  await store.endTitle({ owner: "default", session, processId, entries, title: null, at });
}

describe.each(engines)("on %s", (name, createDatabase) => {
  const listFound = async (url: string, kept: string[] = []) => {
    const { found } = await verifyBooks(url, { shown: many, kept });
    return found.shown.map(({ where, what }) => `${where}: ${what}`);
  };
  /** A database with these turns, sealed, closed. */
  const prepare = async (kinds?: string[]) => {
    const url = await createDatabase();
    const store = await openTestStore(url);
    const ids = await keepBooks(store, kinds);
    const calls = (kinds ?? Object.keys(turns)).reduce((sum, kind) => sum + turns[kind]!.length, 0);
    const seal = await sealedWith(store, calls);
    await store.close();
    return { url, ids, hash: seal!.hash };
  };
  const rowOf = (id: string) => `turn = (SELECT row FROM turn WHERE id = '${id}')`;

  test("every call is sealed once, and the chain can be made again from what the page of decisions says of it", async () => {
    const { url, hash } = await prepare();
    const { found, checked } = await verifyBooks(url, { kept: [hash] });
    expect([found.shown, checked[0], checked[1]]).toEqual([[], "21 calls", "1 seal kept elsewhere"]);
    const sha = (text: string) => createHash("sha256").update(text).digest("hex");
    const rows = await readRows<Record<string, string | number | null>>(
      url,
      `SELECT t.id, e.number, e.purpose, e.at, e.vendor, e.model_requested, e.model_served, p.key, e.input_tokens, e.cached_tokens, e.output_tokens,
         e.thinking_tokens, e.tool_tokens, e.total_tokens, CAST(e.total_pico AS TEXT) AS total_pico, e.accuracy_rank, e.balanced, e.outcome, e.error_code, e.lines,
         e.usage_raw, e.counted, e.turn FROM ledger e JOIN turn t ON t.row = e.turn LEFT JOIN price p ON p.row = e.price`,
    );
    const hashes = new Map(
      rows.map(({ turn, ...row }) => [
        `${turn}/${row.number}`,
        sha(JSON.stringify(["rozmova-entry-1", ...Object.values(row)])),
      ]),
    );
    let previous = "0".repeat(64);
    const seals = await readRows<{ sealed_at: number; entries: number; hash: string; members: string }>(
      url,
      "SELECT * FROM seal ORDER BY number",
    );
    for (const seal of seals) {
      const members = (JSON.parse(seal.members) as [number, number, string][]).map(
        ([turn, number]) => hashes.get(`${turn}/${number}`)!,
      );
      previous = sha(JSON.stringify(["rozmova-seal-1", previous, seal.sealed_at, seal.entries, ...members]));
      expect(seal.hash).toBe(previous);
    }
    expect(previous).toBe(hash);
  });

  test("whatever column of a sealed call is altered, the call is named", async () => {
    const columns: Record<string, string> = {
      ...{
        purpose: "'title'",
        at: "at + 1",
        vendor: "'other'",
        model_requested: "'x'",
        model_served: "'gemini-2.5-flash'",
      },
      ...{
        price: "NULL",
        input_tokens: "7",
        cached_tokens: "7",
        output_tokens: "7",
        thinking_tokens: "7",
        tool_tokens: "7",
      },
      ...{
        total_tokens: "7",
        total_pico: "7",
        accuracy_rank: "2",
        balanced: "0",
        error_code: "'internal'",
        outcome: "'broken'",
      },
      ...{ lines: "'[]'", usage_raw: "'{}'", counted: "'{}'" },
    };
    const { url, ids } = await prepare(["full", ...Object.keys(columns).map(() => "full")]);
    const there = await readRows<{ column: string }>(url, listColumns(name));
    expect(there.map(({ column }) => column).sort()).toEqual([...Object.keys(columns), "number", "turn"].sort());
    const altered = Object.entries(columns).map(
      ([column, value], index) => `UPDATE ledger SET ${column} = ${value} WHERE ${rowOf(ids[index + 1]!)}`,
    );
    await alter(url, ...altered);
    const found = await listFound(url);
    const missed = Object.keys(columns).filter((_, index) => !found.includes(`call ${ids[index + 1]}/1: hash`));
    expect(missed).toEqual([]);
    expect(found.filter((line) => line.includes(ids[0]!))).toEqual([]);
  });

  test("a sealed call that is removed, moved or renumbered, and one that is slipped in, is named", async () => {
    const { url, ids } = await prepare(["tried", "full", "full", "full", "full"]);
    const [tried, removed, renumbered, doubled, left] = ids;
    await alter(
      url,
      `DELETE FROM ledger WHERE ${rowOf(tried!)} AND number = 3`,
      `DELETE FROM ledger WHERE ${rowOf(removed!)}`,
      `UPDATE ledger SET number = 7 WHERE ${rowOf(renumbered!)}`,
      `CREATE TABLE copied AS SELECT * FROM ledger WHERE ${rowOf(doubled!)}`,
      "UPDATE copied SET number = 2, total_pico = 0, lines = '[]'",
      "INSERT INTO ledger SELECT * FROM copied",
      "DROP TABLE copied",
    );
    const found = await listFound(url);
    for (const line of [`${tried}/3`, `${removed}/1`, `${renumbered}/1`, `${renumbered}/7`, `${doubled}/2`])
      expect(found).toContain(`call ${line}: the row`);
    expect(found.filter((line) => line.includes(left!))).toEqual([]);
  });

  test("an altered seal is named, and not those that follow it; one that is removed leaves a gap", async () => {
    const url = await createDatabase();
    const store = await openTestStore(url);
    for (let round = 1; round <= 4; round++) {
      await keepBooks(store, ["full"]);
      await sealedWith(store, round);
    }
    await store.close();
    const columns = { hash: `'${"f".repeat(64)}'`, sealed_at: "7", entries: "7", last_entry: "'x'", members: "'[]'" };
    for (const [column, value] of Object.entries(columns)) {
      await alter(
        url,
        "CREATE TABLE kept AS SELECT * FROM seal",
        `UPDATE seal SET ${column} = ${value} WHERE number = 2`,
      );
      const found = (await listFound(url)).filter((line) => line.startsWith("seal "));
      expect([column, found.some((line) => line.startsWith("seal 2:"))]).toEqual([column, true]);
      expect(found.filter((line) => line.startsWith("seal 4:"))).toEqual([]);
      await alter(url, "DELETE FROM seal", "INSERT INTO seal SELECT * FROM kept", "DROP TABLE kept");
    }
    expect(await listFound(url)).toEqual([]);
    const later = await openTestStore(url);
    await later.settleUsage();
    await later.close();
    expect(await listFound(url)).toEqual([]);
    await alter(url, "UPDATE usage_sum SET cost_rest = cost_rest + 1 WHERE cut = 'key' AND step = 1440");
    // Each day is held against the ledger, and its month against its days.
    const sums = (await listFound(url)).map((line) => line.replace(/ from \d+/, ""));
    const place = "default  gemini gemini-2.5-flash chat: cost_pico";
    expect(sums).toEqual([`usage by key, 1440 minutes: ${place}`, `usage by key, 43200 minutes: ${place}`]);
    await alter(url, "UPDATE usage_sum SET cost_rest = cost_rest - 1 WHERE cut = 'key' AND step = 1440");
    await alter(url, "UPDATE seal_project SET entries = entries + 1");
    expect(await listFound(url)).toEqual(["project default: sealed"]);
    await alter(url, "DELETE FROM seal WHERE number = 2");
    expect(await listFound(url)).toContain("seal 3: number");
  });

  test("a chain that was made anew over altered books is whole, and a seal that was kept elsewhere says so", async () => {
    const { url, ids, hash } = await prepare(["full", "tried"]);
    expect(await listFound(url, [hash])).toEqual([]);
    await alter(
      url,
      `UPDATE ledger SET at = at + 1 WHERE ${rowOf(ids[0]!)}`,
      "DELETE FROM seal",
      "DELETE FROM seal_project",
      "UPDATE seal_mark SET sealed_to = 0",
    );
    const store = await openTestStore(url);
    await sealedWith(store, 4);
    await store.close();
    expect(await listFound(url)).toEqual([]);
    expect(await listFound(url, [hash])).toEqual([`the seal ${hash}: it`]);
  });

  test("a bill that comes after the turn's end, and a further call of an old turn, are sealed when they come", async () => {
    const url = await createDatabase();
    const store = await openTestStore(url);
    const session = await newSession(store, {}, "default");
    const entries = turns.full!;
    const late = await open(store, session.id, { owner: "default" });
    await store.closeTurn(closeInput(late, [], { owner: "default", settled: false }));
    const [old, silent] = await keepBooks(store, ["full", "none", "full"]);
    await sealedWith(store, 2);
    expect(await listFound(url)).toEqual([]);
    await store.settleTurn(late.turn.id, processId, entries);
    await sealedWith(store, 3);
    await bookTitle(store, url, old!);
    const seal = await sealedWith(store, 4);
    expect(seal!.lastEntry).toBe(`${old}/2`);
    await bookTitle(store, url, silent!);
    expect((await sealedWith(store, 5))!.lastEntry).toBe(`${silent}/1`);
    await store.close();
    expect(await listFound(url)).toEqual([]);
    expect((await verifyBooks(url)).checked[0]).toBe("5 calls");
  });

  test("calls that are not sealed yet are checked, and said to be so", async () => {
    const url = await createDatabase();
    const store = await openTestStore(url);
    await keepBooks(store, ["full", "tried"]);
    await alter(url, "UPDATE seal_mark SET sealed_to = 0", "DELETE FROM seal", "DELETE FROM seal_project");
    const { found, checked } = await verifyBooks(url);
    await store.close();
    expect([found.shown, checked[1]]).toEqual([[], "4 of them not sealed yet"]);
  });

  test("while turns come from all sides, each call is sealed once and the chain is one", async () => {
    const url = await createDatabase();
    const stores = [await openTestStore(url)];
    if (name === "Postgres") for (const other of [11, 12]) stores.push(await openTestStore(url, { processId: other }));
    let calls = 0;
    await Promise.all(
      stores.flatMap((store) =>
        [1, 2, 3].map(async () => {
          for (let round = 0; round < 5; round++) {
            calls += 4;
            await keepBooks(store, ["full", "tried"]);
            await store.findSeal(undefined);
          }
        }),
      ),
    );
    await Promise.all(stores.map((store) => sealedWith(store, calls)));
    for (const store of stores) await store.close();
    expect(await listFound(url)).toEqual([]);
    expect((await verifyBooks(url)).checked[0]).toBe(`${calls} calls`);
  });
});

function listColumns(engine: string): string {
  return engine === "SQLite"
    ? `SELECT name AS "column" FROM pragma_table_info('ledger')`
    : `SELECT column_name AS "column" FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = 'ledger'`;
}
