// The page's files and the docs: typed, compressed, cached, under a strict policy, and nothing else of the disk.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type HttpServer, startHttp, testPage } from "./http-assembly.ts";
import { launchBrowser } from "./page.ts";

let server: HttpServer;
beforeAll(async () => {
  server = await startHttp();
});
afterAll(() => server.stop());

const script = "/assets/main-0a1b2c3d.js";
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

describe("every file", () => {
  test.each([
    "/",
    script,
    "/docs",
    "/docs/start.js",
    "/docs/swagger-ui.css",
    "/docs/swagger-ui-bundle.js",
    "/docs/favicon-32x32.png",
    "/openapi.json",
  ])("%s has a type, a tag and the strict policy, and is the same compressed", async (path) => {
    const plain = await fetch(`${server.url}${path}`, { headers: { "accept-encoding": "identity" } });
    const zipped = await fetch(`${server.url}${path}`, { headers: { "accept-encoding": "br, gzip" } });
    expect(plain.status).toBe(200);
    expect(plain.headers.get("content-encoding")).toBeNull();
    expect(plain.headers.get("content-type")).toMatch(
      /^(text\/(html|css|javascript)|application\/json); charset=utf-8$|^image\/png$/,
    );
    expect(
      Object.fromEntries(
        ["content-security-policy", "x-content-type-options", "referrer-policy", "vary"].map((name) => [
          name,
          plain.headers.get(name),
        ]),
      ),
    ).toEqual({
      "content-security-policy": policy,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      vary: "accept-encoding",
    });
    const bytes = new Uint8Array(await plain.arrayBuffer());
    expect(Buffer.compare(bytes, new Uint8Array(await zipped.arrayBuffer()))).toBe(0);
    expect(Number(plain.headers.get("content-length"))).toBe(bytes.length);
    const tag = plain.headers.get("etag")!;
    expect((await fetch(`${server.url}${path}`, { headers: { "if-none-match": tag } })).status).toBe(304);
    expect((await fetch(`${server.url}${path}`, { headers: { "if-none-match": '"other"' } })).status).toBe(200);
  });

  test("is compressed only for those who take it", async () => {
    for (const [accepts, encoding] of [
      ["gzip", "gzip"],
      ["*", "gzip"],
      ["br;q=1, gzip;q=0.5", "gzip"],
      ["gzip;q=0", null],
      ["br", null],
      ["", null],
    ] as const) {
      const response = await fetch(`${server.url}${script}`, {
        headers: { "accept-encoding": accepts },
        decompress: false,
      } as RequestInit);
      expect([accepts, response.headers.get("content-encoding")]).toEqual([accepts, encoding]);
      expect(Number(response.headers.get("content-length"))).toBe(
        (encoding ? testPage.get(script)!.gzip! : testPage.get(script)!.body).length,
      );
    }
  });

  test("is kept for ever only if its name changes with its content", async () => {
    expect((await fetch(`${server.url}${script}`)).headers.get("cache-control")).toBe(
      "public, max-age=31536000, immutable",
    );
    for (const path of ["/", "/docs", "/openapi.json"])
      expect((await fetch(`${server.url}${path}`)).headers.get("cache-control")).toBe("no-cache");
  });

  test("no other file of the disk is reachable", async () => {
    for (const path of [
      "/docs/package.json",
      "/docs/../package.json",
      "/docs/%2e%2e/package.json",
      "/docs/..%2f..%2fpackage.json",
      "/assets/../../package.json",
      "/.env",
      "/docs/swagger-ui.js",
      "/docs/",
      "//etc/passwd",
    ])
      expect([path, (await fetch(`${server.url}${path}`)).status]).toEqual([path, 404]);
  });

  test("a page that could not be loaded is tried again", async () => {
    let tries = 0;
    const own = await startHttp({
      page: async () => (++tries === 1 ? Promise.reject(new Error("not built yet")) : testPage),
    });
    try {
      expect([(await fetch(own.url)).status, (await fetch(own.url)).status, (await fetch(own.url)).status]).toEqual([
        500, 200, 200,
      ]);
      expect(tries).toBe(2);
    } finally {
      await own.stop();
    }
  });
});

test("the docs work in a browser, requests made from them too, and nothing outside is asked", async () => {
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on(
      "request",
      (request) => !/^(data:|http:\/\/127\.0\.0\.1)/.test(request.url()) && complaints.push(request.url()),
    );
    await page.goto(`${server.url}/docs`);
    const operation = page.locator("#operations-Sessions-createSession");
    await operation.locator(".opblock-summary-control").click();
    await operation.locator("button.execute").click();
    const answer = operation.locator(".live-responses-table .response").first();
    await answer.waitFor();
    expect(await answer.locator(".response-col_status").textContent()).toStartWith("201");
    expect(await answer.textContent()).toContain('"object": "session"');
    expect(await page.locator(".opblock").count()).toBe(server.app.routes.length);
    expect(complaints).toEqual([]);
  } finally {
    await browser.close();
  }
}, 180_000);
