// `rozmova verify` as an operator runs it: what it prints, and what its exit status says.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newSession, say } from "./client.ts";
import { runCommand } from "./command.ts";
import { createSqliteFile } from "./engines.ts";
import { startServer } from "./server.ts";
import { openTestStore } from "./stores.ts";
import { alter, keepBooks, turns } from "./verify-books.ts";

const folder = mkdtempSync(join(tmpdir(), "rozmova-verify-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const verify = (url: string) => runCommand(["verify", "--database-url", url], folder);

describe("rozmova verify", () => {
  test("says what it checked and ends with 0; with a difference it names the row and ends with 1", async () => {
    const url = await createSqliteFile();
    const store = await openTestStore(url);
    const [id] = await keepBooks(store, ["full", "tried"]);
    await store.findSeal(undefined);
    await store.close();
    const right = await verify(url);
    expect([right.code, right.stdout]).toEqual([0, ""]);
    expect(right.stderr).toMatch(
      /^Checked 4 calls, 1 price row, the sums of every turn, session.*: everything is as it must be\.\n$/,
    );
    await alter(url, "UPDATE ledger SET total_pico = total_pico + 1 WHERE turn = 1");
    const wrong = await verify(url);
    expect(wrong.code).toBe(1);
    const { total } = turns.full![0]!;
    expect(wrong.stdout).toContain(`call ${id}/1: total_pico is ${total! + 1n}, and should be ${total}\n`);
    expect(wrong.stderr).toContain(": 4 differences.");
  });

  test("a thousand differences are counted, and not all of them printed", async () => {
    const url = await createSqliteFile();
    const store = await openTestStore(url);
    await keepBooks(
      store,
      Array.from({ length: 150 }, () => "full"),
    );
    await store.close();
    await alter(url, "UPDATE ledger SET total_pico = total_pico + 1, balanced = 0");
    const { code, stdout } = await verify(url);
    const lines = stdout.trimEnd().split("\n");
    expect([code, lines.length]).toEqual([1, 101]);
    expect(lines.at(-1)).toMatch(/^\.\.\. and \d+ or more other differences$/);
  });

  test("checks beside a running server", async () => {
    const server = await startServer();
    try {
      const session = await newSession(server.url);
      await say(server.url, session.id, { content: "hi" });
      const { code, stdout, stderr } = await verify(server.databaseUrl);
      expect([code, stdout]).toEqual([0, ""]);
      expect(stderr).toStartWith("Checked 1 call, ");
    } finally {
      await server.stop();
    }
  });

  test("a database that is not there, or is of another version, is refused with a sentence", async () => {
    const missing = await verify(`sqlite:${join(folder, "missing.db")}`);
    expect([missing.code, missing.stderr]).toEqual([
      1,
      `There is no database at ${join(folder, "missing.db")} to check.\n`,
    ]);
    const url = await createSqliteFile();
    await (await openTestStore(url)).close();
    await alter(url, "DELETE FROM schema_version WHERE version > 3");
    const old = await verify(url);
    expect(old.code).toBe(1);
    expect(old.stderr).toContain("The database has schema version 3, and this program reads version");
    const out = await runCommand(["export"], folder, { DATABASE_URL: url });
    expect([out.code, out.stdout, out.stderr]).toEqual([1, "", old.stderr]);
  });
});
