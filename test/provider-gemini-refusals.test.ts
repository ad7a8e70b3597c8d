// Every refusal of Gemini's becomes the right code, is tried again only where that helps, and leaks nothing.

import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { ErrorCode } from "../src/errors.ts";
import { ProviderError, type ProviderRequest } from "../src/provider.ts";
import { createProvider, type ProviderSettings } from "../src/providers/index.ts";
import { type FixtureServer, jsonHeaders, type Reply, sseHeaders, startFixtureServer } from "./fixture-server.ts";
import { attemptsOf, codeOf, readCall } from "./read-call.ts";

let server: FixtureServer;
beforeAll(async () => {
  server = await startFixtureServer();
});
beforeEach(() => {
  server.requests.length = 0;
});
afterAll(() => server.close());

const key = "AIzaSyNotARealKey0123456789";
const request: ProviderRequest = {
  model: "gemini-2.5-flash",
  system: null,
  ...{ memory: new Uint8Array(0), question: "hi" },
  params: {},
};
function call(settings: Partial<ProviderSettings> = {}, onEvent?: () => void) {
  const retry = { maxAttempts: 3, baseDelayMs: 1, ...settings.retry };
  const provider = createProvider({ apiKey: key, baseUrl: server.url, ...settings, retry });
  return readCall(provider.stream(request, new AbortController().signal), onEvent);
}

const google = "type.googleapis.com/google.rpc.";
function refusal(code: number, status: string, message: string, details: object[] = []): Reply {
  return {
    status: code,
    headers: sseHeaders,
    chunks: [`${JSON.stringify({ error: { code, message, status, details } }, null, 2)}\n`],
  };
}
const quota = (id: string) => ({
  "@type": `${google}QuotaFailure`,
  violations: [{ quotaMetric: "requests", quotaId: id }],
});
const retryIn = (retryDelay: string) => ({ "@type": `${google}RetryInfo`, retryDelay });
const reason = (word: string) => ({ "@type": `${google}ErrorInfo`, reason: word, domain: "googleapis.com" });
const html = (status: number): Reply => ({
  status,
  headers: { "content-type": "text/html" },
  chunks: ["<html>no</html>"],
});
const answer: Reply = {
  chunks: [
    'data: {"candidates": [{"content": {"parts": [{"text": "ok"}],"role": "model"},"finishReason": "STOP","index": 0}]}\r\n\r\n',
  ],
};
const nested = {
  error: {
    code: 503,
    message: JSON.stringify({ error: { code: 503, message: "overloaded", status: "UNAVAILABLE" } }),
    status: "",
  },
};

