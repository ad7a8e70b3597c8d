// The command line as an operator meets it: the real command, its two outputs and its exit status.

import { afterAll, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isSecret, type SettingName, settings } from "../src/config.ts";
import { runCommand } from "./command.ts";

const folder = mkdtempSync(join(tmpdir(), "rozmova-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function makeFolder(): string {
  return mkdtempSync(join(folder, "at-"));
}

const binary = join(import.meta.dirname, "..", "bin", "rozmova.mjs");

/** For a command that does not end by itself. */
function spawnIn(at: string, program: string, words: string[]): ChildProcess {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME };
  return spawn("node", [program, ...words], { cwd: at, env, stdio: ["ignore", "ignore", "pipe"] });
}

/** What it says on stderr from now on until the words come; then it is ended, unless there is something left to do with it. */
async function untilSaid(child: ChildProcess, words: RegExp, then?: (said: string) => Promise<void>): Promise<string> {
  let said = "";
  await new Promise<void>((resolve, reject) => {
    const take = (chunk: Buffer) => {
      said += chunk;
      if (!words.test(said)) return;
      child.stderr!.off("data", take);
      resolve();
    };
    child.stderr!.on("data", take);
    child.once("exit", () => reject(new Error(`it ended: ${said}`)));
  });
  if (then) await then(said);
  else {
    child.removeAllListeners("exit");
    child.kill("SIGTERM");
    await once(child, "exit");
  }
  return said;
}

