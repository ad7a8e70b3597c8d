// Every code a caller can meet is met by a real request, with its status and the same document around it; and nothing leaks.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import net from "node:net";
import { type ErrorCode, errorCodes } from "../src/errors.ts";
import { problems } from "../src/http/problem.ts";
import { newId } from "../src/id.ts";
import { call, collect, newSession, openStream, type ProblemBody, say } from "./client.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";
import { checkAnswer } from "./openapi-check.ts";

interface Refusal extends ProblemBody {
  type: string;
  title: string;
  request_id: string;
  error: { message: string; type: string; code: string; param: string | null };
}

/** Nobody can meet these yet: they come with keys, budgets and rate limits. */
const notYet: ErrorCode[] = ["unauthenticated", "budget_exceeded", "rate_limited"];
const met = new Set<ErrorCode>();

let server: HttpServer;
beforeAll(async () => {
  server = await startHttp();
});
afterAll(() => server.stop());
beforeEach(() => server.emulator.reset());

/** Sends, and holds the refusal against everything a refusal promises. */
async function refuse(
  code: ErrorCode,
  method: string,
  path: string,
  options: { body?: unknown; raw?: string; headers?: Record<string, string>; base?: string } = {},
) {
  const response = await fetch(`${options.base ?? server.url}${path}`, {
    method,
    headers: {
      ...(options.body === undefined && options.raw === undefined ? {} : { "content-type": "application/json" }),
      ...options.headers,
    },
    body: options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body)),
  });
  const body = (await response.json()) as Refusal;
  expect([response.status, body.code]).toEqual([problems[code].status, code]);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(body).toMatchObject({
    status: response.status,
    title: problems[code].title,
    type: `urn:rozmova:problem:${code}`,
  });
  expect(body.request_id).toBe(response.headers.get("x-request-id")!);
  expect(body.error).toMatchObject({ message: body.detail, code });
  expect(body.detail).not.toMatch(/test-key-never-shown|undefined|\[object|\n/);
  met.add(code);
  return { response, body };
}
const sessionPath = async (fields: object = {}) => `/sessions/${(await newSession(server.url, fields)).id}`;

