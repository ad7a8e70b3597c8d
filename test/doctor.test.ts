// The doctor finds what is wrong, says what to do, and changes nothing: the real command, beside real servers.

import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { startEmulator } from "../emulator/emulator.ts";
import { openStore } from "../src/database/open.ts";
import { runCommand } from "./command.ts";
import { createPostgresDatabase } from "./postgres.ts";

const folder = mkdtempSync(join(tmpdir(), "rozmova-doctor-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const makeFolder = () => mkdtempSync(join(folder, "at-"));

/** The findings by what they are about. */
const linesOf = (stdout: string) =>
  Object.fromEntries(stdout.split("\n").map((line) => [line.slice(6, 16).trim(), line]));

describe("rozmova doctor", () => {
  test("finds nothing wrong in an empty folder, and makes nothing there", async () => {
    const at = makeFolder();
    const { code, stdout } = await runCommand(["doctor", "--port", "0"], at);
    expect(stdout).not.toContain("WRONG");
    expect(code).toBe(0);
    expect(linesOf(stdout).key).toStartWith("NOTE");
    expect(await Array.fromAsync(new Bun.Glob("**/*").scan({ cwd: at, dot: true }))).toEqual([]);
  });

  test("says what is wrong with settings, and exits with 1", async () => {
    const { code, stdout } = await runCommand(["doctor", "--port", "x"], folder);
    expect(code).toBe(1);
    expect(linesOf(stdout).settings).toStartWith("WRONG settings  PORT");
  });

  test("finds a taken port, a key that is needed and not there, a place that is no folder", async () => {
    const at = makeFolder();
    writeFileSync(join(at, "file"), "");
    const taken = createServer().listen(0, "0.0.0.0");
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as { port: number };
    try {
      const words = ["doctor", "--port", String(port), "--host", "0.0.0.0", "--database-url", "sqlite:file/rozmova.db"];
      const { code, stdout, stderr } = await runCommand(words, at);
      expect(code).toBe(1);
      const lines = linesOf(stdout);
      for (const about of ["port", "callers", "disk"]) expect(lines[about], about).toStartWith("WRONG");
      expect(stderr).toContain("3 things are wrong");
    } finally {
      taken.close();
    }
  }, 180_000);

  test("a key that is needed is there once it was made", async () => {
    const at = makeFolder();
    const words = ["--require-key", "yes", "--database-url", "sqlite:data/rozmova.db"];
    const examine = async () => (await runCommand(["doctor", "--port", "0", ...words], at)).stdout;
    const said = await examine();
    const before = linesOf(said);
    expect(before.callers).toStartWith("WRONG");
    expect(said).toContain("npm run rozmova -- key create");
    expect(before.door).toStartWith("OK");
    const made = await runCommand(["key", "create", "--name", "first", ...words], at);
    expect(made.code).toBe(0);
    expect(linesOf(await examine()).callers).toStartWith("OK");
    const open = linesOf(
      (await runCommand(["doctor", "--port", "0", "--host", "0.0.0.0", "--insecure-no-auth"], at)).stdout,
    );
    expect(open.door).toStartWith("NOTE");
    expect(open.callers).toBeUndefined();
  }, 180_000);

  test("finds a key that others on this machine can read", async () => {
    const at = makeFolder();
    writeFileSync(join(at, ".env"), "GEMINI_API_KEY=k\nGEMINI_BASE_URL=http://127.0.0.1:1\n", { mode: 0o644 });
    const seen = linesOf((await runCommand(["doctor", "--port", "0"], at)).stdout).secrets;
    expect(seen).toStartWith("WRONG");
    expect(seen).toContain("GEMINI_API_KEY");
    chmodSync(join(at, ".env"), 0o600);
    expect(linesOf((await runCommand(["doctor", "--port", "0"], at)).stdout).secrets).toStartWith("OK");
  });

  test("finds a database that is none", async () => {
    const at = makeFolder();
    writeFileSync(join(at, "rozmova.db"), "This is a letter, and long enough to be taken for a database. ".repeat(100));
    const { code, stdout } = await runCommand(["doctor", "--port", "0", "--database-url", "sqlite:rozmova.db"], at);
    expect(code).toBe(1);
    expect(linesOf(stdout).database).toStartWith("WRONG");
  });

  test("asks the vendor: a key it takes, a key it refuses, a model it does not have, nobody there", async () => {
    const emulator = await startEmulator({ apiKeys: ["good"] });
    const ask = async (key: string, model: string, baseUrl = emulator.url) => {
      const given = { GEMINI_API_KEY: key, GEMINI_MODEL: model, GEMINI_BASE_URL: baseUrl };
      const { code, stdout, stderr } = await runCommand(["doctor", "--port", "0"], folder, given);
      expect(stdout + stderr).not.toContain("wicked-key");
      return { code, vendor: linesOf(stdout).vendor };
    };
    try {
      expect(await ask("good", "gemini-2.5-flash")).toEqual({
        code: 0,
        vendor: expect.stringContaining("takes the key"),
      });
      expect(await ask("wicked-key", "gemini-2.5-flash")).toEqual({
        code: 1,
        vendor: expect.stringMatching(/^WRONG.*key/),
      });
      expect(await ask("good", "gemini-0")).toEqual({ code: 1, vendor: expect.stringContaining("gemini-0") });
    } finally {
      await emulator.close();
    }
    expect(await ask("good", "gemini-0", emulator.url)).toEqual({ code: 1, vendor: expect.stringMatching(/^WRONG/) });
  }, 180_000);
});

test("the doctor looks at Postgres without changing it: empty, made, newer, not there, and never shows the password", async () => {
  const databaseUrl = await createPostgresDatabase();
  const ask = async (address: string) => {
    const { code, stdout, stderr } = await runCommand(["doctor", "--port", "0"], folder, { DATABASE_URL: address });
    expect(stdout + stderr).not.toContain("hunter2");
    return `${code} ${linesOf(stdout).database}`;
  };
  expect(await ask(databaseUrl)).toMatch(/^0 OK .*empty/);
  expect(await ask(databaseUrl)).toMatch(/^0 OK .*empty/);
  await (await openStore(databaseUrl, { processId: 7 })).close();
  expect(await ask(databaseUrl)).toMatch(/^0 OK .*schema version \d+$/);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query("INSERT INTO schema_version (version, at) VALUES (9999, 0)");
  await client.end();
  expect(await ask(databaseUrl)).toMatch(/^1 WRONG .*9999/);
  expect(await ask("postgres://me:hunter2@127.0.0.1:1/nowhere")).toMatch(/^1 WRONG /);
}, 180_000);