describe("rozmova", () => {
  test("--version prints the version and nothing else", async () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "..", "package.json"), "utf8"));
    expect(await runCommand(["--version"], folder)).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  test("--help names every command and every setting", async () => {
    const { code, stdout } = await runCommand(["--help"], folder);
    expect(code).toBe(0);
    for (const name of ["serve", "emulator", "backup FILE", "restore FILE", "verify", "doctor", "config", "--version"])
      expect(stdout).toContain(`  ${name} `);
    for (const [name, { env }] of Object.entries(settings)) {
      const flag = `--${env.toLowerCase().replaceAll("_", "-")}`;
      // Of a secret the flag for its file: the words of a command are seen by everybody on the machine.
      expect(stdout).toContain(isSecret(name as SettingName) ? `${flag}-file ` : `${flag} `);
      if (isSecret(name as SettingName)) expect(stdout).not.toContain(`${flag} `);
    }
  });

  test("an unknown command is an error, on stderr", async () => {
    const { code, stdout, stderr } = await runCommand(["fly"], folder);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain('"fly"');
  });

  test("--help after a command is help, too, and changes nothing", async () => {
    const at = makeFolder();
    for (const words of [
      ["serve", "--help"],
      ["key", "create", "--name", "x", "--help"],
      ["backup", "--help"],
    ]) {
      const { code, stdout } = await runCommand(words, at);
      expect([words, code, stdout]).toEqual([words, 0, expect.stringContaining("  backup FILE ")]);
    }
    expect(readdirSync(at)).toEqual([]);
  });

  test("a word that is not expected, and a flag that is none with what follows it, are named once each", async () => {
    const { code, stderr } = await runCommand(["serve", "--prot", "8000", "extra"], folder);
    expect([code, stderr]).toEqual([
      1,
      '--prot: there is no such flag; see --help\n"extra" is not expected here; see --help\n',
    ]);
  });

  test("a file that is not there, or is a folder, is named with what is wrong", async () => {
    const at = makeFolder();
    const missing = await runCommand(["import", "nowhere.jsonl"], at);
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringMatching(/^\S*nowhere\.jsonl: there is no such file or folder \(ENOENT\)\.\n$/),
    ]);
    const away = await runCommand(["export", "--out", "nowhere/x"], at);
    expect([away.code, away.stderr]).toEqual([1, expect.stringMatching(/no such file or folder \(ENOENT\)\.\n$/)]);
  });

  test("an address that cannot be listened on is named with what to do", async () => {
    const at = makeFolder();
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const taken = await runCommand(["serve", "--port", String(port)], at);
    expect([taken.code, taken.stderr]).toEqual([
      1,
      `127.0.0.1:${port} cannot be listened on: another program listens there; stop it, or choose another PORT.\n`,
    ]);
    other.close();
    const foreign = await runCommand(["serve", "--port", "0", "--host", "192.0.2.1"], at);
    expect([foreign.code, foreign.stderr]).toEqual([1, expect.stringContaining("HOST must be an address of this")]);
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

test("serve says which names in .env no setting has, and that the usual model has no price", async () => {
  const at = makeFolder();
  writeFileSync(join(at, ".env"), "PROT=8000\n");
  const said = await untilSaid(
    spawnIn(at, binary, ["serve", "--port", "0", "--gemini-model", "nowhere-1"]),
    /no price/,
  );
  expect(said).toContain("WARNING: .env has PROT, which no setting is named");
  expect(said).toContain("GEMINI_MODEL=nowhere-1");
  expect((await runCommand(["doctor", "--port", "0"], at)).stdout).toMatch(/^NOTE +settings +\.env has PROT/m);
});

test("npm run dev builds a changed page anew, outlives a mistake in the code, shows its place, and starts again when it is corrected", async () => {
  const at = makeFolder();
  const root = join(import.meta.dirname, "..");
  for (const name of ["bin", "src", "emulator", "web", "package.json", "tsconfig.json"])
    cpSync(join(root, name), join(at, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(at, "node_modules"));
  const file = join(at, "src", "errors.ts");
  const right = readFileSync(file);
  const child = spawnIn(at, join(at, "bin", "rozmova.mjs"), ["--watch", "serve", "--port", "0"]);
  const said = await untilSaid(child, /listens on \S+/, async (heard) => {
    const url = /listens on (\S+)/.exec(heard)![1]!;
    const loadProgram = async () => /src="([^"]+)"/.exec(await (await fetch(url)).text())?.[1];
    const before = await loadProgram();
    appendFileSync(join(at, "web", "text", "language.ts"), "console.log('changed');\n");
    const after = await loadProgram();
    expect(after).not.toBe(before!);
    expect((await fetch(`${url}/${after}`)).status).toBe(200);
    appendFileSync(file, "const no more = ;\n");
    await untilSaid(child, /errors\.ts:\d+:\d+/, async () => {
      writeFileSync(file, right);
      await untilSaid(child, /listens on/);
    });
  });
  expect(said).toContain("listens on");
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

  test("a blank value decides nothing: the next source does", async () => {
    const at = makeFolder();
    writeFileSync(join(at, ".env"), "PORT=3\nHOST=127.0.0.3\nGEMINI_MODEL=\n");
    const { code, stdout, stderr } = await runCommand(["config", "--port", "", "--host= ", "--log-level="], at, {
      PORT: " ",
      HOST: "",
      LOG_LEVEL: "warn",
      GEMINI_MODEL: "",
    });
    expect([code, stderr]).toEqual([0, ""]);
    expect(lineOf(stdout, "PORT")).toMatch(/^PORT=3 +# \.env$/);
    expect(lineOf(stdout, "HOST")).toMatch(/^HOST=127\.0\.0\.3 +# \.env$/);
    expect(lineOf(stdout, "LOG_LEVEL")).toMatch(/^LOG_LEVEL=warn +# environment$/);
    expect(lineOf(stdout, "GEMINI_MODEL")).toMatch(/# default$/);
  });

  test("a secret may lie in a file, which is all that is shown of it, and one that cannot be read is named", async () => {
    const at = makeFolder();
    writeFileSync(join(at, "key"), "hunter2\n");
    writeFileSync(join(at, "url"), "postgres://me:hunter2@host/db\n");
    writeFileSync(join(at, "empty"), "\n");
    writeFileSync(join(at, ".env"), "GEMINI_API_KEY_FILE=key\n");
    const { code, stdout } = await runCommand(["config", "--database-url-file", "url"], at, { DATABASE_URL: "" });
    expect(code).toBe(0);
    expect(stdout).not.toContain("hunter2");
    expect(stdout).toMatch(/^GEMINI_API_KEY_FILE=key +# \.env$/m);
    expect(stdout).toMatch(/^DATABASE_URL_FILE=url +# flag$/m);
    for (const [file, why] of [
      ["nowhere", "cannot be read"],
      ["empty", "is empty"],
    ] as const) {
      const refused = await runCommand(["config"], at, { GEMINI_API_KEY_FILE: file });
      expect([file, refused.code]).toEqual([file, 1]);
      expect(refused.stderr).toContain(`GEMINI_API_KEY_FILE (--gemini-api-key-file): ${file} ${why}`);
    }
  });

  test("a key with a character that nobody sees, or that only looks right, is refused, and the character is named, not the key", async () => {
    for (const [key, says] of [
      ["AIzaSyhunter2\u200b", "character 14 is U+200B (invisible"],
      ["AIz\u0430Syhunter2", "character 4 is U+0430 (Cyrillic"],
      ["AIza Syhunter2", "character 5 is U+0020"],
    ] as const) {
      const { code, stderr } = await runCommand(["serve", "--port", "0"], folder, { GEMINI_API_KEY: key });
      expect([key, code]).toEqual([key, 1]);
      expect(stderr).toContain("GEMINI_API_KEY");
      expect(stderr).toContain(says);
      expect(stderr).not.toContain("hunter2");
    }
  });
});