describe("the request's own fault", () => {
  test("malformed_json: what is no JSON, or no UTF-8", async () => {
    await refuse("malformed_json", "POST", "/sessions", { raw: "{" });
    await refuse("malformed_json", "POST", "/sessions", { raw: "{} trailing" });
    const response = await fetch(`${server.url}/sessions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    });
    expect(((await response.json()) as Refusal).code).toBe("malformed_json");
  });

  test("bad_request: a body that does not arrive in time", async () => {
    const own = await startHttp({ times: { bodyDeadlineMs: 100 } });
    try {
      for (const framing of ["content-length: 100", "transfer-encoding: chunked"]) {
        const socket = net.connect(own.port, "127.0.0.1");
        socket.write(
          `POST /sessions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${framing}\r\n\r\n2\r\n{"`,
        );
        const [answer] = (await once(socket, "data")) as [Buffer];
        expect(answer.toString()).toStartWith("HTTP/1.1 400 ");
        met.add(/"code":"(\w+)"/.exec(answer.toString())?.[1] as ErrorCode);
        socket.destroy();
      }
      expect((await newSession(own.url)).version).toBe(1);
    } finally {
      await own.stop();
    }
  });

  test("forbidden: another host's name", async () => {
    await refuse("forbidden", "GET", "/sessions", { headers: { host: "evil.example" } });
  });

  test("not_found: unknown addresses, unknown ids, and what is no id at all", async () => {
    await refuse("not_found", "GET", "/nothing");
    await refuse("not_found", "GET", "/sessions/");
    for (const id of [
      newId(),
      "1",
      "..%2f..%2fetc",
      "%00",
      "%zz",
      newId().toUpperCase(),
      "0193e4a2-7b1a-4c3d-9f20-0c1d2e3f4a5b",
    ]) {
      await refuse("not_found", "GET", `/sessions/${id}`);
      await refuse("not_found", "POST", `/sessions/${id}/messages`, { body: { content: "hi" } });
      await refuse("not_found", "GET", `/turns/${id}/events`);
      await refuse("not_found", "GET", `/turns/${id}/receipt`);
      await refuse("not_found", "POST", `/turns/${id}/stop`);
    }
  });

  test("method_not_allowed names what is allowed", async () => {
    const { response } = await refuse("method_not_allowed", "PUT", "/sessions");
    expect(response.headers.get("allow")).toBe("POST, GET, HEAD, DELETE, OPTIONS");
    expect((await refuse("method_not_allowed", "DELETE", "/")).response.headers.get("allow")).toBe(
      "GET, HEAD, OPTIONS",
    );
    await refuse("method_not_allowed", "GET", `/turns/${newId()}/stop`);
  });

  test("unsupported_media_type: anything but JSON in UTF-8, as it is", async () => {
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/jsonx",
      "application/json; charset=utf-16",
      "",
    ])
      await refuse("unsupported_media_type", "POST", "/sessions", { raw: "{}", headers: { "content-type": type } });
    await refuse("unsupported_media_type", "POST", "/sessions", { raw: "{}", headers: { "content-encoding": "gzip" } });
    for (const type of [
      "application/json;",
      "Application/JSON ; charset=UTF-8 ;",
      'application/json; odata=verbose; charset="utf-8"',
      "application/json;charset=utf8",
    ]) {
      const headers = { "content-type": type };
      expect([type, (await fetch(`${server.url}/sessions`, { method: "POST", headers, body: "{}" })).status]).toEqual([
        type,
        201,
      ]);
    }
  });

  test("too_large: with a length, and without one", async () => {
    const { body } = await refuse("too_large", "POST", "/sessions", { raw: " ".repeat(100_001) });
    expect(body).toMatchObject({ max_bytes: 100_000 });
    let sent = 0;
    const endless = new ReadableStream({
      pull(controller) {
        sent += 10_000;
        controller.enqueue(new Uint8Array(10_000).fill(32));
        if (sent > 5_000_000) controller.close();
      },
    });
    const response = await fetch(`${server.url}/sessions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: endless,
    });
    expect(((await response.json()) as Refusal).code).toBe("too_large");
  });

  test("invalid_request names each field", async () => {
    const { body } = await refuse("invalid_request", "POST", `${await sessionPath()}/messages`, {
      body: { contents: "hi" },
    });
    expect(body.errors).toEqual([
      { pointer: "/content", detail: "is required" },
      { pointer: "/contents", detail: "is not a known field" },
    ]);
    expect(body.error.param).toBe("content");
    const none = await refuse("invalid_request", "PUT", "/budgets/global", { body: { limits: [] } });
    expect(none.body.detail).toBe("/limits must have at least 1 item.");
  });
});

describe("the state of things", () => {
  test("turn_in_progress names the running turn", async () => {
    const path = await sessionPath();
    server.emulator.play({ chunks: 5, delayMs: 20 });
    const stream = await openStream(server.url, path.slice("/sessions/".length), { content: "first" });
    const start = (await stream.next()).value;
    const { body } = await refuse("turn_in_progress", "POST", `${path}/messages`, { body: { content: "second" } });
    expect(body.running_turn_id).toBe(start!.data.turn_id as string);
    await collect(stream);
  });

  test("conflict: a message to what is in the trash", async () => {
    const path = await sessionPath();
    await call(`${server.url}${path}`, "DELETE");
    await refuse("conflict", "POST", `${path}/messages`, { body: { content: "hi" } });
  });

  test("version_mismatch: a stale tag, and one that cannot be ours", async () => {
    for (const tag of ['"v7"', '"abc"', "v1"])
      await refuse("version_mismatch", "PATCH", await sessionPath(), { body: {}, headers: { "if-match": tag } });
    await refuse("version_mismatch", "POST", `${await sessionPath()}/messages`, {
      body: { content: "hi" },
      headers: { "if-match": '"v7"' },
    });
    expect(server.emulator.callCount).toBe(0);
  });

  test("idempotency_mismatch: the same key for another body, another session, another endpoint", async () => {
    const headers = { "idempotency-key": newId() };
    const path = await sessionPath();
    await call(`${server.url}${path}/messages`, "POST", { content: "one" }, headers);
    await refuse("idempotency_mismatch", "POST", `${path}/messages`, { body: { content: "two" }, headers });
    await refuse("idempotency_mismatch", "POST", `${await sessionPath()}/messages`, {
      body: { content: "one" },
      headers,
    });
    await refuse("idempotency_mismatch", "POST", "/sessions", { body: {}, headers });
  });

  test("unpriced_model: what it costs could not be said", async () => {
    await refuse("unpriced_model", "POST", `${await sessionPath()}/messages`, {
      body: { content: "hi", model: "nobody-knows-1" },
    });
  });

  test("draining: no new turn, and not ready, but alive", async () => {
    const own = await startHttp();
    try {
      const session = await newSession(own.url);
      await own.turns.drain(0);
      const { response } = await refuse("draining", "POST", `/sessions/${session.id}/messages`, {
        body: { content: "hi" },
        base: own.url,
      });
      expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
      await refuse("draining", "GET", "/readyz", { base: own.url });
      expect((await fetch(`${own.url}/healthz`)).status).toBe(200);
    } finally {
      await own.stop();
    }
  });

  test("storage_unavailable: a full disk refuses what must be written and still reads", async () => {
    const own = await startHttp({ maxFileBytes: 600_000 });
    try {
      const first = await newSession(own.url);
      const fill = { system: "x".repeat(90_000) };
      let status = 201;
      for (let tries = 0; status === 201 && tries < 20; tries++)
        ({ status } = await call(`${own.url}/sessions`, "POST", fill));
      await refuse("storage_unavailable", "POST", "/sessions", { body: fill, base: own.url });
      const line = own.logged.find(({ level }) => level === "error"); // the caller is not told why, the operator is
      expect(line).toMatchObject({
        fields: { why: "database or disk is full" },
        sentence: "the database is not available",
      });
      expect((await fetch(`${own.url}/sessions/${first.id}`)).status).toBe(200);
    } finally {
      await own.stop();
    }
  });

  test("internal: the caller learns that, the log learns why", async () => {
    const own = await startHttp({ page: () => Promise.reject(new Error("secret path /srv/page")) });
    try {
      const { body, response } = await refuse("internal", "GET", "/", { base: own.url });
      expect(JSON.stringify(body)).not.toContain("secret");
      const line = own.logged.find(({ level }) => level === "error");
      expect((line!.fields.cause as Error).message).toContain("secret path");
      expect(line?.fields.request_id).toBe(response.headers.get("x-request-id"));
      expect((await fetch(`${own.url}/assets/x.js`)).status).toBe(404);
      expect((await fetch(`${own.url}/healthz`)).status).toBe(200);
    } finally {
      await own.stop();
    }
  });
});

describe("the vendor's fault", () => {
  const faults = [
    ["provider_error", "bad-argument"],
    ["provider_refused_key", "bad-key"],
    ["provider_rate_limited", "quota-day"],
    ["provider_unavailable", "overloaded-503"],
    ["provider_timeout", "no-headers"],
    ["context_too_long", "too-long"],
    ["model_not_found", "unknown-model"],
  ] as const;
  for (const [code, fault] of faults) {
    test(`${code} is the same status as JSON and as a stream, and names the turn`, async () => {
      for (const stream of [false, true]) {
        const path = await sessionPath();
        server.emulator.always({ fault });
        const { body } = await refuse(code, "POST", `${path}/messages`, {
          body: { content: "hi", stream, model: "gemini-2.5-flash" },
        });
        expect(body).toMatchObject({ session_id: path.slice("/sessions/".length) });
        checkAnswer("POST", `${path}/messages`, body.status, body);
        const turn = await call<{ status: string; error: { code: string } }>(
          `${server.url}/turns/${body.turn_id}`,
          "GET",
        );
        expect([turn.body.status, turn.body.error.code]).toEqual(["failed", code]);
      }
    });
  }

  test("after the first word a stream tells of the failure in turn-end, and JSON by its status", async () => {
    const broken = { fault: "reset-midstream", text: "half an answer and no more", chunks: 6, after: 3 } as const;
    server.emulator.play(broken, broken);
    const events = await collect(await openStream(server.url, (await newSession(server.url)).id, { content: "hi" }));
    expect(events.at(-1)?.data.turn).toMatchObject({ status: "failed" });
    const { status, body } = await say(server.url, (await newSession(server.url)).id, { content: "hi" });
    expect([status, body.code]).toEqual([
      problems[body.code as ErrorCode].status,
      events.at(-1)!.data.turn!.error!.code,
    ]);
  });
});

test("every code was met, but those that nobody can meet yet", () => {
  expect(errorCodes.filter((code) => !met.has(code))).toEqual(errorCodes.filter((code) => notYet.includes(code)));
});
