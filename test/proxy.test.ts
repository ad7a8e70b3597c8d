// A proxy that the environment names is on the way to the vendor; without one nothing goes through it.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Emulator, startEmulator } from "../emulator/emulator.ts";
import { newSession, say } from "./client.ts";
import { startProcess } from "./kill-run.ts";

/** Only a proxy can know where this is. */
const vendorHost = "http://vendor.invalid";

describe("a server whose environment names a proxy", () => {
  let emulator: Emulator;
  let proxy: Bun.Server<undefined>;
  const folder = mkdtempSync(join(tmpdir(), "rozmova-proxy-"));
  const passed: string[] = [];

  beforeAll(async () => {
    emulator = await startEmulator({ chunkDelayMs: 0 });
    proxy = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        passed.push(request.url);
        const { pathname, search } = new URL(request.url);
        const { method, headers } = request;
        return fetch(`${emulator.url}${pathname}${search}`, { method, headers, body: request.body });
      },
    });
  });
  afterAll(async () => {
    await proxy.stop(true);
    await emulator.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function sayOnce(env: Record<string, string>): Promise<number> {
    const databaseUrl = `sqlite:${join(mkdtempSync(join(folder, "at-")), "rozmova.db")}`;
    const server = await startProcess({ GEMINI_API_KEY: "k", DATABASE_URL: databaseUrl, ...env });
    try {
      const { id } = await newSession(server.url);
      return (await say(server.url, id, { content: "hi" })).status;
    } finally {
      await server.kill("SIGTERM");
    }
  }

  test.each(["HTTP_PROXY", "http_proxy"])("reaches the vendor through it (%s)", async (name) => {
    passed.length = 0;
    expect(await sayOnce({ GEMINI_BASE_URL: vendorHost, [name]: `http://127.0.0.1:${proxy.port}` })).toBe(201);
    expect(passed.length).toBe(1);
    expect(passed[0]).toStartWith(`${vendorHost}/v1beta/models/`);
  });

  test("and goes past it to a host that NO_PROXY names, or where the proxy is for the other protocol", async () => {
    passed.length = 0;
    const address = `http://127.0.0.1:${proxy.port}`;
    const direct = { GEMINI_BASE_URL: emulator.url };
    expect(await sayOnce({ ...direct, HTTP_PROXY: address, NO_PROXY: "127.0.0.1" })).toBe(201);
    expect(await sayOnce({ ...direct, HTTPS_PROXY: address })).toBe(201);
    expect(passed).toEqual([]);
  });
});
