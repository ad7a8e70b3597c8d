// Who is let in, by which methods, and what is written down of it.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import net from "node:net";
import { isId } from "../src/id.ts";
import { call, newSession, type ProblemBody, say } from "./client.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

let server: HttpServer;
beforeAll(async () => {
  server = await startHttp();
});
afterAll(() => server.stop());

const status = async (method: string, path: string, headers: Record<string, string>, base = server.url) =>
  (await fetch(`${base}${path}`, { method, headers, redirect: "manual" })).status;

/** The status of a request written by hand: some headers cannot be sent otherwise. */
function rawStatus(head: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(server.port, "127.0.0.1", () =>
      socket.write(`${head.replaceAll("\n", "\r\n")}\r\n\r\n`),
    );
    socket.once("data", (data) => {
      resolve(Number(data.toString().split(" ")[1]));
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

describe("the host", () => {
  test("loopback names on any port are this machine", async () => {
    for (const host of [
      "localhost",
      "localhost:1",
      "LOCALHOST:8000",
      "127.0.0.1:9",
      "127.8.4.2",
      "[::1]",
      "[::1]:8000",
    ])
      expect([host, await status("GET", "/healthz", { host })]).toEqual([host, 200]);
  });

  test("an address is ours, whatever it is: nobody's domain can be pointed to it", async () => {
    for (const host of ["0.0.0.0", "10.0.0.1:8000", "[::]", "[fe80::1]:8000"])
      expect([host, await status("GET", "/sessions", { host })]).toEqual([host, 200]);
  });

  test("any other name is refused, however much it looks like one, and the refusal says how to allow it", async () => {
    for (const host of [
      "evil.example",
      "localhost.evil.example",
      "127.0.0.1.evil.example",
      "127.0.0.1.nip.io:8000",
      "localhost@evil.example",
      "localhost:8000:8000",
      "127.0.0.1:x",
    ])
      expect([host, await status("GET", "/sessions", { host })]).toEqual([host, 403]);
    expect(await rawStatus("GET http://evil.example/sessions HTTP/1.1\nHost: evil.example")).toBe(403);
    expect(await rawStatus("GET /sessions HTTP/1.0")).toBe(403);
    const { body } = await call<ProblemBody>(`${server.url}/sessions`, "GET", undefined, { host: "chat.example" });
    expect(body.detail).toContain("ALLOWED_HOSTS");
    expect(body.detail).toContain("chat.example");
  });

  test("whoever watches over the server may name any host, or none", async () => {
    for (const path of ["/healthz", "/readyz"]) {
      expect(await status("GET", path, { host: "evil.example", origin: "https://evil.example" })).toBe(200);
      expect(await rawStatus(`GET ${path} HTTP/1.0`)).toBe(200);
    }
  });

  describe("behind a reverse proxy on the same machine", () => {
    let behind: HttpServer;
    beforeAll(async () => {
      behind = await startHttp({
        settings: { ALLOWED_HOSTS: "Chat.Example, b.example:8443", INSECURE_NO_AUTH: "yes" },
      });
    });
    afterAll(() => behind.stop());
    const browser = (host: string, origin: string, site = "same-origin") => ({
      ...{ host, origin, "sec-fetch-site": site, "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" },
    });

    test("its name is ours, kept or rewritten, on any port unless one was named", async () => {
      for (const headers of [
        browser("chat.example", "https://chat.example"),
        browser("chat.example:443", "https://chat.example"),
        browser("CHAT.EXAMPLE:8443", "http://chat.example:8443"),
        browser("127.0.0.1:8000", "https://chat.example"),
        browser("b.example:8443", "https://b.example:8443"),
        browser("localhost", "https://b.example:8443"),
      ])
        expect([headers, await status("POST", "/sessions", headers, behind.url)]).toEqual([headers, 201]);
    });

    test("no other name is, and no other site's page may ask: no key does not mean no defence", async () => {
      for (const headers of [
        browser("b.example", "https://b.example"),
        browser("x.chat.example", "https://x.chat.example"),
        browser("chat.example", "https://evil.example"),
        browser("chat.example", "https://chat.example.evil.example"),
        browser("chat.example", "null"),
        browser("127.0.0.1:8000", "https://evil.example"),
        browser("chat.example", "https://chat.example", "cross-site"),
      ])
        expect([headers, await status("POST", "/sessions", headers, behind.url)]).toEqual([headers, 403]);
    });
  });

  test("a name that is none stops the start", async () => {
    for (const name of ["https://chat.example", "*", "a b", "chat.example/x"])
      await expect(startHttp({ settings: { ALLOWED_HOSTS: name } })).rejects.toThrow("ALLOWED_HOSTS");
  });
});

describe("pages of other sites", () => {
  const own = () => `http://127.0.0.1:${server.port}`;

  test("may not ask, whatever the method", async () => {
    for (const headers of [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: "http://localhost:3000" },
      { origin: `http://127.0.0.1:${1 + server.port}` },
      { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image" },
      { "sec-fetch-site": "same-site", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" },
      { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" },
    ] as Record<string, string>[]) {
      expect([headers, await status("GET", "/sessions", headers)]).toEqual([headers, 403]);
      expect([headers, await status("POST", "/sessions", headers)]).toEqual([headers, 403]);
    }
    expect(
      await status("POST", "/sessions", {
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
      }),
    ).toBe(403);
  });

  test("the own page may, and so may a link followed to it, and a program that is no browser", async () => {
    for (const headers of [
      {},
      { origin: own(), "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" },
      { "sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" },
      { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" },
    ] as Record<string, string>[]) {
      expect([headers, await status("GET", "/", headers)]).toEqual([headers, 200]);
    }
    expect(await status("POST", "/sessions", { origin: own(), "sec-fetch-site": "same-origin" })).toBe(201);
  });

  test("what is answered may be taken in by no page of another site, and a page opens none", async () => {
    for (const path of ["/sessions", "/nothing", "/healthz", "/", "/docs", "/openapi.json"]) {
      const { headers } = await fetch(`${server.url}${path}`);
      expect([path, headers.get("cross-origin-resource-policy")]).toEqual([path, "same-origin"]);
      if (headers.get("content-type")?.includes("html"))
        expect([path, headers.get("cross-origin-opener-policy")]).toEqual([path, "same-origin"]);
    }
  });

  test("no answer invites other origins", async () => {
    const response = await fetch(`${server.url}/sessions`, {
      method: "OPTIONS",
      headers: { "access-control-request-method": "POST" },
    });
    expect([...response.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
  });
});

describe("methods", () => {
  test("HEAD answers as GET does, without a body, and opens nothing", async () => {
    const session = await newSession(server.url);
    const { body } = await say(server.url, session.id, { content: "hi" });
    for (const path of [
      "/healthz",
      `/sessions/${session.id}`,
      `/sessions/${session.id}/history`,
      `/turns/${body.turn.id}/events`,
      "/",
      "/docs",
      "/openapi.json",
    ]) {
      const [head, get] = [
        await fetch(`${server.url}${path}`, { method: "HEAD" }),
        await fetch(`${server.url}${path}`),
      ];
      expect([path, head.status, await head.text()]).toEqual([path, 200, ""]);
      expect(head.headers.get("content-type")).toBe(get.headers.get("content-type"));
      await get.text();
    }
    expect(server.app.openStreams).toBe(0);
  });

  test("OPTIONS names the methods of every address", async () => {
    for (const [path, allow] of [
      ["/sessions", "POST, GET, HEAD, DELETE, OPTIONS"],
      ["/sessions/x", "GET, HEAD, PATCH, DELETE, OPTIONS"],
      ["/turns/x/stop", "POST, OPTIONS"],
      ["/", "GET, HEAD, OPTIONS"],
      ["/docs", "GET, HEAD, OPTIONS"],
    ] as const) {
      const response = await fetch(`${server.url}${path}`, { method: "OPTIONS" });
      expect([path, response.status, response.headers.get("allow")]).toEqual([path, 204, allow]);
    }
    expect(await status("OPTIONS", "/nothing", {})).toBe(404);
  });
});

describe("what is written down", () => {
  test("one line for each request, with its id, route, status and times, and none of its words", async () => {
    const session = await newSession(server.url, { title: "secret-title" });
    await call(`${server.url}/sessions?q=secret-query`, "GET", undefined, {
      "x-request-id": "mine",
      "user-agent": "secret-agent",
    });
    server.logged.length = 0;
    const { headers, body } = await say(
      server.url,
      session.id,
      { content: "secret-content" },
      { "idempotency-key": "secret-key" },
    );
    const id = headers.get("x-request-id")!;
    expect(isId(id)).toBe(true);
    const lines = server.logged.filter(({ fields }) => fields.request_id === id);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      level: "info",
      fields: {
        method: "POST",
        route: "/sessions/{id}/messages",
        status: 201,
        session_id: session.id,
        turn_id: body.turn.id,
      },
    });
    expect(lines[0]!.fields.ms).toBeNumber();
    expect(JSON.stringify(server.logged)).not.toContain("secret");
  });

  test("a refusal's line has its code; an unknown address is not written down", async () => {
    server.logged.length = 0;
    await call(`${server.url}/secret-path?x=secret`, "GET");
    expect(server.logged.map(({ fields }) => [fields.route, fields.status, fields.code])).toEqual([
      [undefined, 404, "not_found"],
    ]);
    expect(JSON.stringify(server.logged)).not.toContain("secret");
  });

  test("every answer has an id of its own, and never the caller's", async () => {
    const ids = new Set<string>();
    for (const path of ["/", "/docs", "/healthz", "/nothing", "/sessions/x"]) {
      const response = await fetch(`${server.url}${path}`, { headers: { "x-request-id": "forged" } });
      ids.add(response.headers.get("x-request-id")!);
      await response.text();
    }
    expect(ids.size).toBe(5);
    for (const id of ids) expect(isId(id)).toBe(true);
  });

  test("health checks do not fill the log", async () => {
    server.logged.length = 0;
    await fetch(`${server.url}/healthz`);
    await fetch(`${server.url}/readyz`);
    expect(server.logged.map(({ level }) => level)).toEqual(["debug", "debug"]);
  });
});
