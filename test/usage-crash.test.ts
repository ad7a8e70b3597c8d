// What is added up is the ledger, whichever processes add it up, at once or one after the other, and whenever they are killed.

import { describe, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import pg from "pg";
import type { UsageQuery } from "../src/money/usage-store.ts";
import type { Store } from "../src/store.ts";
import { engines } from "./engines.ts";
import { openTestStore } from "./stores.ts";

const script = join(import.meta.dirname, "store-child.ts");

interface Child {
  process: ChildProcess;
  closed(): number;
}

function start(url: string): Child {
  const child = spawn(process.execPath, [script, "add", url], { stdio: ["ignore", "pipe", "inherit"] });
  let closed = 0;
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    closed += text.split("closed").length - 1;
  });
  return { process: child, closed: () => closed };
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function kill({ process: child }: Child): Promise<void> {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}

const whole = [{ name: "", since: Date.UTC(2020, 0, 1), until: Date.UTC(2100, 0, 1) }];
/** Through the sums of projects, through those of keys, and call by call. */
const groupings: UsageQuery["groups"][] = [[], ["key"], ["user"], ["session", "key"]];

async function totals(store: Store): Promise<{ total: bigint; calls: number }[]> {
  const asked = groupings.map((groups) =>
    store.sumUsage({ project: "", user: null, sessions: null, groups, days: whole }),
  );
  return (await Promise.all(asked)).map((rows) => ({
    total: rows.reduce((sum, { cost }) => sum + cost.total!, 0n),
    calls: rows.reduce((sum, { calls }) => sum + calls, 0),
  }));
}

async function expectLedger(store: Store): Promise<void> {
  const { entriesTotal, entries } = await store.sumBooks();
  for (const total of await totals(store)) expect(total).toEqual({ total: entriesTotal, calls: entries });
}

describe.each(engines)("on %s", (name, createDatabase) => {
  test("killed at any moment: what was added up is neither forgotten nor added twice", async () => {
    const url = await createDatabase();
    let entries = 0;
    for (let round = 0; round < 2; round++) {
      const child = start(url);
      await until(() => child.closed() > 40 + 17 * round);
      await kill(child);
      const store = await openTestStore(url);
      await expectLedger(store);
      await store.settleUsage();
      await expectLedger(store);
      expect((await store.sumBooks()).entries).toBeGreaterThan(entries);
      ({ entries } = await store.sumBooks());
      await store.close();
    }
  }, 180_000);

  if (name === "Postgres")
    test("the mark waits for a turn that has its number already and is not to be seen yet, whichever transaction began first", async () => {
      const url = await createDatabase();
      const store = await openTestStore(url);
      const [earlier, later] = [new pg.Client(url), new pg.Client(url)];
      await Promise.all([earlier.connect(), later.connect()]);
      const insert = async (client: pg.Client, position: number): Promise<number> => {
        const { rows } = await client.query(
          `INSERT INTO turn (id, session, branch, position, status, model_requested, started_at, process_id, lease_until, settled, question)
           VALUES ($1, 1, 0, $2, 'complete', 'm', 0, 0, 0, 1, 'q') RETURNING row`,
          [`turn-${position}`, position],
        );
        return Number(rows[0].row);
      };
      const mark = async () => Number((await earlier.query("SELECT rolled_to FROM usage_mark")).rows[0].rolled_to);
      for (const client of [earlier, later]) {
        await client.query("BEGIN");
        await client.query("SELECT pg_current_xact_id()");
      }
      // The transaction that began later gets the smaller number, and stays open.
      const open = await insert(later, 1);
      expect(await insert(earlier, 2)).toBeGreaterThan(open);
      await earlier.query("COMMIT");
      await store.settleUsage();
      expect(await mark()).toBeLessThan(open);
      await later.query("COMMIT");
      await store.settleUsage();
      expect(await mark()).toBe(open + 1);
      await Promise.all([earlier.end(), later.end(), store.close()]);
    });

  if (name === "Postgres")
    test("several processes add up at once, and a reader never sees an entry missing or twice", async () => {
      const url = await createDatabase();
      const store = await openTestStore(url);
      const children = [start(url), start(url)];
      let checks = 0;
      while (checks < 10 || children.some((child) => child.closed() < 60)) {
        const before = await store.sumBooks();
        const seen = await totals(store);
        const after = await store.sumBooks();
        for (const { total, calls } of seen) {
          expect([total >= before.entriesTotal, total <= after.entriesTotal]).toEqual([true, true]);
          expect([calls >= before.entries, calls <= after.entries]).toEqual([true, true]);
        }
        checks++;
        await store.settleUsage();
      }
      await Promise.all(children.map(kill));
      await expectLedger(store);
      await store.settleUsage();
      await store.settleUsage();
      await expectLedger(store);
    }, 180_000);
});
