// A large file is put in piece by piece: others write in between, nobody sees a part of it, and what is cut off leaves nothing.

import { describe, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verifyBooks } from "../src/command/verify.ts";
import type { ImportSession } from "../src/conversation/import.ts";
import { openEngine } from "../src/database/open.ts";
import type { Store } from "../src/store.ts";
import { engines } from "./engines.ts";
import { closeInput, entryFor, importInput, newSession, open, readAll } from "./store-inputs.ts";
import { codeOf, openTestStore } from "./stores.ts";

const script = join(import.meta.dirname, "store-child.ts");
const everything = { limit: 100, deleted: false };

function startChild(url: string, file: ImportSession): { child: ChildProcess; gone: Promise<unknown> } {
  const folder = mkdtempSync(join(tmpdir(), "rozmova-pieces-"));
  const path = join(folder, "file.json");
  writeFileSync(
    path,
    JSON.stringify(file, (_, value) => (typeof value === "bigint" ? `${value}` : value)),
  );
  const child = spawn(process.execPath, [script, "import", url, path], { stdio: ["ignore", "pipe", "inherit"] });
  const gone = once(child, "exit").then(() => rmSync(folder, { recursive: true }));
  return { child, gone };
}

/** Kills whoever puts it in once some of its turns are there, and not all. */
async function killHalfway(url: string, file: ImportSession): Promise<void> {
  const { child, gone } = startChild(url, file);
  for (let turns = 0; turns === 0; ) {
    const reader = await openEngine(url, { processId: 0, readOnly: true });
    const [begun] = await reader.durable.all<{ turns: number }>("SELECT turns FROM import_begun");
    await reader.close();
    turns = begun?.turns ?? 0;
    expect(turns).toBeLessThan(file.turns.length);
  }
  child.kill("SIGKILL");
  await gone;
}

async function expectNothing(store: Store, url: string, file: ImportSession, word: string): Promise<void> {
  expect(await store.findSession("", file.id)).toBeUndefined();
  expect(await store.findTurn("", file.turns[0]!.id)).toBeUndefined();
  expect(await store.exportSession("", file.id)).toBeUndefined();
  expect((await store.listSessions("", everything)).data).toEqual([]);
  expect((await store.searchSessions("", word, everything)).data).toEqual([]);
  expect((await verifyBooks(url)).found.shown).toEqual([]);
}

