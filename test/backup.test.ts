// backup and restore by the real command: a copy beside a running server, and a database that is never worse off than before.

import { afterAll, describe, expect, test } from "bun:test";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openStore } from "../src/database/open.ts";
import { restoreSqlite } from "../src/database/sqlite/copy.ts";
import { newId } from "../src/id.ts";
import { runCommand } from "./command.ts";

const folder = mkdtempSync(join(tmpdir(), "rozmova-backup-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const makeFolder = () => mkdtempSync(join(folder, "at-"));
const openAt = (file: string) => openStore(`sqlite:${file}`, { processId: 1 });

/** Adds sessions with these titles; big enough that the file has many pages. */
async function fill(file: string, titles: string[]) {
  const store = await openAt(file);
  const system = "A system instruction. ".repeat(500);
  await Promise.all(
    titles.map((title) =>
      store.createSession("", newId(), { title, model: null, system, params: {}, metadata: {} }, Date.now()),
    ),
  );
  return store;
}

async function makeDatabase(titles: string[]): Promise<string> {
  const file = join(makeFolder(), "rozmova.db");
  await (await fill(file, titles)).close();
  return file;
}

async function titlesIn(file: string): Promise<string[]> {
  const store = await openAt(file);
  const { data } = await store.listSessions("", { limit: 100, deleted: false });
  await store.close();
  return data.map((session) => session.title ?? "").toReversed();
}

const backup = (database: string, target: string) =>
  runCommand(["backup", target, "--database-url", `sqlite:${database}`], folder);
const restore = (source: string, database: string) =>
  runCommand(["restore", source, "--database-url", `sqlite:${database}`], folder);

describe("backup", () => {
  test("copies everything acknowledged while a server holds the database and writes on", async () => {
    const file = join(makeFolder(), "rozmova.db");
    const target = join(makeFolder(), "copy.db");
    const titles = Array.from({ length: 200 }, (_, n) => `session ${n}`);
    const store = await fill(file, titles);
    let writing = true;
    const writer = (async () => {
      for (let n = 0; writing; n++)
        await store.createSession(
          "",
          newId(),
          { title: `later ${n}`, model: null, system: null, params: {}, metadata: {} },
          Date.now(),
        );
    })();
    const { code, stdout, stderr } = await backup(file, target);
    writing = false;
    await writer;
    await store.close();
    expect(stderr).toContain("Copied and checked");
    expect([code, stdout]).toEqual([0, `${target}\n`]);
    expect(readdirSync(join(target, ".."))).toEqual(["copy.db"]);
    const restored = join(makeFolder(), "rozmova.db");
    expect((await restore(target, restored)).code).toBe(0);
    const store2 = new DatabaseSync(restored, { readOnly: true });
    const copied = store2
      .prepare("SELECT title FROM session ORDER BY id")
      .all()
      .map((row) => row.title);
    store2.close();
    expect(copied.slice(0, 200)).toEqual(titles);
  }, 180_000);

  test("ends while a busy server writes without a pause: the copy does not start over at every write", async () => {
    const file = join(makeFolder(), "rozmova.db");
    // Some 25 MB: a copy takes many steps, and a write falls between any two of them.
    const store = await fill(
      file,
      Array.from({ length: 2_000 }, (_, n) => `session ${n}`),
    );
    const fields = { title: "later", model: null, system: null, params: {}, metadata: {} };
    const running = backup(file, join(makeFolder(), "copy.db"));
    let ended = false;
    void running.finally(() => {
      ended = true;
    });
    const deadline = Date.now() + 10_000;
    while (!ended && Date.now() < deadline) await store.createSession("", newId(), fields, Date.now());
    expect(ended).toBe(true);
    expect((await running).code).toBe(0);
    await store.close();
  }, 180_000);

  test("never writes over a file that exists, and leaves nothing behind when it fails", async () => {
    const file = await makeDatabase(["one"]);
    const target = join(makeFolder(), "copy.db");
    writeFileSync(target, "precious");
    const { code, stdout, stderr } = await backup(file, target);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("exists already");
    expect(readFileSync(target, "utf8")).toBe("precious");
    expect((await backup(file, join(folder, "no", "such", "folder.db"))).code).toBe(1);
    expect((await backup(join(folder, "no-such.db"), join(folder, "copy.db"))).code).toBe(1);
    expect(existsSync(join(folder, "no-such.db"))).toBe(false);
  });

  test("does not call a copy of a damaged database good", async () => {
    const file = await makeDatabase(Array.from({ length: 50 }, (_, n) => `session ${n}`));
    damage(file);
    const at = makeFolder();
    const { code, stderr } = await backup(file, join(at, "copy.db"));
    expect(code).toBe(1);
    expect(stderr).toMatch(/damaged|not a sound/);
    expect(readdirSync(at)).toEqual([]);
  });

  test("sends Postgres to its own tool, without showing the password", async () => {
    const { code, stderr } = await runCommand(
      ["backup", "x", "--database-url", "postgres://me:hunter2@host/db"],
      folder,
    );
    expect(code).toBe(1);
    expect(stderr).toContain("pg_dump");
    expect(stderr).not.toContain("hunter2");
  });
});

/** Overwrites pages in the middle of a file. */
function damage(file: string): void {
  const handle = openSync(file, "r+");
  writeSync(handle, Buffer.alloc(16_384, 0xab), 0, 16_384, Math.floor(statSync(file).size / 8192) * 4096);
  closeSync(handle);
}

describe("restore", () => {
  test("puts the backup in place and keeps the old database whole under another name", async () => {
    const file = await makeDatabase(["old"]);
    const source = await makeDatabase(["new"]);
    const { code, stdout } = await restore(source, file);
    expect(code).toBe(0);
    expect(await titlesIn(file)).toEqual(["new"]);
    expect(stdout.trim()).toStartWith(`${file}.before-restore-`);
    expect(await titlesIn(stdout.trim())).toEqual(["old"]);
    expect(await titlesIn(source)).toEqual(["new"]);
  });

  test("restores where there was no database", async () => {
    const file = join(makeFolder(), "deep", "rozmova.db");
    const { code, stdout } = await restore(await makeDatabase(["new"]), file);
    expect([code, stdout]).toEqual([0, ""]);
    expect(await titlesIn(file)).toEqual(["new"]);
  });

  test("the log of a database that crashed is not played into the one that replaces it: the old one is whole by itself", async () => {
    const file = await makeDatabase(["old"]);
    const live = await fill(file, ["only in the log"]);
    const crashed = join(makeFolder(), "rozmova.db");
    for (const end of ["", "-wal"]) copyFileSync(file + end, crashed + end);
    await live.close();
    const { code, stdout } = await restore(await makeDatabase(["new"]), crashed);
    expect(code).toBe(0);
    expect(await titlesIn(crashed)).toEqual(["new"]);
    const aside = stdout.trim();
    expect(readdirSync(join(crashed, "..")).filter((name) => /-(wal|shm|journal)$/.test(name))).toEqual([]);
    expect(await titlesIn(aside)).toEqual(["old", "only in the log"]);
  });

  test("is refused while another process reads the database and keeps its log from being played", async () => {
    const file = await makeDatabase(["old"]);
    const live = await fill(file, ["only in the log"]);
    const crashed = join(makeFolder(), "rozmova.db");
    for (const end of ["", "-wal"]) copyFileSync(file + end, crashed + end);
    await live.close();
    const reader = new DatabaseSync(crashed);
    reader.exec("BEGIN; SELECT * FROM session");
    const writer = new DatabaseSync(crashed);
    writer.exec("UPDATE session SET title = title || '!'");
    const { code, stderr } = await restore(await makeDatabase(["new"]), crashed);
    expect([code, stderr]).toEqual([1, expect.stringContaining("another process is reading it")]);
    for (const connection of [reader, writer]) connection.close();
    expect(await titlesIn(crashed)).toEqual(["old!", "only in the log!"]);
  });

  test("a database that cannot be opened is kept as it is", async () => {
    const file = await makeDatabase(["old"]);
    const bytes = Buffer.from("this was a database once ".repeat(1000));
    writeFileSync(file, bytes);
    const { code, stdout } = await restore(await makeDatabase(["new"]), file);
    expect(code).toBe(0);
    expect(await titlesIn(file)).toEqual(["new"]);
    expect(readFileSync(stdout.trim()).equals(bytes)).toBe(true);
  });

  test("many within one second: every database that was there is kept, under a name of its own", async () => {
    const file = await makeDatabase(["zero"]);
    const at = new Date();
    const kept: string[] = [];
    for (const title of ["one", "two", "three"])
      kept.push((await restoreSqlite(await makeDatabase([title]), file, at)).keptAside!);
    expect(new Set(kept).size).toBe(3);
    expect(await Promise.all(kept.map(titlesIn))).toEqual([["zero"], ["one"], ["two"]]);
  });

  test("refuses while a server holds the database, which is as it was", async () => {
    const file = await makeDatabase(["old"]);
    const store = await openAt(file);
    const { code, stdout, stderr } = await restore(await makeDatabase(["new"]), file);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("in use by another process");
    await store.close();
    expect(await titlesIn(file)).toEqual(["old"]);
  });

  const bad: [what: string, make: () => Promise<string>, says: RegExp][] = [
    ["a file that is not there", async () => join(folder, "nothing.db"), /no such file/],
    ["a letter", async () => write("Dear all, ".repeat(1000)), /cannot be restored|not a sound/],
    ["an empty file", async () => write(""), /not a Rozmova database/],
    ["somebody else's database", async () => makeForeign("CREATE TABLE recipe (name TEXT)"), /not a Rozmova database/],
    ["a damaged backup", async () => spoil((file) => damage(file)), /damaged|cannot be restored|not a sound/],
    [
      "a backup that was cut off",
      async () => spoil((file) => truncateSync(file, Math.floor(statSync(file).size / 2))),
      /damaged|cannot be restored|not a sound/,
    ],
    ["a backup of a newer version", async () => spoil(makeNewer), /schema version 9999/],
  ];

  function write(text: string): string {
    const file = join(makeFolder(), "bad.db");
    writeFileSync(file, text);
    return file;
  }
  function makeForeign(sql: string): string {
    const file = join(makeFolder(), "bad.db");
    const database = new DatabaseSync(file);
    database.exec(sql);
    database.close();
    return file;
  }
  async function spoil(how: (file: string) => void): Promise<string> {
    const file = await makeDatabase(Array.from({ length: 50 }, (_, n) => `session ${n}`));
    how(file);
    return file;
  }
  function makeNewer(file: string): void {
    const database = new DatabaseSync(file);
    database.exec("INSERT INTO schema_version (version, at) VALUES (9999, 0)");
    database.close();
  }

  for (const [what, make, says] of bad)
    test(`refuses ${what}, and changes nothing`, async () => {
      const file = await makeDatabase(["old"]);
      const before = readFileSync(file);
      const names = readdirSync(join(file, "..")).toSorted();
      const { code, stdout, stderr } = await restore(await make(), file);
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toMatch(says);
      expect(readFileSync(file).equals(before)).toBe(true);
      expect(readdirSync(join(file, "..")).toSorted()).toEqual(names);
    });
});
