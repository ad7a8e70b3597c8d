// The command line as an operator meets it: the real command, its two outputs and its exit status.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