describe.each(engines)("an import in pieces on %s", (name, createDatabase) => {
  const halfway = name === "SQLite" ? 2_000 : 400;

  test("is seen by nobody before it is whole, and others write meanwhile", async () => {
    const url = await createDatabase();
    const store = await openTestStore(url);
    const file = importInput(500, "borscht");
    let over = false;
    const importing = store.importSession(file).finally(() => {
      over = true;
    });
    let written = 0;
    while (!over) {
      const [session, found] = [
        await store.findSession("", file.id),
        await store.searchSessions("", "borscht", everything),
      ];
      for (const seen of [session, ...found.data])
        if (seen) expect([seen.messageCount, seen.cost.total]).toEqual([1_000, 50_000n]);
      const { sessionsTotal, turnsTotal, entriesTotal } = await store.sumBooks();
      expect([sessionsTotal, turnsTotal]).toEqual([entriesTotal, entriesTotal]);
      await newSession(store);
      if (!session) written++;
    }
    const session = await importing;
    expect(session).toMatchObject({ id: file.id, messageCount: 1_000, cost: { total: 50_000n } });
    expect(written).toBeGreaterThan(1); // one may have been written with the first piece
    expect(await readAll(store, file.id)).toHaveLength(998);
    expect(await readAll(store, file.id, "", file.turns[0]!.answerId)).toHaveLength(2);
    expect((await store.searchSessions("", "borscht", everything)).data.map((one) => one.id)).toEqual([file.id]);
    expect((await verifyBooks(url)).found.shown).toEqual([]);
  }, 180_000);

  test("twice at once is put in once, and one that is under way cannot be begun again", async () => {
    const store = await openTestStore(await createDatabase());
    const file = importInput(300, "twin", {
      idempotency: { key: "k", bodyHash: "h", expiresAt: Date.UTC(2100, 0, 1) },
    });
    // Which of them begins is the database's choice where they have a connection each.
    const twins = await Promise.allSettled([store.importSession(file), store.importSession(file)]);
    expect(twins.flatMap((twin) => (twin.status === "fulfilled" ? twin.value.id : []))).toEqual([file.id]);
    expect(twins.flatMap((twin) => (twin.status === "rejected" ? twin.reason.code : []))).toEqual(["conflict"]);
    expect(await codeOf(store.importSession({ ...file, idempotency: undefined }))).toBe("conflict");
    expect((await store.importSession(file)).id).toBe(file.id);
    expect((await store.listSessions("", everything)).data).toHaveLength(1);
    expect(
      await codeOf(store.importSession({ ...file, idempotency: { ...file.idempotency!, bodyHash: "other" } })),
    ).toBe("idempotency_mismatch");
  }, 180_000);

  test("that is killed leaves nothing to be seen and no word; tried again, it is the same session", async () => {
    const url = await createDatabase();
    await (await openTestStore(url)).close();
    const file = importInput(halfway, "zephyrous", { user: "anna" });
    await killHalfway(url, file);
    const store = await openTestStore(url);
    await expectNothing(store, url, file, "zephyrous");
    while ((await reads(url, "SELECT 1 FROM import_begun")).length > 0) await store.undoLeftImports();
    const left =
      "SELECT 1 FROM turn WHERE question <> '' OR answer <> '' OR events IS NOT NULL OR user_name IS NOT NULL";
    expect(await reads(url, left)).toEqual([]);
    await expectNothing(store, url, file, "zephyrous");
    if (name === "SQLite") await expectGone(store, url, "zephyrous");
    expect((await store.importSession(file)).id).toBe(file.id);
    expect((await verifyBooks(url)).found.shown).toEqual([]);
  }, 180_000);

  test("of a purged session that is killed leaves it purged; tried again, it is that session again, and found after a crash", async () => {
    const url = await createDatabase();
    const store = await openTestStore(url);
    const file = importInput(halfway, "zephyrous");
    await store.importSession(file);
    await purge(store, file.id);
    await store.close();
    await killHalfway(url, file);
    const second = await openTestStore(url);
    while ((await reads(url, "SELECT 1 FROM import_begun")).length > 0) await second.undoLeftImports();
    await expectNothing(second, url, file, "zephyrous");
    expect(await reads(url, "SELECT 1 FROM turn WHERE question <> '' OR events IS NOT NULL")).toEqual([]);
    // What comes behind it is in the search index before it is.
    const other = await newSession(second, { title: "other" });
    const turn = await open(second, other.id, { content: "newer words" });
    await second.closeTurn(closeInput(turn, [entryFor(null)]));
    expect((await second.searchSessions("", "newer", everything)).data).toHaveLength(1);
    await second.close();
    const { gone } = startChild(url, file);
    await gone;
    const third = await openTestStore(url);
    expect((await third.findSession("", file.id))?.messageCount).toBe(2 * halfway);
    expect((await third.searchSessions("", "zephyrous", everything)).data.map((one) => one.id)).toEqual([file.id]);
    const { sessionsTotal, turnsTotal, entriesTotal } = await third.sumBooks();
    expect([sessionsTotal, turnsTotal]).toEqual([entriesTotal, entriesTotal]);
  }, 180_000);

  test("while a person of the project is erased comes to no end", async () => {
    const url = await createDatabase();
    const store = await openTestStore(url);
    const file = importInput(halfway, "zephyrous", { user: "anna" });
    let code: unknown;
    const importing = codeOf(store.importSession(file)).then((said) => {
      code = said;
    });
    while ((await reads(url, "SELECT 1 FROM import_begun WHERE turns > 0")).length === 0) expect(code).toBeUndefined();
    await store.erasePerson({ project: "", user: "anna", after: 0 });
    await importing;
    expect(code).toBe("storage_unavailable");
    await expectNothing(store, url, file, "zephyrous");
    expect(await reads(url, "SELECT 1 FROM turn WHERE question <> ''")).toEqual([]);
  }, 180_000);
});

async function reads(url: string, sql: string): Promise<unknown[]> {
  await new Promise((resolve) => setImmediate(resolve)); // on SQLite all else is done within one turn of the event loop
  const engine = await openEngine(url, { processId: 0, readOnly: true });
  try {
    return await engine.durable.all(`${sql} LIMIT 1`);
  } finally {
    await engine.close();
  }
}

async function purge(store: Store, id: string): Promise<void> {
  const begun = await store.beginPurge({ by: { project: "", keyId: null }, id, at: Date.now() });
  if (begun.kind !== "begun") throw new Error(begun.kind);
  while (!(await store.purgeSome(begun.row)));
}

/** Out of the file and its log, soon. */
async function expectGone(store: Store, url: string, word: string): Promise<void> {
  const file = url.slice("sqlite:".length);
  const bytes = () => Buffer.concat([readFileSync(file), readFileSync(`${file}-wal`)]);
  while (bytes().includes(word)) await newSession(store);
}
