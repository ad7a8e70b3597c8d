// Group commit on a real database whose disk is in the test's hand: who is told what, and when.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Checkpointer } from "../src/database/sqlite/checkpoint.ts";
import { Connection, groupDatabase } from "../src/database/sqlite/connection.ts";
import { GroupCommit } from "../src/database/sqlite/group-commit.ts";
import type { Tx } from "../src/database/tx.ts";
import { newSession, speak } from "./store-inputs.ts";
import { codeOf, openTestStore } from "./stores.ts";

const root = mkdtempSync(join(tmpdir(), "rozmova-group-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let files = 0;

/** A table of numbers, and flushes that end only when the test says how. */
function openGroup() {
  const file = join(root, `${++files}.db`);
  const database = new DatabaseSync(file);
  database.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE number (value BIGINT PRIMARY KEY)",
  );
  const connection = new Connection(database);
  const flushes: { end: () => void; fail: (cause: Error) => void }[] = [];
  const waiting: (() => void)[] = [];
  const group = new GroupCommit({
    ...groupDatabase(connection, async () => {}, { turn: () => {}, title: () => {}, wiped: () => {} }),
    flush: () =>
      new Promise<void>((end, fail) => {
        flushes.push({ end, fail });
        waiting.shift()?.();
      }),
  });
  return {
    group,
    /** Resolves with the next flush that is asked for. */
    async nextFlush() {
      if (flushes.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      return flushes.shift()!;
    },
    add: <T>(work: (tx: Tx) => Promise<T>) => group.add(work),
    values: () =>
      connection.all<{ value: number }>("SELECT value FROM number ORDER BY value").map(({ value }) => value),
  };
}

const insert = (value: number) => async (tx: Tx) => tx.run("INSERT INTO number (value) VALUES ($1)", [value]);

describe("a group", () => {
  test("is told to its callers only after the flush, and until then whoever may tell what it reads has to wait", async () => {
    const { add, group, nextFlush, values } = openGroup();
    const told: number[] = [];
    const done = [1, 2].map((value) => add(insert(value)).then(() => told.push(value)));
    const flush = await nextFlush();
    expect(values()).toEqual([1, 2]);
    expect(group.committed).toBeUndefined();
    let safe = false;
    const waiting = group.flushed!.then(() => {
      safe = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect([told, safe]).toEqual([[], false]);
    flush.end();
    await Promise.all([...done, waiting]);
    expect(told).toEqual([1, 2]);
    expect(group.flushed).toBeUndefined();
  });

  test("that could not be flushed is refused whole, and nothing is acknowledged after it, whatever the disk says later", async () => {
    const { add, nextFlush, values } = openGroup();
    const codes = [1, 2].map((value) => codeOf(add(insert(value))));
    (await nextFlush()).fail(new Error("EIO"));
    expect(await Promise.all(codes)).toEqual(["storage_unavailable", "storage_unavailable"]);
    expect(await codeOf(add(insert(3)))).toBe("storage_unavailable");
    expect(values()).toEqual([1, 2]);
  });

  test("loses nothing but the operation that failed, also when that one had written, and does the others once", async () => {
    const { add, nextFlush, values } = openGroup();
    const runs = [0, 0, 0];
    const results = Promise.allSettled([
      add(async (tx) => {
        runs[0]!++;
        await insert(1)(tx);
      }),
      add(async (tx) => {
        runs[1]!++;
        await insert(2)(tx);
        throw new Error("changed its mind");
      }),
      add(async (tx) => {
        runs[2]!++;
        await insert(3)(tx);
      }),
    ]);
    (await nextFlush()).end();
    expect((await results).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(values()).toEqual([1, 3]);
    expect(runs).toEqual([2, 2, 1]); // tried again, each behind a mark of its own
  });

  test("is not tried again for an operation that was refused before it wrote", async () => {
    const { add, nextFlush, values } = openGroup();
    let runs = 0;
    const results = Promise.allSettled([
      add(async (tx) => {
        runs++;
        await insert(1)(tx);
      }),
      add(async (tx) => {
        await tx.run("UPDATE number SET value = 9 WHERE value = $1", [5]);
        throw new Error("refused");
      }),
    ]);
    (await nextFlush()).end();
    expect((await results).map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect([runs, values()]).toEqual([1, [1]]);
  });

  test("is safe from statements that an operation had under way when it failed", async () => {
    const { add, nextFlush, values } = openGroup();
    let late: Promise<unknown> | undefined;
    const failed = add(async (tx) => {
      late = (async () => {
        for (let turn = 0; turn < 50; turn++) await null;
        return insert(1)(tx);
      })();
      late.catch(() => {});
      throw new Error("failed");
    });
    const other = add(insert(2));
    (await nextFlush()).end();
    await expect(failed).rejects.toThrow("failed");
    await other;
    await expect(late).rejects.toThrow("the transaction is over");
    expect(values()).toEqual([2]);
  });
});

describe("checkpoints", () => {
  test("keep the log short while much is written, and what was written is all there", async () => {
    const file = join(root, "long.db");
    const store = await openTestStore(`sqlite:${file}`);
    const session = await newSession(store);
    const megabyte = "x".repeat(1_000_000);
    let longest = 0;
    for (let turn = 0; turn < 60; turn++) {
      await speak(store, session.id, megabyte, megabyte);
      longest = Math.max(longest, statSync(`${file}-wal`).size);
    }
    // 60 turns are 120 MB; SQLite's own checkpoint would come with 64 MB in the log.
    expect(longest).toBeLessThan(60_000_000);
    await store.close();
    const again = await openTestStore(`sqlite:${file}`);
    expect((await again.findSession("", session.id))?.messageCount).toBe(120);
    await again.close();
  });

  test("that cannot be made are told, and tried anew when as much has been written again", async () => {
    const whys: string[] = [];
    let [pages, asked] = [1_000_000, 0];
    const checkpointer = new Checkpointer(
      join(root, "nowhere", "none.db"),
      () => {
        asked++;
        return pages;
      },
      (why) => whys.push(why),
    );
    // How long the log is costs a tenth of a group to ask: it is asked at one group of eight, and so is never later than that.
    const writeGroups = async () => {
      for (let group = 0; group < 8; group++) await checkpointer.afterGroup();
      await checkpointer.close();
    };
    for (let tries = 1; tries <= 3; tries++) {
      await writeGroups();
      expect(whys.length).toBe(tries);
      pages += 3_000;
      await writeGroups();
      expect(whys.length).toBe(tries);
      pages += 1_000;
    }
    expect(asked).toBe(6);
  });

  test("come when the log has grown: its pages are counted, and counting copies none", () => {
    const connection = new Connection(new DatabaseSync(join(root, "counted.db")));
    connection.database.exec("PRAGMA journal_mode = WAL; CREATE TABLE filler (words TEXT)");
    const before = connection.countLogPages();
    connection.run("INSERT INTO filler (words) VALUES ($1)", ["x".repeat(400_000)]);
    const after = connection.countLogPages();
    expect(after - before).toBeGreaterThan(95);
    expect(connection.countLogPages()).toBe(after);
    connection.all("PRAGMA wal_checkpoint(PASSIVE)");
    expect(connection.countLogPages()).toBe(0);
    connection.database.exec("BEGIN; DELETE FROM filler");
    expect(connection.countLogPages()).toBe(0); // under way: SQLite does not say
    connection.database.exec("ROLLBACK");
    connection.database.close();
  });
});
