// SQLite's own promises: what was acknowledged survives kill -9, a full disk and a read-only file; one process per file.

import { afterAll, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Migration, migrations, newestOf } from "../src/database/migrate.ts";
import { openSqlite } from "../src/database/sqlite/sqlite.ts";
import { closeInput, entryFor, newSession, open, openInput, readAll, speak } from "./store-inputs.ts";
import { codeOf, openTestStore } from "./stores.ts";

const root = mkdtempSync(join(tmpdir(), "rozmova-sqlite-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let files = 0;
const newFile = () => join(root, `${++files}`, "deep", "rozmova.db");
const child = (...args: string[]) =>
  spawn(process.execPath, [join(import.meta.dirname, "store-child.ts"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });

/** Turns that are over and not in the search index. */
function countUnindexed(file: string): number {
  const database = new DatabaseSync(file, { readOnly: true });
  const { count } = database
    .prepare("SELECT COUNT(*) AS count FROM turn WHERE settled = 1 AND row NOT IN (SELECT rowid FROM turn_search)")
    .get() as { count: number };
  database.close();
  return count;
}

describe("one process per file", () => {
  test("a second process is refused with a sentence that says what to do, and may come when the first is gone, even killed", async () => {
    const file = newFile();
    const holder = child("hold", `sqlite:${file}`);
    await once(holder.stdout, "data");
    await expect(openTestStore(`sqlite:${file}`)).rejects.toMatchObject({
      code: "storage_unavailable",
      message: `The database ${file} is in use by another process. Stop it first, or give this one another DATABASE_URL.`,
    });
    holder.kill("SIGKILL");
    await once(holder, "exit");
    const store = await openTestStore(`sqlite:${file}`);
    await newSession(store);
    await store.close();
  });

  test("two paths to one file are one file, and a link may lead to one that is still to be made", async () => {
    const file = newFile();
    const [folder, beside] = [dirname(file), dirname(newFile())];
    mkdirSync(beside, { recursive: true });
    symlinkSync(folder, join(beside, "folder"));
    symlinkSync(file, join(beside, "link.db"));
    const store = await openTestStore(`sqlite:${join(beside, "link.db")}`);
    await newSession(store, { title: "kept" });
    for (const path of [
      file,
      join(beside, "link.db"),
      join(beside, "folder", "rozmova.db"),
      `${folder}/../deep/rozmova.db`,
    ])
      await expect(openTestStore(`sqlite:${path}`)).rejects.toMatchObject({
        message: expect.stringContaining("in use"),
      });
    await store.close();
    expect(readdirSync(beside).toSorted()).toEqual(["folder", "link.db"]);
    const again = await openTestStore(`sqlite:${join(beside, "folder", "rozmova.db")}`);
    expect((await again.listSessions("o", { limit: 5, deleted: false })).data.length).toBeLessThan(5);
    await again.close();
    linkSync(file, join(beside, "hard.db"));
    await expect(openTestStore(`sqlite:${join(beside, "hard.db")}`)).rejects.toMatchObject({
      message: expect.stringContaining("hard links"),
    });
  });

  test("what is made is its user's alone: the folder, the database, its log and its lock", async () => {
    const file = newFile();
    const store = await openTestStore(`sqlite:${file}`);
    await newSession(store);
    expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);
    for (const end of ["", "-wal", "-shm", ".lock"])
      expect([end, statSync(file + end).mode & 0o777]).toEqual([end, 0o600]);
    const copy = join(dirname(file), "copy.db");
    await store.backup(copy, () => {});
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    await store.close();
  });

  test("another program's database is refused, and not a byte of it is changed", async () => {
    const file = newFile();
    mkdirSync(dirname(file), { recursive: true });
    const other = new DatabaseSync(file);
    other.exec("CREATE TABLE photo (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO photo (name) VALUES ('cat')");
    other.close();
    const before = readFileSync(file);
    await expect(openTestStore(`sqlite:${file}`)).rejects.toMatchObject({
      code: "storage_unavailable",
      message: expect.stringContaining("another program"),
    });
    expect(readFileSync(file)).toEqual(before);
    expect(readdirSync(dirname(file))).toEqual(["rozmova.db"]);
  });

  test("a copy can be made from beside a running server, with progress, and holds what was acknowledged", async () => {
    const file = newFile();
    const store = await openTestStore(`sqlite:${file}`);
    const session = await newSession(store, { title: "kept" });
    for (let i = 0; i < 50; i++) await speak(store, session.id, `question ${i}`, "x".repeat(2_000));
    const beside = await openTestStore(`sqlite:${file}`, { readOnly: true });
    expect(await codeOf(newSession(beside))).toBe("storage_unavailable");
    const copy = join(root, "copy.db");
    const progress: [number, number][] = [];
    await beside.backup(copy, (done, total) => progress.push([done, total]));
    await beside.close();
    expect(progress.length).toBeGreaterThan(0);
    for (const [done, total] of progress) expect(done).toBeLessThanOrEqual(total);
    await speak(store, session.id, "after", "the copy");
    await store.close();
    const restored = await openTestStore(`sqlite:${copy}`);
    expect((await readAll(restored, session.id)).length).toBe(100);
    expect(await restored.sumBooks()).toMatchObject({
      entries: 50,
      entriesTotal: 5000n,
      sessionsTotal: 5000n,
      turnsTotal: 5000n,
    });
    expect((await restored.searchSessions("", "question 49", { limit: 5, deleted: false })).data.length).toBe(1);
    await restored.close();
  });
});

describe("kill -9", () => {
  test("in the middle of group commits, again and again, loses nothing that was acknowledged and half-writes nothing", async () => {
    const file = newFile();
    const said: string[] = [];
    for (let round = 0; round < 4; round++) {
      const writer = child("write", `sqlite:${file}`);
      let output = "";
      let errors = "";
      writer.stderr.on("data", (data) => {
        errors += data;
      });
      await new Promise<void>((resolve, reject) => {
        writer.on("exit", () => reject(new Error(`the writer ended by itself: ${errors}`)));
        writer.stdout.setEncoding("utf8").on("data", (text: string) => {
          output += text;
          if (output.length > 20_000 * (round + 1)) resolve();
        });
      });
      writer.kill("SIGKILL");
      await once(writer, "exit");
      await new Promise((resolve) =>
        writer.stdout.readableEnded ? resolve(undefined) : writer.stdout.once("end", resolve),
      );
      said.push(...output.slice(0, output.lastIndexOf("\n")).split("\n"));
      const store = await openTestStore(`sqlite:${file}`);
      for (const line of said) {
        const [what, id = ""] = line.split(" ");
        const turn = await store.findTurn("", id);
        expect([line, turn !== undefined]).toEqual([line, true]);
        if (what !== "closed") continue;
        expect(turn).toMatchObject({ status: "complete", cost: { total: 7n } });
        expect((await store.findTurnMessages("", id))?.reply.content).toBe(`answer to ${id}`);
      }
      const books = await store.sumBooks();
      expect([books.sessionsTotal, books.turnsTotal]).toEqual([books.entriesTotal, books.entriesTotal]);
      expect(books.entriesTotal).toBe(7n * BigInt(books.entries));
      await store.searchSessions("", "answer", { limit: 1, deleted: false }); // catches up with what the dead one left
      expect(countUnindexed(file)).toBe(0);
      for (const id of await store.claimDeadTurns(1, [], 0, 1000)) {
        const { turn } = await store.readDeadTurn(id);
        expect(await store.closeTurn(closeInput({ turn }, [], { processId: 1, status: "interrupted" }))).toBeDefined();
      }
      await store.close();
      expect(checkFile(file)).toBe("ok");
    }
    expect(said.filter((line) => line.startsWith("closed")).length).toBeGreaterThan(200);
  }, 180_000);
});

describe("storage that fails", () => {
  test("on a full disk every write of the group is refused, nothing is half-written, and reading goes on", async () => {
    const file = newFile();
    const store = await openTestStore(`sqlite:${file}`, { maxFileBytes: 2_000_000 });
    const sessions = await Promise.all(Array.from({ length: 8 }, () => newSession(store)));
    const acknowledged: string[] = [];
    let refused = 0;
    for (let round = 0; round < 100 && refused === 0; round++) {
      const results = await Promise.allSettled(
        sessions.map(({ id }) => open(store, id, { content: `${round} ${"y".repeat(20_000)}` })),
      );
      const opened = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
      acknowledged.push(...opened.map(({ turn }) => turn.id));
      const closed = await Promise.allSettled(opened.map((turn) => store.closeTurn(closeInput(turn, [entryFor(1n)]))));
      for (const result of [...results, ...closed]) {
        if (result.status === "fulfilled") continue;
        expect(result.reason).toMatchObject({ code: "storage_unavailable" });
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(0);
    let messages = 0;
    for (const { id } of sessions) {
      const session = await store.findSession("", id);
      const history = await readAll(store, id);
      expect(history.length).toBe(session!.messageCount);
      messages += history.length;
    }
    expect(messages).toBe(acknowledged.length * 2);
    const books = await store.sumBooks();
    expect([books.sessionsTotal, books.turnsTotal]).toEqual([books.entriesTotal, books.entriesTotal]);
    await store.close();
    expect(checkFile(file)).toBe("ok");
    const bigger = await openTestStore(`sqlite:${file}`, { maxFileBytes: 20_000_000 });
    await speak(bigger, (await newSession(bigger)).id, "room", "again");
    await bigger.checkWritable();
    await bigger.close();
  });

  test("a write that does not fit does not take down the connection: smaller ones go on after room is made", async () => {
    const store = await openTestStore(`sqlite:${newFile()}`, { maxFileBytes: 1_000_000 });
    const session = await newSession(store);
    expect(await codeOf(open(store, session.id, { content: "z".repeat(3_000_000) }))).toBe("storage_unavailable");
    expect((await store.findSession("", session.id))?.messageCount).toBe(0);
    await speak(store, session.id, "small", "enough");
    await store.close();
  });

  test("a file that may not be written is refused at the start, by name", async () => {
    const file = newFile();
    const store = await openTestStore(`sqlite:${file}`);
    await newSession(store);
    await store.close();
    // Root may write everything: then somebody else has to try.
    const other = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const folder = join(file, "..");
    chmodSync(root, 0o755);
    chmodSync(join(folder, ".."), 0o755);
    chmodSync(folder, 0o777);
    for (const name of readdirSync(folder)) chmodSync(join(folder, name), name.endsWith(".lock") ? 0o666 : 0o444);
    const script = [process.execPath, [join(import.meta.dirname, "store-child.ts"), "try", `sqlite:${file}`]] as const;
    const tried = spawnSync(...script, { ...other, encoding: "utf8" });
    expect(tried.stdout).not.toContain("written");
    expect(tried.stderr).toContain(`The database ${file} cannot be opened for writing`);
    expect(tried.status).not.toBe(0);
  });

  test("a folder that cannot be made, and a file that is no database, are refused by name", async () => {
    const file = newFile();
    mkdirSync(join(file, ".."), { recursive: true });
    await Bun.write(file, "not a database, but long enough to look at it twice ".repeat(100));
    await expect(openTestStore(`sqlite:${file}`)).rejects.toMatchObject({
      code: "storage_unavailable",
      message: expect.stringContaining(file),
    });
    await expect(openTestStore(`sqlite:${file}/x/y.db`)).rejects.toMatchObject({
      code: "storage_unavailable",
      message: expect.stringContaining(file),
    });
    await expect(openTestStore("mysql://x")).rejects.toBeInstanceOf(RangeError);
  });
});

describe("migrations", () => {
  const next = newestOf(migrations) + 1;
  const broken: Migration = {
    version: next,
    statements: () => ["CREATE TABLE extra (a BIGINT)", "INSERT INTO nowhere VALUES (1)"],
  };
  const good: Migration = { version: next, statements: () => ["ALTER TABLE session ADD COLUMN extra TEXT"] };

  test("a newer schema is refused with both versions, and stays as it is", async () => {
    const file = newFile();
    const engine = await openSqlite(file, { migrations: [...migrations, good] });
    await engine.close();
    const size = statSync(file).size;
    const refusal = {
      code: "storage_unavailable",
      message: expect.stringMatching(new RegExp(`schema version ${next}, .* up to ${next - 1}`)),
    };
    await expect(openTestStore(`sqlite:${file}`)).rejects.toMatchObject(refusal);
    await expect(openTestStore(`sqlite:${file}`, { readOnly: true })).rejects.toMatchObject(refusal);
    expect(statSync(file).size).toBe(size);
  });

  test("a migration that fails leaves the database as it was, and a copy from before beside it", async () => {
    const file = newFile();
    const store = await openTestStore(`sqlite:${file}`);
    const session = await newSession(store, { title: "precious" });
    await store.close();
    await expect(openSqlite(file, { migrations: [...migrations, broken] })).rejects.toThrow();
    const copies = readdirSync(join(file, "..")).filter((name) =>
      new RegExp(`rozmova\\.db\\.before-${next}-\\d{8}T\\d{6}\\.bak$`).test(name),
    );
    expect(copies.length).toBe(1);
    for (const path of [file, join(file, "..", copies[0]!)]) {
      const again = await openTestStore(`sqlite:${path}`);
      expect((await again.findSession("", session.id))?.title).toBe("precious");
      await again.close();
    }
    expect(tablesOf(file)).not.toContain("extra");
    await (await openSqlite(file, { migrations: [...migrations, good] })).close();
    expect(tablesOf(file)).toContain("session");
  });

  test("a new database is made without a copy", async () => {
    const file = newFile();
    await (await openTestStore(`sqlite:${file}`)).close();
    expect(readdirSync(join(file, "..")).filter((name) => name.endsWith(".bak"))).toEqual([]);
  });
});

describe("group commit", () => {
  test("one operation that fails takes nothing from the others of its group", async () => {
    const store = await openTestStore(`sqlite:${newFile()}`);
    const session = await newSession(store);
    const input = openInput(session.id);
    const results = await Promise.allSettled([
      store.openTurn(input),
      store.createSession("", session.id, { title: "twice", model: null, system: null, params: {}, metadata: {} }, 1), // the id is taken
      store.openTurn(openInput(session.id)),
      newSession(store, { title: "fine" }),
      store.updateSession("", session.id, { title: "renamed" }, 1),
    ]);
    expect(results.map((result) => result.status)).toEqual([
      "fulfilled",
      "rejected",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
    expect(await store.findSession("", session.id)).toMatchObject({ title: "renamed", runningTurnId: input.turnId });
    expect((await store.searchSessions("", "twice", { limit: 5, deleted: false })).data).toEqual([]);
    expect((await store.searchSessions("", "fine", { limit: 5, deleted: false })).data.length).toBe(1);
    await store.close();
    expect(await codeOf(newSession(store))).toBe("storage_unavailable");
  });

  test("what waits in the queue is written before the store closes", async () => {
    const file = newFile();
    const store = await openTestStore(`sqlite:${file}`);
    const made = Array.from({ length: 700 }, () => newSession(store));
    const closing = store.close();
    const ids = (await Promise.all(made)).map((session) => session.id);
    await closing;
    const again = await openTestStore(`sqlite:${file}`);
    for (const id of ids) expect(await again.findSession("", id)).toBeDefined();
    await again.close();
  });
});

function checkFile(file: string): string {
  const database = new DatabaseSync(file);
  const [row] = database.prepare("PRAGMA integrity_check").all() as { integrity_check: string }[];
  database.prepare("INSERT INTO turn_search (turn_search) VALUES ('integrity-check')").run();
  database.close();
  return row!.integrity_check;
}

function tablesOf(file: string): string[] {
  const database = new DatabaseSync(file, { readOnly: true });
  const rows = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all() as { name: string }[];
  database.close();
  return rows.map((row) => row.name);
}
