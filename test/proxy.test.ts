// A proxy that the environment names is on the way to the vendor, and learns nothing on it; without one nothing goes through it.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Emulator, startEmulator } from "../emulator/emulator.ts";
import { createPost } from "../src/providers/http/client.ts";
import { chooseProxy, type ProxySettings } from "../src/providers/http/proxy.ts";
import { createProvider } from "../src/providers/index.ts";
import { newSession, say } from "./client.ts";
import { startProcess } from "./kill-run.ts";
import { callInChild, closeRaw, listen, node, serveTls, trusting } from "./raw-server.ts";

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

describe("which proxy is on the way", () => {
  const settings = { http: "http://proxy:3128", https: "secure-proxy:8080", except: null };
  const choose = (target: string, change: Partial<ProxySettings> = {}) =>
    chooseProxy(new URL(target), { ...settings, ...change });

  test("the one for the address's protocol, with or without its own, its port and its password", () => {
    expect(choose("http://vendor/")).toEqual({ host: "proxy", port: 3128, authorization: null });
    expect(choose("https://vendor/")).toEqual({ host: "secure-proxy", port: 8080, authorization: null });
    expect(choose("https://vendor/", { https: null })).toBeNull();
    expect(choose("http://vendor/", { http: "http://a%40b:p%3Aq@[::1]/" })).toEqual({
      host: "::1",
      port: 80,
      authorization: `Basic ${btoa("a@b:p:q")}`,
    });
    expect(choose("http://vendor/", { http: "http://a%:b@proxy" })?.authorization).toBe(`Basic ${btoa("a%:b")}`);
  });

  test.each(["http://", "socks5://proxy:1080", "https://proxy", "http://proxy:99999", "::"])(
    "%s is told to the operator",
    (given) => {
      expect(() => choose("http://vendor/", { http: given })).toThrow(/^HTTP_PROXY: /);
      expect(() =>
        createProvider({ apiKey: "k", baseUrl: "http://vendor", proxies: { ...settings, http: given } }),
      ).toThrow(/^HTTP_PROXY: /);
    },
  );

  test.each([
    ["*", "http://vendor", true],
    ["vendor.com", "https://vendor.com", true],
    ["vendor.com", "https://api.vendor.com", true],
    [".vendor.com", "https://api.vendor.com", true],
    ["*.vendor.com", "https://api.vendor.com", true],
    ["vendor.com", "https://othervendor.com", false],
    ["VENDOR.com", "https://api.Vendor.COM", true],
    ["other, vendor.com", "https://vendor.com", true],
    ["other vendor.com", "https://vendor.com", true],
    ["vendor.com:443", "https://vendor.com", true],
    ["vendor.com:8443", "https://vendor.com", false],
    ["127.0.0.1", "http://127.0.0.1:8000", true],
    ["::1", "http://[::1]:8000", true],
    ["[::1]:8000", "http://[::1]:8000", true],
    ["[::1]:8001", "http://[::1]:8000", false],
    ["", "http://vendor", false],
    [",,", "http://vendor", false],
  ])("NO_PROXY=%s for %s: past it %p", (except, target, isPast) => {
    expect(choose(target, { except }) === null).toBe(isPast);
  });
});

/** A proxy that opens ways to where it is asked, or answers CONNECT as it is told; keeps every byte that came for it alone. */
async function serveProxy(answer?: string) {
  const seen: { port: number; heads: string[]; through: Buffer[] } = { port: 0, heads: [], through: [] };
  const serve = (socket: Socket) => {
    socket.on("error", () => {});
    let head = "";
    const readHead = (bytes: Buffer) => {
      head += bytes.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      socket.off("data", readHead);
      seen.heads.push(head);
      if (answer !== undefined) return void (answer === "" ? socket.destroy() : socket.end(answer));
      const [, host = "", port = ""] = /^CONNECT \[?([^\]\s]*?)\]?:(\d+) /.exec(head) ?? [];
      const far = connect({ host: host === "vendor.test" ? "localhost" : host, port: Number(port) });
      far.on("error", () => socket.destroy());
      far.on("connect", () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        socket.on("data", (more: Buffer) => seen.through.push(more));
        socket.pipe(far).pipe(socket);
      });
    };
    socket.on("data", readHead);
  };
  seen.port = await listen(createServer(serve));
  return seen;
}

describe.each([
  ["Bun", process.execPath],
  ["Node", node],
])("over a way through a proxy, on %s", (_, runtime) => {
  afterEach(closeRaw);

  test("TLS is spoken with the vendor itself: the proxy sees neither key nor request, and the way is kept", async () => {
    const [vendor, proxy] = [await serveTls("good"), await serveProxy()];
    const env = { ...trusting, HTTPS_PROXY: `http://us%20er:pass@127.0.0.1:${proxy.port}` };
    const seen = await callInChild(runtime, `https://localhost:${vendor.port}`, env, 3);
    expect(seen).toEqual({ text: "over TLS".repeat(3), failure: "", sent: true });
    expect(proxy.heads).toHaveLength(1);
    expect(proxy.heads[0]).toStartWith(`CONNECT localhost:${vendor.port} HTTP/1.1\r\n`);
    expect(proxy.heads[0]).toContain(`${btoa("us er:pass")}\r\n`);
    const passed = Buffer.concat(proxy.through).toString("latin1");
    for (const secret of ["s3cret", "x-goog-api-key", "POST"]) expect(passed + proxy.heads[0]).not.toContain(secret);
    expect(vendor.requests).toHaveLength(3);
    for (const request of vendor.requests) expect(request.toLowerCase()).not.toContain("proxy-authorization");
  }, 180_000);

  test("nothing is sent to a vendor that has another name, nor by a proxy that does not open the way", async () => {
    const other = await serveTls("other");
    const open = await serveProxy();
    const wrong = await callInChild(runtime, `https://localhost:${other.port}`, {
      ...trusting,
      HTTPS_PROXY: `127.0.0.1:${open.port}`,
    });
    expect(wrong).toEqual({ text: "", failure: "ERR_TLS_CERT_ALTNAME_INVALID", sent: false });
    expect(other.size()).toBe(0);
    for (const answer of [
      "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
      "",
      "no HTTP\r\n\r\n",
    ]) {
      const proxy = await serveProxy(answer);
      const env = { ...trusting, HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` };
      const seen = await callInChild(runtime, `https://localhost:${other.port}`, env);
      expect([seen.text, seen.sent, seen.failure !== "", proxy.heads.length]).toEqual(["", false, true, 1]);
    }
  }, 180_000);
});

test("an exchange that is cancelled while the proxy is silent closes the connection", async () => {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const port = await listen(
    createServer((socket) => void socket.on("error", () => {}).once("data", () => resolve(socket))),
  );
  const proxies = { http: null, https: `127.0.0.1:${port}`, except: null };
  const exchange = createPost("https://vendor.test", {}, proxies)("/", ["{}"]);
  const opening = exchange.open().then(
    () => "opened",
    () => "refused",
  );
  const socket = await promise;
  const closed = new Promise((done) => socket.once("close", done));
  exchange.cancel();
  expect([await opening, exchange.sent]).toEqual(["refused", false]);
  await closed;
  closeRaw();
});
