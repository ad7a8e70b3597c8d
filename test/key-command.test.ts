// `rozmova key` as an operator uses it: beside running servers, which know within a second what was made and what was taken away.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Emulator, startEmulator } from "../emulator/emulator.ts";
import { callAs } from "./callers.ts";
import { call, eventually, type ProblemBody, type SessionBody } from "./client.ts";
import { runCommand } from "./command.ts";
import { engines, postgresEngine } from "./engines.ts";
import { type ServerProcess, startProcess } from "./kill-run.ts";

const folder = mkdtempSync(join(tmpdir(), "rozmova-key-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
/** Every process promises a second; one that waits for a processor takes longer. */
const withinMs = 5_000;

const status = async (secret: string, url: string) => (await callAs(secret, `${url}/sessions`)).status;

describe.each(engines)("rozmova key on %s", (name, createDatabase) => {
  let emulator: Emulator;
  let servers: ServerProcess[] = [];
  let env: Record<string, string>;
  beforeAll(async () => {
    emulator = await startEmulator();
    env = {
      ...{ DATABASE_URL: await createDatabase(), REQUIRE_KEY: "yes" },
      ...{ GEMINI_API_KEY: "k", GEMINI_BASE_URL: emulator.url },
    };
    servers = await Promise.all(Array.from({ length: name === postgresEngine.name ? 2 : 1 }, () => startProcess(env)));
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.kill("SIGTERM")));
    await emulator.close();
  });
  const key = (...words: string[]) => runCommand(["key", ...words], folder, env);
  const create = async (...words: string[]) => {
    const { code, stdout, stderr } = await key("create", "--name", "the shop", ...words);
    expect([code, stderr]).toEqual([0, expect.stringContaining("the shop")]);
    return { secret: stdout.trimEnd(), stdout, stderr };
  };

  test("makes a key beside running servers: its secret alone on stdout, known everywhere within a second", async () => {
    for (const { url } of servers) {
      const { body, status: refused } = await call<ProblemBody>(`${url}/sessions`, "GET");
      expect([refused, body.code]).toEqual([401, "unauthenticated"]);
    }
    const { secret, stdout, stderr } = await create("--project", "shop");
    expect(stdout).toMatch(/^rz-[0-9A-Za-z]{43}\n$/);
    expect(stderr).not.toContain(secret);
    expect(stderr).toContain("Made the project shop.");
    for (const { url } of servers)
      await eventually(
        () => status(secret, url),
        (seen) => seen === 200,
        withinMs,
      );
    expect((await create("--project", "shop")).stderr).not.toContain("Made the project");
  });

  test("while the server writes all the time, too", async () => {
    const writer = await create("--scope", "chat");
    const { url } = servers[0]!;
    let writing = true;
    const busy = Promise.all(
      Array.from({ length: 8 }, async () => {
        while (writing) await callAs<SessionBody>(writer.secret, `${url}/sessions`, "POST", {});
      }),
    );
    try {
      const made = await Promise.all([create(), create("--user", "anna")]);
      for (const { secret } of made)
        await eventually(
          () => status(secret, url),
          (seen) => seen === 200,
          withinMs,
        );
    } finally {
      writing = false;
      await busy;
    }
  });

  test("lists what there is, one key a line, and no secret", async () => {
    const { secret } = await create("--operator");
    const { code, stdout } = await key("list");
    expect(code).toBe(0);
    const line = stdout.split("\n").find((one) => one.includes(secret.slice(0, 9)));
    expect(line?.split("\t").slice(2, 6)).toEqual(["default", "chat,read,admin,operator", "", "good"]);
    expect(stdout).not.toContain(secret);
  });

  test("makes no operator's key of a switch that says no: what a switch is given is refused", async () => {
    const before = (await key("list")).stdout;
    const { code, stdout, stderr } = await key("create", "--name", "the shop", "--operator=no");
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("--operator: it takes no value");
    expect((await key("list")).stdout).toBe(before);
  });

  test("takes a key away: by its id or the beginning of its secret, from every process within a second", async () => {
    for (const nameOf of [
      (listed: string) => listed.split("\t")[0]!,
      (listed: string) => listed.split("\t")[1]!.slice(0, 9),
    ]) {
      const { secret } = await create();
      for (const { url } of servers)
        await eventually(
          () => status(secret, url),
          (seen) => seen === 200,
          withinMs,
        );
      const { stdout } = await key("list");
      const listed = stdout.split("\n").find((one) => one.includes(secret.slice(0, 9)))!;
      expect((await key("revoke", nameOf(listed))).code).toBe(0);
      for (const { url } of servers)
        await eventually(
          () => status(secret, url),
          (seen) => seen === 401,
          withinMs,
        );
      expect(await key("revoke", nameOf(listed))).toMatchObject({ code: 1, stdout: "" });
    }
  });

  test("what one process takes away, the next request finds gone there, and every other within a second", async () => {
    const [here, there = here] = servers;
    const operator = (await create("--operator")).secret;
    const { secret } = await create();
    for (const { url } of servers)
      await eventually(
        () => status(secret, url),
        (seen) => seen === 200,
        withinMs,
      );
    const { id } = (await callAs<{ id: string }>(secret, `${here!.url}/keys/me`)).body;
    await callAs(operator, `${here!.url}/keys/${id}`, "PATCH", { disabled: true });
    expect(await status(secret, here!.url)).toBe(401);
    await eventually(
      () => status(secret, there!.url),
      (seen) => seen === 401,
      withinMs,
    );
    await callAs(operator, `${there!.url}/keys/${id}`, "PATCH", { disabled: false });
    expect(await status(secret, there!.url)).toBe(200);
    await eventually(
      () => status(secret, here!.url),
      (seen) => seen === 200,
      withinMs,
    );
  });

  test("a token made by one process is good in the other", async () => {
    const [here, there = here] = servers;
    const { secret } = await create();
    await eventually(
      () => status(secret, here!.url),
      (seen) => seen === 200,
      withinMs,
    );
    const { token } = (await callAs<{ token: string }>(secret, `${here!.url}/tokens`, "POST", { user: "anna" })).body;
    expect(await status(token, there!.url)).toBe(200);
  });

  test("what is wrong is said, and nothing is made", async () => {
    const before = (await key("list")).stdout;
    for (const words of [
      [],
      ["make"],
      ["create"],
      ["create", "--name", "x", "--scope", "fly"],
      ["create", "--name", "x", "--scope", "operator"],
      ["create", "--name", "x", "--project", "A B"],
      ["create", "--name", "x", "--no-such-flag"],
      ["create", "--name", "x", "y"],
      ["create", "--name"],
      ["create", "--name", "x", "--user", "u".repeat(129)],
      ["list", "--name", "x"],
      ["revoke"],
      ["revoke", "rz-0"],
    ]) {
      const { code, stdout, stderr } = await key(...words);
      expect([words, code, stdout]).toEqual([words, 1, ""]);
      expect(stderr).not.toMatch(/^\s+at /m);
    }
    expect((await key("list")).stdout).toBe(before);
  });
});

test("without a server it makes the database, and the start then lacks no key; before, the start says how to make one", async () => {
  const emulator = await startEmulator();
  const at = mkdtempSync(join(folder, "new-"));
  const env = {
    GEMINI_API_KEY: "k",
    GEMINI_BASE_URL: emulator.url,
    DATABASE_URL: `sqlite:${join(at, "r.db")}`,
    REQUIRE_KEY: "yes",
  };
  const start = () => startProcess(env);
  const first = await start();
  await eventually(
    async () => first.said(),
    (text) => text.includes("key create --name"),
    2_000,
  );
  await first.kill("SIGTERM");
  const made = await runCommand(["key", "create", "--name", "x"], at, env);
  expect(made.code).toBe(0);
  const second = await start();
  expect(await status(made.stdout.trim(), second.url)).toBe(200);
  await second.kill("SIGTERM");
  expect(second.said()).not.toContain("NO KEY YET");
  await emulator.close();
});
