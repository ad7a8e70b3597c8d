// What is added up is the ledger, whichever processes add it up, at once or one after the other, and whenever they are killed.

import { describe, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
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
