// The OpenAPI document is valid, complete and true: what is in it exists, what exists is in it, and answers look as it says.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Answered, call, collect, newSession, openEvents, openStream, say } from "./client.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";
import {
  checkAnswer,
  checkEvent,
  document,
  type Json,
  operations,
  resolve,
  routes,
  type Schema,
  validate,
} from "./openapi-check.ts";

describe("the document", () => {
  test("is OpenAPI 3.1 with a title and a version", () => {
    expect(document.openapi).toMatch(/^3\.1\.\d$/);
    expect(document.info.title).not.toBe("");
    expect(document.info.version).not.toBe("");
    expect(JSON.stringify(document)).not.toContain('"nullable"'); // a word of 3.0
  });

  test("its server is where it was fetched from, also under a path that a proxy takes away", () => {
    const [server] = (document as unknown as { servers: { url: string }[] }).servers;
    expect(new URL(server!.url, "https://a.example/chat/openapi.json").href).toBe("https://a.example/chat/");
  });

  test("names every route of the app, and nothing else", () => {
    const named = operations().map(({ method, path }) => `${method} ${path}`);
    expect(named.toSorted()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).toSorted());
  });

  test("every operation has a name of its own, a summary, a known tag, and a success", () => {
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const tags = document.tags.map(({ name }) => name);
    for (const { operation } of operations()) {
      expect(operation.summary.length).toBeGreaterThan(5);
      for (const tag of operation.tags) expect(tags).toContain(tag);
      expect(Object.keys(operation.responses).some((status) => status.startsWith("2"))).toBe(true);
    }
  });

  test("every name in a path is a required parameter, and every parameter has a place and a schema", () => {
    for (const { path, operation } of operations()) {
      const parameters = operation.parameters ?? [];
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
      expect(parameters.filter((one) => one.in === "path").map((one) => one.name)).toEqual(inPath);
      for (const one of parameters) {
        expect(["path", "query", "header"]).toContain(one.in);
        if (one.in === "path") expect(one.required).toBe(true);
        expect(validateSchema(one.schema, one.name)).toEqual([]);
      }
    }
  });

  test("every schema uses known keywords, and every reference leads somewhere", () => {
    const found = Object.entries(document.components.schemas).flatMap(([name, schema]) => {
      expect(name).toMatch(/^[A-Za-z0-9._-]+$/);
      return validateSchema(schema, name);
    });
    for (const media of everyMedia()) found.push(...validateSchema(media.schema, media.place));
    expect(found).toEqual([]);
  });

  test("every example fits its schema, and every named object has one", () => {
    let seen = 0;
    const found: string[] = [];
    const check = (schema: Schema, example: Json, place: string) => {
      seen += 1;
      found.push(...validate(schema, example, place, true));
    };
    for (const { schema, place, examples } of everyMedia())
      for (const example of examples) check(schema, example, place);
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      if (schema.example !== undefined) check(schema, schema.example, name);
      walk(schema, (inner) => {
        if (inner !== schema && inner.example !== undefined) check(inner, inner.example, name);
      });
    }
    expect(found).toEqual([]);
    expect(seen).toBeGreaterThan(60);
    for (const media of everyMedia())
      expect([media.place, media.examples.length > 0 || hasExample(media.schema)]).toEqual([media.place, true]);
  });

  test("every operation with an error names its codes with an example each", () => {
    for (const { operation } of operations()) {
      for (const [status, answer] of Object.entries(operation.responses)) {
        if (Number(status) < 400) continue;
        const problem = answer.content?.["application/problem+json"];
        expect(
          Object.values(problem?.examples ?? {}).map(({ value }) => (value as { status: number }).status),
        ).toContain(Number(status));
      }
    }
  });
});