interface Row {
  what: string;
  reply: Reply;
  code: ErrorCode;
  requests: number;
  modelGone?: true;
  retryAfter?: number;
}
const refused = { code: "provider_refused_key", requests: 1 } as const;
const rows: Row[] = [
  {
    what: "a bad key",
    reply: refusal(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", [
      reason("API_KEY_INVALID"),
    ]),
    ...refused,
  },
  {
    what: "an expired key",
    reply: refusal(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."),
    ...refused,
  },
  {
    what: "a bad AQ key",
    reply: refusal(401, "UNAUTHENTICATED", "Invalid credentials", [reason("ACCESS_TOKEN_TYPE_UNSUPPORTED")]),
    ...refused,
  },
  {
    what: "no rights",
    reply: refusal(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers"),
    ...refused,
  },
  {
    what: "a suspended key",
    reply: refusal(403, "PERMISSION_DENIED", `Consumer 'api_key:${key}' has been suspended.`, [
      reason("CONSUMER_SUSPENDED"),
    ]),
    ...refused,
  },
  {
    what: "no billing",
    reply: refusal(400, "FAILED_PRECONDITION", "Please enable billing on your project."),
    ...refused,
  },
  {
    what: "an unknown model",
    reply: refusal(404, "NOT_FOUND", "models/x is not found for API version v1beta"),
    code: "model_not_found",
    requests: 1,
    modelGone: true,
  },
  {
    what: "a retired model",
    reply: refusal(404, "NOT_FOUND", "This model is no longer available to new users."),
    code: "model_not_found",
    requests: 1,
    modelGone: true,
  },
  { what: "a wrong base URL", reply: html(404), code: "provider_error", requests: 1 },
  {
    what: "a redirect",
    reply: { status: 302, headers: { location: "/elsewhere" } },
    code: "provider_error",
    requests: 1,
  },
  {
    what: "too many tokens",
    reply: refusal(
      400,
      "INVALID_ARGUMENT",
      "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
    ),
    code: "context_too_long",
    requests: 1,
  },
  {
    what: "a bad field",
    reply: refusal(400, "INVALID_ARGUMENT", "Penalty is not enabled for models/gemini-x"),
    code: "provider_error",
    requests: 1,
  },
  {
    what: "a bad budget",
    reply: refusal(
      400,
      "INVALID_ARGUMENT",
      "The thinking budget 128 is invalid. Please choose a value between 512 and 24576.",
    ),
    code: "provider_error",
    requests: 1,
  },
  {
    what: "a quota of the day",
    reply: refusal(429, "RESOURCE_EXHAUSTED", "quota", [
      quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
      retryIn("0.001s"),
    ]),
    code: "provider_rate_limited",
    requests: 1,
    retryAfter: 1,
  },
  {
    what: "a long wait for the minute's quota",
    reply: refusal(429, "RESOURCE_EXHAUSTED", "quota", [quota("GenerateRequestsPerMinute"), retryIn("47.2s")]),
    code: "provider_rate_limited",
    requests: 1,
    retryAfter: 48,
  },
  {
    what: "the minute's quota, at once again",
    reply: refusal(429, "RESOURCE_EXHAUSTED", "quota", [quota("GenerateRequestsPerMinute"), retryIn("0s")]),
    code: "provider_rate_limited",
    requests: 3,
    retryAfter: 0,
  },
  {
    what: "a bare 429",
    reply: refusal(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    code: "provider_rate_limited",
    requests: 3,
  },
  {
    what: "a 429 with Retry-After",
    reply: { status: 429, headers: { "retry-after": "31" }, chunks: ["slow down"] },
    code: "provider_rate_limited",
    requests: 1,
    retryAfter: 31,
  },
  {
    what: "an internal error",
    reply: refusal(500, "INTERNAL", "An internal error has occurred."),
    code: "provider_error",
    requests: 3,
  },
  {
    what: "a broken error body",
    reply: { status: 500, headers: jsonHeaders, chunks: ['{"error": {"code": 500, "mess'] },
    code: "provider_error",
    requests: 3,
  },
  { what: "a bad gateway", reply: html(502), code: "provider_error", requests: 3 },
  {
    what: "overload",
    reply: refusal(503, "UNAVAILABLE", "The model is overloaded."),
    code: "provider_unavailable",
    requests: 3,
  },
  {
    what: "overload inside a message",
    reply: { status: 503, headers: jsonHeaders, chunks: [JSON.stringify(nested)] },
    code: "provider_unavailable",
    requests: 3,
  },
  {
    what: "overload in an array",
    reply: { status: 503, headers: jsonHeaders, chunks: [JSON.stringify([nested])] },
    code: "provider_unavailable",
    requests: 3,
  },
  {
    what: "the vendor's own deadline",
    reply: refusal(504, "DEADLINE_EXCEEDED", "Deadline expired"),
    code: "provider_timeout",
    requests: 2,
  },
  {
    what: "cancelled",
    reply: refusal(499, "CANCELLED", "The operation was cancelled."),
    code: "provider_error",
    requests: 1,
  },
  { what: "not implemented", reply: refusal(501, "UNIMPLEMENTED", "no"), code: "provider_error", requests: 1 },
];

for (const row of rows) {
  test(`${row.what} is ${row.code} after ${row.requests} request(s)`, async () => {
    server.reply = () => row.reply;
    const read = await call();
    expect(codeOf(read)).toBe(row.code);
    const error = read.error as ProviderError;
    expect(error.modelGone).toBe(row.modelGone ?? false);
    expect(error.retryAfterSeconds).toBe(row.retryAfter);
    expect(server.requests).toHaveLength(row.requests);
    const attempt = { model: "gemini-2.5-flash", status: row.reply.status ?? 200, errorCode: row.code };
    expect(attemptsOf(read)).toEqual(Array.from({ length: row.requests }, () => attempt));
    expect(JSON.stringify([error.message, error.cause, read.attempts])).not.toContain(key);
  });
}

test("a place that the vendor does not serve is not blamed on the key", async () => {
  server.reply = () => refusal(400, "FAILED_PRECONDITION", "User location is not supported for the API use.");
  const { message } = (await call()).error as ProviderError;
  expect([message.includes("place"), message.includes("key")]).toEqual([true, false]);
});

test("a key that the vendor quotes is in nothing that it leaves behind, wherever it was quoted", async () => {
  const quoted = `Consumer ${key} (${encodeURIComponent(key)}) is suspended`;
  const finish = {
    candidates: [{ content: { parts: [{ text: "so" }] }, finishReason: "OTHER", finishMessage: quoted }],
  };
  const replies: Reply[] = [
    refusal(403, "PERMISSION_DENIED", quoted),
    { status: 500, chunks: [quoted] },
    { chunks: [`data: {"error": {"code": 503, "message": ${JSON.stringify(quoted)}}}\n\n`] },
    { chunks: [`data: ${JSON.stringify(finish)}\n\n`] },
  ];
  for (const reply of replies) {
    server.reply = () => reply;
    const { error, attempts } = await call();
    const failure = error as ProviderError | null;
    const left = JSON.stringify([failure?.message, failure?.cause, failure?.stack, attempts]);
    expect(left).not.toContain(key);
    expect(left).toContain("***");
  }
});

test("a refused key tells the operator to check it", async () => {
  server.reply = () => rows[0]!.reply;
  expect(((await call()).error as ProviderError).message).toContain("check the key");
});

test("a key that is missing, or cannot stand in a header, is refused without any request", async () => {
  for (const apiKey of ["", "  ", "two words", "ключ", "a\nb"])
    expect(codeOf(await call({ apiKey }))).toBe("provider_refused_key");
  expect(server.requests).toHaveLength(0);
});

test("the key goes in its header and never in the address, and no cookie or compression is asked for", async () => {
  server.reply = () => answer;
  await call({ baseUrl: `${server.url}/prefix/` });
  const [seen] = server.requests;
  expect(seen?.url).toBe("/prefix/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
  expect(seen?.headers).toMatchObject({
    "x-goog-api-key": key,
    "accept-encoding": "identity",
    "content-type": "application/json",
  });
  expect(seen?.headers.cookie).toBeUndefined();
});

test("after a failure that passes, the answer comes, and every request is listed", async () => {
  const lost: Reply = { chunks: [": the vendor is thinking\r\n\r\n"], end: "cut" };
  server.reply = (_request, index) => (index === 0 ? html(502) : index === 1 ? lost : answer);
  const read = await call();
  expect(codeOf(read)).toBeNull();
  expect(read.text).toBe("ok");
  expect(read.attempts.map(({ status, errorCode }) => [status, errorCode])).toEqual([
    [502, "provider_error"],
    [200, "provider_unavailable"],
    [200, null],
  ]);
});

test("an error that is the first thing in a 200 is tried again; an answer without an end is not", async () => {
  const first = refusal(503, "UNAVAILABLE", "overloaded").chunks;
  server.reply = (_request, index) => (index === 0 ? { chunks: first } : answer);
  expect((await call()).text).toBe("ok");
  server.requests.length = 0;
  server.reply = () => ({ chunks: [] });
  const empty = (await call()).error as ProviderError;
  expect([empty.code, empty.message.includes("max_output_tokens")]).toEqual(["provider_error", true]);
  expect(server.requests).toHaveLength(1);
});

const half = 'data: {"candidates": [{"content": {"parts": [{"text": "half"}]}}]}\r\n\r\n';

test("once an event was delivered nothing is tried again, not even after a lost connection", async () => {
  const { promise: gate, resolve: openGate } = Promise.withResolvers<void>();
  server.reply = () => ({ chunks: [half], end: "cut", gate });
  const read = await call({}, openGate);
  expect(read.text).toBe("half");
  expect(codeOf(read)).toBe("provider_unavailable");
  expect(server.requests).toHaveLength(1);
  expect(attemptsOf(read)).toEqual([{ model: "gemini-2.5-flash", status: 200, errorCode: null }]);
});

test("once an event was delivered nothing is tried again, not even after an overload", async () => {
  server.reply = () => ({ chunks: [half, ...(refusal(503, "UNAVAILABLE", "x").chunks ?? [])] });
  const read = await call();
  expect(read.text).toBe("half");
  expect(codeOf(read)).toBe("provider_unavailable");
  expect(server.requests).toHaveLength(1);
});

test("a delay the vendor asks for is waited out when it fits the budget", async () => {
  const wait = refusal(429, "RESOURCE_EXHAUSTED", "quota", [quota("PerMinute"), retryIn("0.2s")]);
  server.reply = (_request, index) => (index === 0 ? wait : answer);
  const startedAt = performance.now();
  expect((await call()).text).toBe("ok");
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(195);
  server.requests.length = 0;
  expect(codeOf(await call({ retry: { budgetMs: 150 } }))).toBe("provider_rate_limited");
  expect(server.requests).toHaveLength(1);
});

test("where nobody listens the call fails as unavailable, and nothing counts as sent", async () => {
  const gone = await startFixtureServer();
  await gone.close();
  const read = await call({ baseUrl: gone.url });
  expect(codeOf(read)).toBe("provider_unavailable");
  expect(read.attempts).toEqual([]);
});

test("a connection cut after the request was sent is listed, without a status", async () => {
  const net = await import("node:net");
  let connections = 0;
  const cutter = net.createServer((socket) => {
    connections++;
    socket.on("error", () => {});
    socket.once("data", () => socket.resetAndDestroy());
  });
  await new Promise<void>((resolve) => cutter.listen(0, "127.0.0.1", resolve));
  const { port } = cutter.address() as import("node:net").AddressInfo;
  const read = await call({ baseUrl: `http://127.0.0.1:${port}` });
  cutter.close();
  expect(codeOf(read)).toBe("provider_unavailable");
  expect(read.attempts.length).toBe(3);
  expect(connections).toBe(3);
  expect(attemptsOf(read)[0]).toEqual({
    model: "gemini-2.5-flash",
    status: null,
    errorCode: "provider_unavailable",
  });
});

test("a model name that is no name is refused without any request", async () => {
  const provider = createProvider({ apiKey: key, baseUrl: server.url });
  const read = await readCall(provider.stream({ ...request, model: "../secrets" }, new AbortController().signal));
  expect(read.error).toBeInstanceOf(ProviderError);
  expect(server.requests).toHaveLength(0);
});
