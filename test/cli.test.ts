// The command line as an operator meets it: the real command, its two outputs and its exit status.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmulator } from "../emulator/emulator.ts";
import { settings } from "../src/config.ts";
import { runCommand } from "./command.ts";

const folder = mkdtempSync(join(tmpdir(), "rozmova-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function makeFolder(): string {
  return mkdtempSync(join(folder, "at-"));
}

describe("rozmova", () => {
  test("--version prints the version and nothing else", async () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "..", "package.json"), "utf8"));
    expect(await runCommand(["--version"], folder)).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  test("--help names every command and every setting", async () => {
    const { code, stdout } = await runCommand(["--help"], folder);
    expect(code).toBe(0);
    for (const name of ["serve", "emulator", "backup FILE", "restore FILE", "doctor", "config", "--version"])
      expect(stdout).toContain(`  ${name} `);
    for (const { env } of Object.values(settings))
      expect(stdout).toContain(`--${env.toLowerCase().replaceAll("_", "-")} `);
  });

  test("an unknown command is an error, on stderr", async () => {
    const { code, stdout, stderr } = await runCommand(["fly"], folder);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain('"fly"');
  });

  for (const name of ["backup", "restore"])
    test(`${name} without a file says so`, async () => {
      for (const words of [[name], [name, "--port", "1"]]) {
        const { code, stdout, stderr } = await runCommand(words, folder);
        expect([code, stdout]).toEqual([1, ""]);
        expect(stderr).toContain(`rozmova ${name} FILE`);
      }
    });

  test("serve names every mistake in the settings at once, without showing a secret", async () => {
    const given = { PORT: "70000", LOG_LEVEL: "loud", DATABASE_URL: "mysql://root:hunter2@host/db" };
    const { code, stdout, stderr } = await runCommand(["serve", "--no-such-flag"], folder, given);
    expect([code, stdout]).toEqual([1, ""]);
    for (const name of ["PORT", "LOG_LEVEL", "DATABASE_URL", "--no-such-flag"]) expect(stderr).toContain(name);
    expect(stderr).not.toContain("hunter2");
  });
});

describe("rozmova config", () => {
  const lineOf = (stdout: string, env: string) => stdout.split("\n").find((line) => line.startsWith(`${env}=`));

  test("a flag wins over the environment, the environment over .env, .env over the default", async () => {
    const at = makeFolder();
    writeFileSync(join(at, ".env"), "HOST=127.0.0.3\nPORT=3\nQUEUE_LIMIT=3\nLOG_LEVEL=\n");
    writeFileSync(join(at, ".env.local"), "IDEMPOTENCY_MS=60000\n");
    const { code, stdout, stderr } = await runCommand(["config", "--host", "127.0.0.1"], at, {
      HOST: "127.0.0.2",
      PORT: "2",
    });
    expect([code, stderr]).toEqual([0, ""]);
    expect(lineOf(stdout, "HOST")).toMatch(/^HOST=127\.0\.0\.1 +# flag$/);
    expect(lineOf(stdout, "PORT")).toMatch(/^PORT=2 +# environment$/);
    expect(lineOf(stdout, "QUEUE_LIMIT")).toMatch(/^QUEUE_LIMIT=3 +# \.env$/);
    expect(lineOf(stdout, "LOG_LEVEL")).toMatch(/^LOG_LEVEL=info +# default$/);
    expect(lineOf(stdout, "IDEMPOTENCY_MS")).toMatch(/# default$/);
    expect(stdout.trim().split("\n").length).toBe(Object.keys(settings).length);
  });

  test("no secret is printed: not the key, not a password in an address", async () => {
    for (const databaseUrl of [
      "postgres://user:hunter2@host/database",
      "postgres://user:hun%2Fter2@host:5432/database?sslmode=require",
      "postgres://host/database?user=me&password=hunter2",
      "postgres://user:hunter2/with/slashes@host/database",
    ]) {
      const given = {
        GEMINI_API_KEY: "AQ.hunter2:x",
        DATABASE_URL: databaseUrl,
        GEMINI_BASE_URL: "https://me:hunter2@proxy/x",
      };
      const { code, stdout } = await runCommand(["config"], folder, given);
      expect(code).toBe(0);
      expect(stdout).not.toMatch(/hun(%2F)?ter2/);
      expect(lineOf(stdout, "GEMINI_API_KEY")).toMatch(/^GEMINI_API_KEY=\*+ +# environment$/);
      expect(lineOf(stdout, "GEMINI_BASE_URL")).toContain("@proxy/x");
    }
  });
});

describe("rozmova doctor", () => {
  const linesOf = (stdout: string) =>
    Object.fromEntries(stdout.split("\n").map((line) => [line.slice(6, 16).trim(), line]));

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

  test("finds a taken port, an open door, a low cap on requests, a place that is no folder", async () => {
    const at = makeFolder();
    writeFileSync(join(at, "file"), "");
    const taken = createServer().listen(0, "0.0.0.0");
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as { port: number };
    try {
      const words = ["doctor", "--port", String(port), "--host", "0.0.0.0", "--database-url", "sqlite:file/rozmova.db"];
      const { code, stdout, stderr } = await runCommand(words, at, { BUN_CONFIG_MAX_HTTP_REQUESTS: "256" });
      expect(code).toBe(1);
      const lines = linesOf(stdout);
      for (const about of ["port", "door", "runtime", "disk"]) expect(lines[about], about).toStartWith("WRONG");
      expect(stderr).toContain("4 things are wrong");
    } finally {
      taken.close();
    }
  }, 20_000);

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
  }, 20_000);
});
