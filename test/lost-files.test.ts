// The database's files taken away under a real server: noticed within a second of writing, put back or saved, and nothing that was
// acknowledged is lost.

import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { defaultProject } from "../src/caller/project.ts";
import { openStore } from "../src/database/open.ts";
import { newId } from "../src/id.ts";
import { eventually, newSession } from "./client.ts";
import { runCommand } from "./command.ts";
import { type ServerProcess, startProcess } from "./kill-run.ts";

const root = mkdtempSync(join(tmpdir(), "rozmova-lost-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let servers: Running[] = [];
afterEach(() => {
  for (const { server } of servers) server.child.kill("SIGKILL");
  servers = [];
});

interface Running {
  server: ServerProcess;
  file: string;
  /** Titles of the sessions whose 201 has arrived. */
  told: string[];
  /** What the process has said on stderr. */
  said(): string;
  ended(): boolean;
}

async function start(file = join(mkdtempSync(join(root, "at-")), "data", "rozmova.db")): Promise<Running> {
  const server = await startProcess({ DATABASE_URL: `sqlite:${file}`, LOG_LEVEL: "warn" });
  let said = "";
  server.child.stderr!.on("data", (bytes: Buffer) => {
    said += bytes.toString();
  });
  const running = { server, file, told: [], said: () => said, ended: () => server.child.exitCode !== null };
  servers.push(running);
  return running;
}

/** Makes sessions one after another until one is refused; resolves with how many were made. */
async function write({ server, told }: Running, most: number): Promise<number> {
  for (let made = 0; made < most; made++) {
    const title = `session ${told.length}`;
    const response = await fetch(`${server.url}/sessions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ title, system: "words ".repeat(600) }),
    }).catch(() => undefined);
    if (response?.status !== 201) return made;
    told.push(title);
  }
  return most;
}

/** Writes for longer than a loss may go unnoticed. */
async function writeOn(running: Running): Promise<void> {
  for (const until = performance.now() + 1_500; performance.now() < until; )
    if ((await write(running, 20)) < 20) return;
}

async function listTitles(file: string): Promise<string[]> {
  const database = new DatabaseSync(file, { readOnly: true });
  const rows = database.prepare("SELECT title FROM session ORDER BY row").all();
  expect(database.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  database.close();
  return rows.map(({ title }) => String(title));
}

/** After a kill -9 everything is in the file. */
async function expectAllAfterKill({ server, told, file }: Running): Promise<void> {
  await server.kill("SIGKILL");
  expect(await listTitles(file)).toEqual(told);
}

/** And a new start has it, and writes. */
async function expectAllAfterStart(running: Running): Promise<void> {
  await expectAllAfterKill(running);
  const { file } = running;
  const again = await start(file);
  await newSession(again.server.url);
  await again.server.kill("SIGTERM");
}

const ready = async ({ server }: Running) => {
  const response = await fetch(`${server.url}/readyz`);
  return { ...((await response.json()) as { code?: string; detail?: string }), status: response.status };
};

describe("a file taken away is put back, and nothing is lost", () => {
  const losses: [what: string, take: (file: string) => void][] = [
    ["the database is deleted", (file) => rmSync(file)],
    ["the log is deleted", (file) => rmSync(`${file}-wal`)],
    ["the log's index is deleted", (file) => rmSync(`${file}-shm`)],
    ["the log and its index are deleted", (file) => ["-wal", "-shm"].forEach((end) => void rmSync(file + end))],
    [
      "the log is replaced by another file",
      (file) => {
        writeFileSync(`${file}-new`, "not a log");
        renameSync(`${file}-new`, `${file}-wal`);
      },
    ],
    [
      "the database and all beside it are deleted",
      (file) => {
        for (const name of readdirSync(dirname(file))) rmSync(join(dirname(file), name));
      },
    ],
    ["the whole folder is removed", (file) => rmSync(dirname(file), { recursive: true })],
    ["the whole folder is renamed", (file) => renameSync(dirname(file), `${dirname(file)}-moved`)],
    ["the database is moved away without its log", (file) => renameSync(file, `${file}.moved`)],
  ];
  for (const [what, take] of losses)
    test(`${what} while the server writes`, async () => {
      const running = await start();
      await write(running, 100);
      take(running.file);
      await writeOn(running);
      await eventually(async () => running.said().includes("taken away"), Boolean);
      expect((await ready(running)).status).toBe(200);
      expect(await write(running, 50)).toBe(50);
      expect(running.ended()).toBe(false);
      await expectAllAfterKill(running);
      const names = readdirSync(dirname(running.file));
      expect(names.filter((name) => name.includes(".saved-"))).toEqual([]);
    }, 180_000);

  test("the one that was moved away is whole as well, as of then", async () => {
    const running = await start();
    await write(running, 100);
    renameSync(running.file, `${running.file}.moved`);
    await eventually(async () => running.said().includes("taken away"), Boolean);
    expect(await listTitles(`${running.file}.moved`)).toEqual(running.told);
  }, 180_000);

  test("a server that is idle, or is stopped at once in good order, loses nothing either", async () => {
    const running = await start();
    await write(running, 100);
    rmSync(dirname(running.file), { recursive: true });
    expect(await running.server.kill("SIGTERM")).toBe(0);
    await expectAllAfterStart(running);
    const idle = await start();
    await write(idle, 10);
    rmSync(idle.file);
    await eventually(async () => existsSync(idle.file), Boolean);
    await expectAllAfterKill(idle);
  }, 180_000);

  test("where no copy can be made, nothing is written until one can", async () => {
    const running = await start();
    const { file } = running;
    await write(running, 50);
    rmSync(dirname(file), { recursive: true });
    writeFileSync(dirname(file), "in the way");
    const refused = await ready(running);
    expect([refused.status, refused.code]).toEqual([503, "storage_unavailable"]);
    expect(refused.detail).toContain("do not stop the server");
    expect(await write(running, 1)).toBe(0);
    rmSync(dirname(file));
    await eventually(async () => (await ready(running)).status === 200, Boolean);
    expect(await write(running, 10)).toBe(10);
    expect(running.ended()).toBe(false);
    await expectAllAfterKill(running);
  }, 180_000);

  test("again and again", async () => {
    const running = await start();
    for (let times = 0; times < 3; times++) {
      await write(running, 50);
      rmSync(running.file + ["", "-wal", ""][times]);
      await ready(running);
      expect(await write(running, 10)).toBe(10);
    }
    await expectAllAfterStart(running);
  }, 180_000);
});

describe("what another has put there is not touched", () => {
  test("a database that is replaced: writing ends, everything is saved beside it, the process ends with 1", async () => {
    const running = await start();
    const { file, told } = running;
    await write(running, 100);
    const other = await makeOther(file);
    const bytes = readFileSync(other);
    renameSync(other, file);
    await writeOn(running);
    expect(await write(running, 1)).toBe(0);
    const refused = await ready(running);
    expect([refused.status, refused.code]).toEqual([503, "storage_unavailable"]);
    const [saved] = readdirSync(dirname(file)).filter((name) => name.startsWith("rozmova.db.saved-"));
    expect(refused.detail).toContain(saved!);
    expect(await running.server.kill("SIGCONT")).toBe(1); // waits for its end
    expect(running.said()).toContain(saved!);
    expect(readFileSync(file)).toEqual(bytes);
    // The one that was refused when the loss was noticed may be there as well: its caller was told so.
    const kept = await listTitles(join(dirname(file), saved!));
    expect(kept.slice(0, told.length)).toEqual(told);
    expect(kept.length - told.length).toBeLessThanOrEqual(1);
    const again = await start(file); // the other one, and not with our log in it
    await again.server.kill("SIGTERM");
    expect(await listTitles(file)).toEqual(["other"]);
    const restored = await runCommand(
      ["restore", join(dirname(file), saved!), "--database-url", `sqlite:${file}`],
      root,
    );
    expect(restored.code).toBe(0);
    expect(await listTitles(file)).toEqual(kept);
  }, 180_000);

  test.each([
    ["another database", 5_000_000],
    ["a database as large as this one has been on its way", 400_000], // its first page stands in the log, byte for byte
  ])(
    "%s that is copied over it, into the same file",
    async (_what, otherBytes) => {
      const running = await start();
      const { file, told } = running;
      await write(running, 200);
      const other = join(dirname(file), "other.db");
      await fill(other, otherBytes);
      copyFileSync(other, file);
      const bytes = readFileSync(file);
      await writeOn(running);
      expect((await ready(running)).detail).toContain(".saved-");
      expect(await running.server.kill("SIGCONT")).toBe(1); // waits for its end
      expect(readFileSync(file).equals(bytes)).toBe(true);
      const saved = readdirSync(dirname(file)).find((name) => name.startsWith("rozmova.db.saved-"))!;
      expect((await listTitles(join(dirname(file), saved))).slice(0, told.length)).toEqual(told);
      expect(new Set(await listTitles(file))).toEqual(new Set(["other"]));
    },
    30_000,
  );

  test("a folder that is renamed, with another server's in its place", async () => {
    const running = await start();
    const { file, told } = running;
    await write(running, 100);
    const [folder, fresh] = [dirname(file), `${dirname(file)}-fresh`];
    await fill(join(fresh, "rozmova.db"), 0);
    const lock = new DatabaseSync(join(fresh, "rozmova.db.lock"));
    lock.exec("BEGIN EXCLUSIVE");
    renameSync(folder, `${folder}-moved`);
    renameSync(fresh, folder);
    const bytes = readFileSync(file);
    expect(await running.server.kill("SIGCONT")).toBe(1); // waits for its end
    const [saved] = readdirSync(folder).filter((name) => name.startsWith("rozmova.db.saved-"));
    expect(running.said()).toContain(saved!);
    expect(await listTitles(join(folder, saved!))).toEqual(told);
    expect(await listTitles(join(`${folder}-moved`, "rozmova.db"))).toEqual(told);
    expect(readFileSync(file)).toEqual(bytes);
    lock.close();
  }, 180_000);

  test("the lock is removed: it is taken again, and a second server that was quicker ends the first one", async () => {
    const running = await start();
    await write(running, 10);
    rmSync(`${running.file}.lock`);
    await eventually(async () => existsSync(`${running.file}.lock`), Boolean);
    await expect(startProcess({ DATABASE_URL: `sqlite:${running.file}` })).rejects.toThrow("in use by another process");
    expect(await write(running, 10)).toBe(10);
    rmSync(`${running.file}.lock`);
    const lock = new DatabaseSync(`${running.file}.lock`);
    lock.exec("BEGIN EXCLUSIVE");
    await eventually(
      async () => (await ready(running)).status,
      (status) => status === 503,
    );
    expect(await write(running, 1)).toBe(0);
    const [code] = (await once(running.server.child, "exit")) as [number];
    expect(code).toBe(1);
    expect(running.said()).toContain("another process holds it");
    lock.close();
    await expectAllAfterKill(running);
  }, 180_000);
});

describe("a file that is cut off", () => {
  test("what is known still is written anew, and the rest of the file is kept", async () => {
    const running = await start();
    await write(running, 100);
    truncateSync(running.file, 0);
    await eventually(
      async () => (await ready(running)).status,
      (status) => status === 200 && running.said() !== "",
    );
    await eventually(async () => running.said().includes("written anew"), Boolean);
    expect(await write(running, 50)).toBe(50);
    expect(readdirSync(dirname(running.file)).some((name) => name.includes(".cut-off-"))).toBe(true);
    await expectAllAfterKill(running);
  }, 180_000);

  test("a log whose frames are in memory still", async () => {
    const running = await start();
    await write(running, 100);
    truncateSync(`${running.file}-wal`, 40_000);
    await eventually(async () => running.said().includes("written anew"), Boolean);
    expect(await write(running, 50)).toBe(50);
    await expectAllAfterKill(running);
  }, 180_000);

  test("what is gone is said: writing ends, what is left is not changed, and no start takes it for whole", async () => {
    const file = join(mkdtempSync(join(root, "at-")), "rozmova.db");
    await fill(file, 30_000_000); // more than a connection keeps in memory
    const running = await start(file);
    await write(running, 10);
    truncateSync(file, 8_000_000);
    await eventually(
      async () => (await ready(running)).status,
      (status) => status === 503,
    );
    expect(await running.server.kill("SIGCONT")).toBe(1);
    expect(running.said()).toContain("cut off under the server");
    expect(statSync(file).size).toBe(8_000_000);
    await expect(start(file)).rejects.toThrow(/cut off under the server.*\.damaged/s);
  }, 180_000);

  test("a database that is gone while nobody looks, with its log still there, is not begun anew", async () => {
    const running = await start();
    await write(running, 100);
    rmSync(running.file);
    await running.server.kill("SIGKILL");
    const log = readFileSync(`${running.file}-wal`);
    await expect(start(running.file)).rejects.toThrow("its log");
    writeFileSync(running.file, "");
    await expect(start(running.file)).rejects.toThrow("its log");
    expect(readFileSync(`${running.file}-wal`)).toEqual(log);
  }, 180_000);
});

test("on a healthy server nothing is ever noticed: backups, others' VACUUM and checkpoints, a restore that is refused", async () => {
  const running = await start();
  const { file, server } = running;
  await write(running, 200);
  let writing = true;
  const load = (async () => {
    while (writing) expect(await write(running, 20)).toBe(20);
  })();
  const beside = (sql: string) => {
    const other = new DatabaseSync(file, { timeout: 5_000 });
    other.exec(sql);
    other.close();
  };
  const from = await makeOther(file);
  for (let round = 0; round < 4; round++) {
    expect((await runCommand(["backup", join(root, newId()), "--database-url", `sqlite:${file}`], root)).code).toBe(0);
    beside("CREATE TABLE filler AS SELECT zeroblob(9000000) AS bytes");
    beside("PRAGMA wal_checkpoint(TRUNCATE)");
    beside("DROP TABLE filler; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
    beside("PRAGMA wal_checkpoint(PASSIVE)");
    utimesSync(file, new Date(), new Date());
    expect((await ready(running)).status).toBe(200);
    expect((await runCommand(["restore", from, "--database-url", `sqlite:${file}`], root)).stderr).toContain("in use");
  }
  writing = false;
  await load;
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  expect(running.said()).not.toContain("taken away");
  expect(running.said()).not.toContain('"level":50');
  await expectAllAfterKill(running);
}, 180_000);

/** Another Rozmova database, in the same folder. */
async function makeOther(file: string): Promise<string> {
  const other = join(dirname(file), "other.db");
  await fill(other, 0);
  return other;
}

/** A database that was closed in good order: one session, and another one of so many bytes. */
async function fill(file: string, bytes: number): Promise<void> {
  const store = await openStore(`sqlite:${file}`, { processId: 1 });
  const fields = { title: "other", model: null, system: null, params: {}, metadata: {} };
  await store.createSession(defaultProject, newId(), fields, Date.now());
  for (let left = bytes; left > 0; left -= 500_000)
    await store.createSession(defaultProject, newId(), { ...fields, system: "x".repeat(500_000) }, Date.now());
  await store.close();
}
