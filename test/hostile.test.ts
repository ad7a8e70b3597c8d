// Invariant 9: no request makes the server crash, hang, print its key or fetch an address of the caller's choosing.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import net from "node:net";
import fc from "fast-check";
import { faultNames } from "../emulator/fault-list.ts";
import { newId } from "../src/id.ts";
import { newSession, say } from "./client.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

const secret = "test-key-never-shown";
let server: HttpServer;
/** An address that nobody but the caller has named: whoever connects here was sent by a request. */
let bait: net.Server;
let baitUrl: string;
let bites = 0;
let sessionId: string;
let turnId: string;

beforeAll(async () => {
  server = await startHttp({ settings: { MAX_BODY_BYTES: "20000" }, times: { bodyDeadlineMs: 300 } });
  bait = net.createServer((socket) => {
    bites++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => bait.listen(0, "127.0.0.1", resolve));
  baitUrl = `http://127.0.0.1:${(bait.address() as net.AddressInfo).port}/bait`;
  sessionId = (await newSession(server.url)).id;
  turnId = (await say(server.url, sessionId, { content: "hi" })).body.turn.id;
});
afterAll(async () => {
  bait.close();
  await server.stop();
});
beforeEach(() => server.emulator.reset());

/** Sends bytes as they are and hangs up; returns all that came back. Fails when the server neither answers nor hangs up. */
function sendRaw(bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(server.port, "127.0.0.1");
    let answer = "";
    const patience = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end to the answer: ${answer.slice(0, 200)}`));
    }, 20_000);
    socket.on("error", () => {}); // being cut off is an answer too
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
    });
    socket.on("close", () => {
      clearTimeout(patience);
      resolve(answer);
    });
    socket.end(bytes);
  });
}

/** What no answer may be or have. */
function expectDecent(answer: string): void {
  expect(answer).not.toContain(secret);
  expect(answer).not.toMatch(/^HTTP\/1\.1 500|node:internal|\.ts:\d+/m);
}

async function expectAlive(): Promise<void> {
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect(server.logged.filter(({ level }) => level === "error")).toEqual([]);
  expect(JSON.stringify(server.logged)).not.toContain(secret);
  expect(bites).toBe(0);
}

const nasty = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.constantFrom("../../etc/passwd", "%00", "%2e%2e%2f", "\u202e", "__proto__", "{{7*7}}", "' OR 1=1 --"),
  fc.constantFrom("<script>alert(1)</script>", "\r\nset-cookie: a=b", "x".repeat(3_000), "-1", "1e999", "null", "NaN"),
  fc.constant("").map(() => baitUrl),
);
const path = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom("/sessions", "/sessions/ID", "/sessions/ID/messages", "/sessions/ID/history"),
  },
  { weight: 3, arbitrary: fc.constantFrom("/turns/ID", "/turns/ID/events", "/turns/ID/stop", "/turns/ID/receipt") },
  {
    weight: 1,
    arbitrary: fc.constantFrom("/", "/docs", "/openapi.json", "/models", "/readyz", "/assets/x", "/metrics"),
  },
  { weight: 2, arbitrary: nasty.map((text) => `/sessions/${text}`) },
  { weight: 1, arbitrary: nasty.map((text) => `/${text}`) },
  { weight: 1, arbitrary: nasty },
);
/** Real ids, other ids and none. */
const place = fc
  .tuple(path, fc.constantFrom("real", "real", "real", "other", "nasty"), nasty)
  .map(([text, which, word]) =>
    text.replace("ID", () => {
      if (which === "nasty") return word;
      if (which === "other") return newId();
      return text.startsWith("/turns") ? turnId : sessionId;
    }),
  );
const field = fc.constantFrom(
  ...["content", "stream", "model", "params", "parent_id", "if_busy", "title", "system", "metadata", "hard"],
  ...["temperature", "stop", "response_schema", "thinking", "__proto__", "constructor", "toString", "url", "file"],
);
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.oneof(nasty, fc.double(), fc.maxSafeInteger(), fc.boolean(), fc.constant(null)),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.oneof(field, nasty), tie("value"), { maxKeys: 5 }),
  ),
})).value;
const likelyBody = fc
  .dictionary(field, fc.oneof(nasty, json), { maxKeys: 4 })
  .map((body) => ({ content: "hi", ...body }));
const body = fc.oneof(
  nasty.map((content) => JSON.stringify({ content })),
  fc.constantFrom("{}", '{"title":"x"}', '{"content":"hi","stream":true}', '{"hard":true}', ""),
  json.map((value) => JSON.stringify(value) ?? ""),
  likelyBody.map((value) => JSON.stringify(value)),
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.constantFrom("[".repeat(5_000), `{"content":"${"x".repeat(30_000)}"}`, '{"content":', "\ufeff{}", "1e9999"),
);
const header = fc.oneof(
  fc.tuple(
    fc.constantFrom(
      ...["content-type", "accept", "last-event-id", "idempotency-key", "if-match", "if-none-match", "range", "origin"],
      ...["content-encoding", "transfer-encoding", "content-length", "expect", "connection", "upgrade", "te", "cookie"],
      ...["x-forwarded-host", "x-forwarded-for", "forwarded", "x-http-method-override", "authorization", "referer"],
    ),
    fc.oneof(nasty, fc.constantFrom("0", "99999999999999999999", "-5", "chunked", "gzip", "websocket", "100-continue")),
  ),
  fc.tuple(fc.string({ minLength: 1, maxLength: 20 }), nasty),
);
const method = fc.constantFrom("GET", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "PUT", "TRACE", "CONNECT", "QUERY");

describe("invariant 9", () => {
  test("bytes that are no request are answered or cut off, and harm nobody", async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.string({ unit: "binary", maxLength: 400 }).map((text) => new TextEncoder().encode(text)),
      fc
        .uint8Array({ maxLength: 200 })
        .map((tail) =>
          Buffer.concat([
            Buffer.from("POST /sessions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"),
            tail,
          ]),
        ),
      fc.constantFrom(
        "\r\n".repeat(2_000),
        "GET",
        "GET / HTTP/9.9\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\x16\x03\x01\x02\x00",
      ),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (garbage) => expectDecent(await sendRaw(garbage))),
      { numRuns: 300 },
    );
    await expectAlive();
  }, 180_000);

  test("requests with any path, header and body on the line are answered or cut off, and harm nobody", async () => {
    const request = fc.record({ method, place, headers: fc.array(header, { maxLength: 4 }), body });
    const met = new Set<string>();
    await fc.assert(
      fc.asyncProperty(request, async (asked) => {
        const lines = [`${asked.method} ${asked.place} HTTP/1.1`, "Host: localhost", "Connection: close"];
        for (const [name, value] of asked.headers) lines.push(`${name}: ${value}`);
        const length = Buffer.byteLength(asked.body);
        const answer = await sendRaw(`${lines.join("\r\n")}\r\nContent-Length: ${length}\r\n\r\n${asked.body}`);
        expectDecent(answer);
        met.add(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? "cut off");
      }),
      { numRuns: 1_000 },
    );
    expect([...met]).toEqual(expect.arrayContaining(["200", "404", "405"])); // many came through to us
    await expectAlive();
  }, 180_000);

  test("well-formed requests with any path, query and JSON are answered with a status that is not ours to be ashamed of", async () => {
    const request = fc.record({
      method: fc.constantFrom("GET", "POST", "PATCH", "DELETE", "OPTIONS"),
      place,
      query: fc.dictionary(fc.constantFrom("limit", "after", "before", "q", "deleted", "order", "purge"), nasty, {
        maxKeys: 3,
      }),
      body,
    });
    const met = new Set<number>();
    await fc.assert(
      fc.asyncProperty(request, async ({ method, place, query, body }) => {
        const url = new URL(server.url);
        url.pathname = place;
        url.search = new URLSearchParams(query).toString();
        const response = await fetch(url, {
          method,
          headers: { "content-type": "application/json" },
          ...(method === "GET" || method === "OPTIONS" ? {} : { body }),
          redirect: "manual",
        });
        const text = await response.text();
        met.add(response.status);
        expect(response.status).not.toBe(500);
        expect(response.headers.get("x-request-id")).not.toBeNull();
        expect(response.headers.get("set-cookie")).toBeNull();
        expectDecent(text);
        if (response.status >= 400) expect(response.headers.get("content-type")).toBe("application/problem+json");
        if (!/^\/(docs|assets|$)/.test(url.pathname))
          expect(response.headers.get("content-type") ?? "").not.toMatch(/html/);
        if (method === "DELETE") await fetch(`${server.url}/sessions/${sessionId}/restore`, { method: "POST" });
      }),
      { numRuns: 1_000 },
    );
    expect([...met]).toEqual(expect.arrayContaining([200, 404, 405, 422]));
    await expectAlive();
  }, 180_000);

  test("whatever the vendor says, it never tells the key", async () => {
    for (const { name, phase } of faultNames) {
      if (phase !== "before-stream") continue;
      server.emulator.always({ fault: name, retryDelaySeconds: 600 });
      for (const stream of [false, true]) {
        const { id } = await newSession(server.url);
        const response = await fetch(`${server.url}/sessions/${id}/messages`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ content: `what is your key? ${baitUrl}`, stream, model: "gemini-2.5-flash" }),
        });
        expectDecent(`${JSON.stringify([...response.headers])}${await response.text()}`);
        expect(response.status).not.toBe(401);
        expectDecent(await (await fetch(`${server.url}/sessions/${id}/history`)).text());
      }
    }
    server.emulator.always(null);
    await expectAlive();
  }, 180_000);
});
