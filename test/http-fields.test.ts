// What may be sent: the limits of every field at their borders, and text that could not be kept.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { visible } from "../src/http/native/visible.ts";
import { type Answered, call, newSession, type ProblemBody, readHistory, type SessionBody, say } from "./client.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

let server: HttpServer;
beforeAll(async () => {
  server = await startHttp({ settings: { MAX_BODY_BYTES: "400000" } });
});
afterAll(() => server.stop());

type Made = Answered<SessionBody & ProblemBody & { metadata: Record<string, unknown>; system: string | null }>;
const make = (fields: object): Promise<Made> => call(`${server.url}/sessions`, "POST", fields);
const pointers = (answer: { body: ProblemBody }) => answer.body.errors?.map(({ pointer }) => pointer);
async function makeRaw(body: string): Promise<Made> {
  const response = await fetch(`${server.url}/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Made["body"] };
}

describe("each limit holds at its border and not one beyond", () => {
  const names = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index]));
  const cases: [string, object, object, string][] = [
    ["title", { title: "x".repeat(200) }, { title: "x".repeat(201) }, "/title"],
    ["title, in characters and not in code units", { title: "😀".repeat(200) }, { title: "😀".repeat(201) }, "/title"],
    ["system", { system: "x".repeat(100_000) }, { system: "x".repeat(100_001) }, "/system"],
    ["metadata names", { metadata: names(50) }, { metadata: names(51) }, "/metadata"],
    [
      "metadata name",
      { metadata: { ["k".repeat(64)]: 1 } },
      { metadata: { ["k".repeat(65)]: 1 } },
      `/metadata/${"k".repeat(65)}`,
    ],
    ["metadata value", { metadata: { a: "v".repeat(500) } }, { metadata: { a: "v".repeat(501) } }, "/metadata/a"],
    ["metadata kind", { metadata: { a: null, b: true, c: 1.5 } }, { metadata: { a: [] } }, "/metadata/a"],
    ["model", { model: `m${"x".repeat(127)}` }, { model: `m${"x".repeat(128)}` }, "/model"],
    ["model as part of an address", { model: "a.b-c_d" }, { model: "../secret" }, "/model"],
    ["blank title", { title: "a" }, { title: " \n" }, "/title"],
    ["temperature", { params: { temperature: 2 } }, { params: { temperature: 2.1 } }, "/params/temperature"],
    ["thinking", { params: { thinking: "high" } }, { params: { thinking: "hard" } }, "/params/thinking"],
    ["thinking tokens", { params: { thinking: 24_576 } }, { params: { thinking: 24_577 } }, "/params/thinking"],
    [
      "stop",
      { params: { stop: ["a", "b", "c", "d", "e"] } },
      { params: { stop: ["a", "b", "c", "d", "e", "f"] } },
      "/params/stop",
    ],
    ["params", { params: {} }, { params: null }, "/params"],
    [
      "response_schema",
      { params: { response_schema: { type: "object" } } },
      { params: { response_schema: "object" } },
      "/params/response_schema",
    ],
  ];
  test.each(cases)("%s", async (_name, good, bad, pointer) => {
    expect((await make(good)).status).toBe(201);
    const refused = await make(bad);
    expect([refused.status, refused.body.code, pointers(refused)]).toEqual([422, "invalid_request", [pointer]]);
  });

  test("content: 1 to the limit, not blank, counted in characters", async () => {
    const { id } = await newSession(server.url);
    for (const content of ["x", "x".repeat(2_000), "😀".repeat(2_000)])
      expect((await say(server.url, id, { content })).status).toBe(201);
    for (const content of ["", " \t\n\u00a0", "x".repeat(2_001), "😀".repeat(2_001), null, 5, ["x"]]) {
      const refused = await say(server.url, id, { content });
      expect([refused.status, pointers(refused)]).toEqual([422, ["/content"]]);
    }
  });

  test("nesting: 64 levels, not more, and no depth is too deep to refuse", async () => {
    const nested = (depth: number) => `{"params":{"response_schema":{"x":${"[".repeat(depth)}${"]".repeat(depth)}}}}`;
    expect((await makeRaw(nested(61))).status).toBe(201);
    expect((await makeRaw(nested(62))).status).toBe(422);
    expect((await makeRaw(nested(190_000))).body.code).toBe("invalid_request");
    expect((await makeRaw("[".repeat(390_000))).body.code).toBe("malformed_json");
  });

  test("a body full of small values is read in good time", async () => {
    const started = performance.now();
    expect((await makeRaw(`[${"0,".repeat(190_000)}0]`)).body.code).toBe("invalid_request");
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  test("Idempotency-Key: 1 to 255 printable characters", async () => {
    const send = async (key: string) =>
      (await call<ProblemBody>(`${server.url}/sessions`, "POST", {}, { "idempotency-key": key })).status;
    for (const key of ["a", "k".repeat(255), "with inner spaces ~!"]) expect(await send(key)).toBe(201);
    for (const key of ["k".repeat(256), "ключ".normalize().replace(/./g, "\u00e9"), ""])
      expect(await send(key)).toBe(422);
  });
});

describe("what is refused costs little, and is answered in few words", () => {
  test("of two million faults the first are named, and the rest is not looked at", async () => {
    const own = await startHttp({ settings: { MAX_BODY_BYTES: "4194304" } });
    try {
      for (const body of [
        `{"params":{"stop":[${"1,".repeat(2_000_000)}1]}}`,
        `{"metadata":{${Array.from({ length: 200_000 }, (_, index) => `"k${index}":[]`).join(",")}}}`,
        `{${Array.from({ length: 40_000 }, (_, index) => `"unknown${index}":0`).join(",")}}`,
        `{"params":{"response_schema":{"enum":[${'"\\u0000",'.repeat(400_000)}0]}}}`,
        `{"${"n".repeat(4_000_000)}":1}`,
      ]) {
        const response = await fetch(`${own.url}/sessions`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body,
        });
        const text = await response.text();
        const refused = JSON.parse(text) as ProblemBody;
        expect(response.status).toBe(422);
        expect(refused.errors!.length).toBeLessThanOrEqual(20);
        expect(text.length).toBeLessThan(20_000);
      }
    } finally {
      await own.stop();
    }
  }, 180_000);

  test("a schema has at most 64 KiB, a stop list 5 texts of 256 characters", async () => {
    const schema = (bytes: number) => ({ description: "x".repeat(bytes - '{"description":""}'.length) });
    expect((await make({ params: { response_schema: schema(65_536) } })).status).toBe(201);
    expect(pointers(await make({ params: { response_schema: schema(65_537) } }))).toEqual(["/params/response_schema"]);
    expect((await make({ params: { stop: ["x".repeat(256)] } })).status).toBe(201);
    expect(pointers(await make({ params: { stop: ["x".repeat(257)] } }))).toEqual(["/params/stop/0"]);
  });

  test("a title in which nothing can be seen is none", async () => {
    for (const title of ["\u200b", "\u00ad\u2060", "\ufeff \u3164", "\u0007"])
      expect([title, pointers(await make({ title }))]).toEqual([title, ["/title"]]);
    for (const title of ["a\u200b", "👨‍👩‍👧", "é", "."]) expect((await make({ title })).status).toBe(201);
    for (let code = 0; code <= 0x10ffff; code++) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      const character = String.fromCodePoint(code);
      if (visible.test(character) === /[\p{White_Space}\p{Cc}\p{DI}]/u.test(character))
        throw new Error(`U+${code.toString(16)}`);
    }
  });
});

describe("pages are bounded in bytes", () => {
  test("of long sessions a page holds few, says that there are more, and the pages together hold each once", async () => {
    const own = await startHttp({ settings: { MAX_BODY_BYTES: "4194304" } });
    try {
      const made: string[] = [];
      const system = "я".repeat(100_000); // 200 kB
      for (let index = 0; index < 23; index++)
        made.unshift((await newSession(own.url, { system, title: `needle ${index}` })).id);
      for (const query of ["", "&q=needle"])
        for (const direction of ["after", "before"] as const) {
          const seen: string[] = [];
          for (let cursor = direction === "before" ? `&before=${made.at(-1)}` : ""; ; ) {
            const response = await fetch(`${own.url}/sessions?limit=100${query}${cursor}`);
            const text = await response.text();
            expect(Buffer.byteLength(text)).toBeLessThan(2_700_000);
            const page = JSON.parse(text) as {
              data: { id: string }[];
              has_more: boolean;
              first_id: string;
              last_id: string;
            };
            const ids = page.data.map(({ id }) => id);
            expect([page.first_id, page.last_id]).toEqual([ids[0]!, ids.at(-1)!]);
            if (direction === "after") seen.push(...ids);
            else seen.unshift(...ids);
            if (!page.has_more) break;
            cursor = direction === "after" ? `&after=${page.last_id}` : `&before=${page.first_id}`;
          }
          expect([query, direction, seen]).toEqual([
            query,
            direction,
            direction === "after" ? made : made.slice(0, -1),
          ]);
        }
    } finally {
      await own.stop();
    }
  }, 180_000);

  test("so does a page of long messages, in both orders; the whole history comes in small parts", async () => {
    const own = await startHttp({
      settings: { MAX_BODY_BYTES: "4194304", MAX_TEXT_CHARS: "1000000" },
      providerMs: 20_000,
    });
    try {
      const { id } = await newSession(own.url);
      own.emulator.always({ text: "ok" });
      for (let index = 0; index < 6; index++) await say(own.url, id, { content: `${index}${"я".repeat(400_000)}` });
      const whole = (await readHistory(own.url, id)).data.map((message) => message.id);
      for (const order of ["asc", "desc"]) {
        const seen: string[] = [];
        for (let cursor = ""; ; ) {
          const { body } = await call<{ data: { id: string }[]; has_more: boolean; last_id: string }>(
            `${own.url}/sessions/${id}/history?limit=100&order=${order}${cursor}`,
            "GET",
          );
          expect(body.data.length).toBeLessThanOrEqual(6);
          seen.push(...body.data.map((message) => message.id));
          if (!body.has_more) break;
          cursor = `&after=${body.last_id}`;
        }
        expect(seen).toEqual(order === "asc" ? whole : whole.toReversed());
      }
      for await (const part of own.store.readHistory("default", id)) expect(part.length).toBe(2);
    } finally {
      await own.stop();
    }
  }, 180_000);
});

describe("every unknown name is named", () => {
  test("in bodies at any depth, and in queries", async () => {
    const refused = await make({ titel: 1, params: { temprature: 1 }, "a/b~c": 1 });
    expect(pointers(refused)?.toSorted()).toEqual(["/a~1b~0c", "/params/temprature", "/titel"]);
    const { id } = await newSession(server.url);
    for (const [path, pointer] of [
      ["/sessions?limt=5", "?limt"],
      ["/sessions?limit=0", "?limit"],
      ["/sessions?limit=101", "?limit"],
      ["/sessions?limit=1e1", "?limit"],
      ["/sessions?limit=1&limit=2", "?limit"],
      ["/sessions?after=x", "?after"],
      ["/sessions?q=%00", "?q"],
      ["/sessions?q=%20", "?q"],
      ["/sessions?deleted=yes", "?deleted"],
      [`/sessions?after=${id}&before=${id}`, "?before"],
      [`/sessions/${id}/history?after=${id}`, "?limit"],
      [`/sessions/${id}/history?order=up`, "?order"],
      [`/sessions/${id}?purged=true`, "?purged"],
      [`/turns/${id}/events?after=-1`, "?after"],
      [`/turns/${id}/events?after=1.5`, "?after"],
    ] as const) {
      const refusal = await call<ProblemBody>(`${server.url}${path}`, path.includes("purged") ? "DELETE" : "GET");
      expect([path, refusal.status, pointers(refusal)]).toEqual([path, 422, [pointer]]);
    }
  });

  test("whatever the JSON, the answer is 201 or a problem that points into it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 4, noUnicodeString: false }), async (value) => {
        const { status, body } = await makeRaw(JSON.stringify(value));
        if (status === 201) return;
        expect([400, 422]).toContain(status);
        for (const { pointer, detail } of body.errors ?? []) {
          expect(pointer).toMatch(/^(\/([^/~]|~0|~1)*)*$/s);
          expect(detail.length).toBeGreaterThan(3);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("text that could not be kept", () => {
  test("U+0000 is refused wherever it stands", async () => {
    for (const [fields, pointer] of [
      [{ title: "a\0b" }, "/title"],
      [{ metadata: { a: "\0" } }, "/metadata/a"],
      [
        { params: { response_schema: { properties: { x: { enum: ["\0"] } } } } },
        "/params/response_schema/properties/x/enum/0",
      ],
      [{ params: { stop: ["a", "\0"] } }, "/params/stop/1"],
    ] as const) {
      const refused = await make(fields);
      expect([refused.status, pointers(refused)]).toEqual([422, [pointer]]);
    }
    expect((await make({ metadata: { "a\0b": 1 } })).status).toBe(422);
  });

  test("half a surrogate pair becomes U+FFFD, in what is kept and in what is sent", async () => {
    const { body } = await makeRaw('{"system":"a\\ud800b","metadata":{"k":"\\udc00"}}');
    expect([body.system, body.metadata.k]).toEqual(["a\ufffdb", "\ufffd"]);
    const response = await fetch(`${server.url}/sessions/${body.id}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"content":"x\\ud83d y"}',
    });
    expect(response.status).toBe(201);
    expect((await readHistory(server.url, body.id)).data[0]?.content).toBe("x\ufffd y");
    expect(JSON.stringify(server.emulator.generateCalls().at(-1)?.body)).toContain("x\ufffd y");
  });

  test("names that would change an object's nature are refused", async () => {
    const refused = await makeRaw('{"metadata":{"__proto__":{"polluted":true}}}');
    expect([refused.status, pointers(refused)]).toEqual([422, ["/metadata/__proto__"]]);
    expect((await makeRaw('{"__proto__":{"title":"x"}}')).status).toBe(422);
    expect((await makeRaw('{"metadata":{"constructor":"fine","toString":"fine"}}')).body.metadata).toEqual({
      constructor: "fine",
      toString: "fine",
    } as never);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test("a number beyond a double is refused, not kept as null", async () => {
    const refused = await makeRaw('{"metadata":{"n":1e999},"params":{"response_schema":{"maximum":-1e400}}}');
    expect(pointers(refused)?.toSorted()).toEqual(["/metadata/n", "/params/response_schema/maximum"]);
  });

  test("a whole number that would come back as another one is refused, wherever it stands", async () => {
    for (const [body, pointer] of [
      ['{"metadata":{"order":1161888007138312193}}', "/metadata/order"],
      ['{"metadata":{"order":-9007199254740992}}', "/metadata/order"],
      ['{"params":{"seed":9007199254740993}}', "/params/seed"],
      ['{"params":{"response_schema":{"enum":[1,9007199254740993]}}}', "/params/response_schema/enum/1"],
    ] as const) {
      const refused = await makeRaw(body);
      expect([body, refused.status, pointers(refused)]).toEqual([body, 422, [pointer]]);
    }
    const kept = await makeRaw('{"metadata":{"a":9007199254740991,"b":-9007199254740991,"c":0.1}}');
    expect(kept.body.metadata).toEqual({ a: 9007199254740991, b: -9007199254740991, c: 0.1 });
  });

  test("any other text comes back as it was sent", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme", minLength: 1, maxLength: 100 }), async (text) => {
        fc.pre(text.trim() !== "" && !text.includes("\0"));
        const { body } = await make({ system: text, metadata: { text } });
        expect([body.system, body.metadata.text]).toEqual([text, text]);
      }),
      { numRuns: 100 },
    );
  });
});