describe("real answers", () => {
  let server: HttpServer;
  beforeAll(async () => {
    server = await startHttp();
  });
  afterAll(() => server.stop());

  async function ask<T>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answered<T>> {
    const answer = await call<T>(`${server.url}${path}`, method, body, headers);
    checkAnswer(method, path, answer.status, answer.body);
    return answer;
  }

  test("the served document is this one", async () => {
    const { body } = await call<typeof document>(`${server.url}/openapi.json`, "GET");
    expect(body).toEqual(document);
  });

  test("a whole story: every kind of answer is as the document says", async () => {
    const session = (
      await ask<{ id: string }>("POST", "/sessions", {
        title: "t",
        params: { temperature: 0.5, thinking: "low" },
        metadata: { a: 1, b: null },
      })
    ).body;
    const path = `/sessions/${session.id}`;
    server.emulator.play({ text: "hello", thoughts: "hm" });
    const said = await ask<{ turn: { id: string } }>("POST", `${path}/messages`, { content: "hi" });
    expect(said.status).toBe(201);
    const turn = `/turns/${said.body.turn.id}`;
    for (const get of [
      path,
      `${path}/history`,
      `${path}/history?limit=1&order=desc`,
      "/sessions",
      "/sessions?q=hello",
      turn,
      `${turn}/receipt`,
      "/models",
      "/healthz",
      "/readyz",
    ])
      expect((await ask("GET", get)).status).toBe(200);
    expect((await ask("PATCH", path, { title: "new" })).status).toBe(200);
    expect((await ask("POST", `${turn}/stop`, {})).status).toBe(200);
    expect((await ask("DELETE", path)).status).toBe(200);
    expect((await ask("POST", `${path}/messages`, { content: "hi" })).status).toBe(409);
    expect((await ask("POST", `${path}/restore`)).status).toBe(200);
    expect((await ask("GET", path, undefined, { "if-none-match": "*" })).status).toBe(304);
    const asked = { content: "hi", parent_id: null };
    const { reply } = (await ask<{ reply: { id: string } }>("POST", `${path}/messages`, asked)).body;
    const version = `${path}/messages/${reply.id}`;
    expect((await ask("DELETE", version)).status).toBe(200);
    expect((await ask("DELETE", version)).status).toBe(404);
    expect((await ask("POST", `${version}/restore`)).status).toBe(200);
    expect((await ask("DELETE", version, undefined, { "if-match": '"v1"' })).status).toBe(412);
    server.emulator.play({ fault: "bad-argument" });
    expect((await ask("POST", `${path}/messages`, { content: "hi" })).status).toBe(502);
    expect((await ask("GET", `${turn.slice(0, -1)}g`)).status).toBe(404);
    expect((await ask("POST", "/sessions", { titel: "x" })).status).toBe(422);
  });

  test("events are as the document says, posted and followed", async () => {
    const session = await newSession(server.url);
    server.emulator.play({ text: "one two three", chunks: 3, thoughts: "hm" });
    const events = await collect(await openStream(server.url, session.id, { content: "hi" }));
    const again = await collect(await openEvents(server.url, events[0]!.data.turn_id as string));
    for (const { type, data } of [...events, ...again]) checkEvent(type, data);
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set(["turn-start", "thought-delta", "text-delta", "turn-end"]),
    );
  });

  test("the check itself can fail", async () => {
    const { body } = await say(server.url, (await newSession(server.url)).id, { content: "hi" });
    expect(() => checkAnswer("POST", `/sessions/${body.session.id}/messages`, 201, { ...body, extra: 1 })).toThrow(
      "/extra is not in the document",
    );
    expect(() =>
      checkAnswer("GET", `/sessions/${body.session.id}`, 200, {
        ...body.session,
        cost: { ...body.session.cost, total: 0.5 },
      }),
    ).toThrow("/cost/total");
    expect(() => checkAnswer("GET", "/nothing", 200, {})).toThrow("no GET /nothing");
    expect(() => checkAnswer("GET", "/healthz", 418, {})).toThrow("no 418");
    expect(() => checkEvent("text-delta", { text: 5 })).toThrow("TextDeltaEvent");
  });
});

interface SeenMedia {
  place: string;
  schema: Schema;
  examples: Json[];
}

function everyMedia(): SeenMedia[] {
  return operations().flatMap(({ method, path, operation }) => {
    const contents = [
      operation.requestBody?.content,
      ...Object.values(operation.responses).map(({ content }) => content),
    ];
    return contents.flatMap((content) =>
      Object.entries(content ?? {}).map(([type, { schema, example, examples }]) => ({
        place: `${method} ${path} ${type}`,
        schema,
        examples: [
          ...(example === undefined ? [] : [example]),
          ...Object.values(examples ?? {}).map(({ value }) => value),
        ],
      })),
    );
  });
}

function hasExample(schema: Schema): boolean {
  const whole = typeof schema.$ref === "string" ? resolve(schema.$ref) : schema;
  return whole.example !== undefined;
}

const keywords: Record<string, string[]> = {
  text: ["$ref", "format", "pattern", "description", "title"],
  number: [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "x-max-bytes",
  ],
  list: ["required", "enum", "allOf", "anyOf", "oneOf"],
  any: ["type", "properties", "items", "additionalProperties", "propertyNames", "example", "const", "default"],
};
const types = ["object", "array", "string", "number", "integer", "boolean", "null"];

function validateSchema(schema: Schema, place: string): string[] {
  const found: string[] = [];
  walk(schema, (inner) => {
    for (const [keyword, value] of Object.entries(inner)) {
      const kind = Object.keys(keywords).find((name) => keywords[name]!.includes(keyword));
      const fits =
        kind === "text"
          ? typeof value === "string"
          : kind === "number"
            ? typeof value === "number"
            : kind === "list"
              ? Array.isArray(value)
              : kind === "any";
      if (!fits) found.push(`${place}: ${keyword} = ${JSON.stringify(value)}`);
    }
    for (const type of [inner.type ?? []].flat())
      if (!types.includes(type as string)) found.push(`${place}: type ${type}`);
    if (typeof inner.$ref === "string") resolve(inner.$ref);
    if (typeof inner.pattern === "string") new RegExp(inner.pattern, "u");
  });
  return found;
}

/** Visits a schema and every schema inside it, without following references. */
function walk(schema: Schema, visit: (schema: Schema) => void): void {
  visit(schema);
  const inside = [...Object.values((schema.properties ?? {}) as Record<string, Schema>)];
  for (const keyword of ["allOf", "anyOf", "oneOf"]) inside.push(...((schema[keyword] ?? []) as Schema[]));
  for (const keyword of ["items", "additionalProperties"]) {
    const inner = schema[keyword];
    if (typeof inner === "object" && inner !== null) inside.push(inner as Schema);
  }
  for (const inner of inside) walk(inner, visit);
}
