// The document and the server agree: nothing that the document allows is refused but for the state of things, and nothing it
// forbids is taken. For every input of every route the largest value and the one larger, made from the document itself.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readConfig, settings } from "../src/config.ts";
import { edgesOf } from "./agreement-edges.ts";
import { newSession, type ProblemBody, say } from "./client.ts";
import { type HttpServer, startHttp, testTextChars } from "./http-assembly.ts";
import { checkAnswer, type Json, type Operation, operations, type Schema, validate } from "./openapi-check.ts";

let server: HttpServer;
beforeAll(async () => {
  server = await startHttp({ settings: { MAX_BODY_BYTES: "4194304", MAX_TEXT_CHARS: String(testTextChars) } });
  server.emulator.always({ text: "ok" });
});
afterAll(() => server.stop());

/** What may be answered to a request that the document allows, besides a success: how things stand, not what was asked. */
const ofState = new Set([
  "idempotency_mismatch",
  "not_found",
  "conflict",
  "turn_in_progress",
  "version_mismatch",
  "context_too_long",
  "unpriced_model",
  "unauthenticated", // of a key to be remembered, which nobody has
]);
const forbidden = new Set(["invalid_request", "malformed_json", "unsupported_media_type", "too_large"]);

interface Asked {
  operation: Operation;
  method: string;
  path: string;
  query?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** Sends it, and holds the answer against the document. */
async function ask({
  method,
  path,
  query = "",
  headers = {},
  body,
}: Asked): Promise<{ status: number; problem: ProblemBody }> {
  const type: Record<string, string> = body === undefined ? {} : { "content-type": "application/json" };
  const url = `${server.url}${path}${query}`;
  const response = await fetch(url, { method: method.toUpperCase(), headers: { ...type, ...headers }, body });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  checkAnswer(method, path, response.status, isJson ? JSON.parse(text) : text);
  return { status: response.status, problem: (isJson ? JSON.parse(text) : {}) as ProblemBody };
}

async function expectAgreement(asked: Asked, isAllowed: boolean, what: string): Promise<void> {
  const { status, problem } = await ask(asked);
  const shown = [
    asked.method,
    asked.path.replace(/[0-9a-f-]{36}/gi, "ID"),
    what,
    isAllowed ? "allowed" : "forbidden",
  ].join(" ");
  if (!isAllowed) {
    expect([shown, status, forbidden.has(problem.code)]).toEqual([shown, status, true]);
    return;
  }
  const byModel = problem.code === "invalid_request" && problem.errors?.every(isOfTheModel);
  expect([shown, status, problem.detail, status < 400 || ofState.has(problem.code) || byModel]).toEqual([
    shown,
    status,
    problem.detail,
    true,
  ]);
}

/** Which model takes how much of what is its catalogue's to say; which names belong together, and what is a time to come, is no schema's. */
function isOfTheModel({ pointer, detail }: { pointer: string; detail: string }): boolean {
  const beyondSchemas =
    /gemini-|cannot go with|is required with|say whose sessions|purge must be true|must be one of the messages|name of a time zone|must be to come/;
  return pointer.endsWith("/max_output_tokens") || beyondSchemas.test(`${pointer} ${detail}`);
}

const shorten = (value: Json) => {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}... (${text.length})` : text;
};

type JsonObject = { [name: string]: Json };
/** What a body must hold, where it must hold something. */
const bases: Record<string, JsonObject> = {
  sendMessage: { content: "hi" },
  quoteMessage: { content: "hi" },
  quoteFirstMessage: { content: "hi" },
  putBudget: { limits: [{ window: "day", usd: "1" }] },
  increaseBudget: { usd: "1", until: "2029-01-01T00:00:00Z" },
};

/** Real ids in a path, of a session of its own, and a body that the route takes. */
async function realPath(path: string, { operationId }: Operation) {
  const session = await newSession(server.url);
  const { body } = await say(server.url, session.id, { content: "hi" });
  const id = path.startsWith("/turns")
    ? body.turn.id
    : path.startsWith("/budgets")
      ? `session:${session.id}`
      : session.id;
  const base = bases[operationId] ?? {};
  const file = operationId === "importSession" && (await fetch(`${server.url}/sessions/${session.id}/export`));
  return {
    path: path.replace("{id}", id).replace("{message_id}", body.reply.id),
    ids: [body.reply.id],
    base: file ? ((await file.json()) as JsonObject) : base,
  };
}

describe.each(operations().map((one) => [`${one.method} ${one.path}`, one] as const))(
  "%s",
  (_name, { method, path, operation }) => {
    const bodySchema = operation.requestBody?.content["application/json"]?.schema;

    if (bodySchema)
      test("bodies", async () => {
        const real = await realPath(path, operation);
        const candidates = edgesOf(bodySchema, real.ids).flatMap((edge): Json[] =>
          typeof edge === "object" && edge !== null && !Array.isArray(edge)
            ? [edge, { ...real.base, ...edge }]
            : [edge],
        );
        expect(candidates.length).toBeGreaterThan(10);
        const met = { allowed: 0, forbidden: 0 };
        for (const value of candidates) {
          const isAllowed = validate(bodySchema, value).length === 0;
          met[isAllowed ? "allowed" : "forbidden"]++;
          await expectAgreement(
            { operation, method, path: real.path, body: JSON.stringify(value) },
            isAllowed,
            shorten(value),
          );
        }
        expect(Math.min(met.allowed, met.forbidden)).toBeGreaterThan(1);
      }, 180_000);

    const parameters = (operation.parameters ?? []).filter((one) => one.in === "query");
    if (parameters.length > 0)
      test("query", async () => {
        const real = await realPath(path, operation);
        const body = bodySchema && JSON.stringify(real.base);
        for (const { name, schema } of parameters)
          for (const edge of edgesOf(schema, real.ids)) {
            if (typeof edge === "object") continue; // a query holds text
            const text = String(edge);
            const asValue =
              /^(integer|number)$/.test(String(schema.type)) && /^-?\d+$/.test(text) ? Number(text) : text;
            // A size of a page is what gives a place in the list or an order its meaning.
            const limit = name !== "limit" && path.endsWith("/history") ? "&limit=5" : "";
            const query = `?${name}=${encodeURIComponent(text)}${limit}`;
            await expectAgreement(
              { operation, method, path: real.path, query, body },
              validate(schema, asValue).length === 0,
              query.slice(0, 60),
            );
          }
        await expectAgreement(
          { operation, method, path: real.path, query: "?no-such-name=1", body },
          false,
          "an unknown name",
        );
      }, 180_000);

    const headers = (operation.parameters ?? []).filter(
      (one) => one.in === "header" && one.schema.pattern !== undefined,
    );
    if (headers.length > 0)
      test("headers", async () => {
        const real = await realPath(path, operation);
        const body = bodySchema && JSON.stringify(real.base);
        for (const { name, schema } of headers)
          for (const value of [
            "x",
            "x".repeat(255),
            "x".repeat(256),
            "a b",
            "1",
            "999999999",
            "1000000000",
            "-1",
            "\u00e9",
          ]) {
            const isAllowed = validate(schema, value).length === 0;
            await expectAgreement(
              { operation, method, path: real.path, headers: { [name]: value }, body },
              isAllowed,
              `${name}: ${value.slice(0, 30)}`,
            );
          }
      }, 180_000);
  },
);

describe("settings", () => {
  test.each(Object.values(settings).map(({ env }) => env))(
    "%s takes its least and its most, and nothing beyond",
    (env) => {
      const read = (value: string) => readConfig({ flags: [], env: { [env]: value }, dotEnv: null });
      let expected = "";
      try {
        read("\u0001none");
      } catch (cause) {
        expected = (cause as Error).message;
      }
      const [, least, most] = /a whole number from (\d+) to (\d+)/.exec(expected) ?? [];
      if (least === undefined || most === undefined)
        return expect(expected === "" || expected.includes(env)).toBe(true);
      for (const good of [least, most]) expect(() => read(good)).not.toThrow();
      for (const bad of [String(BigInt(most) + 1n), String(BigInt(least) - 1n), "1.5", "1e3", "0x10"])
        expect(() => read(bad)).toThrow(env);
    },
  );
});

/** Keeps the import of `Schema` honest: every schema of a body is one the checker can read. */
test("the checker can tell allowed from forbidden", () => {
  const schema: Schema = {
    type: "object",
    properties: { a: { type: "string", maxLength: 1 } },
    additionalProperties: false,
  };
  expect([
    validate(schema, { a: "x" }).length,
    validate(schema, { a: "xx" }).length,
    validate(schema, { b: 1 }).length,
  ]).toEqual([0, 1, 1]);
});
