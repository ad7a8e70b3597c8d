// Sessions over HTTP: tags and stale changes, pages, search, the trash, and a history of any length.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { setImmediate } from "node:timers/promises";
import type { Pieces } from "../src/http/answer.ts";
import { call, eventually, type HistoryBody, newSession, readHistory, type SessionBody, say } from "./client.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

let server: HttpServer;
beforeAll(async () => {
  server = await startHttp();
});
afterAll(() => server.stop());

interface ListBody<T> {
  object: string;
  data: T[];
  first_id: string | null;
  last_id: string | null;
  has_more: boolean;
}
const ask = <T>(method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  call<T>(`${server.url}${path}`, method, body, headers);

describe("versions", () => {
  test("a change by the last reader passes, by a stale one does not, and without If-Match always", async () => {
    const session = await newSession(server.url);
    const path = `/sessions/${session.id}`;
    const read = await ask<SessionBody>("GET", path);
    const tag = read.headers.get("etag")!;
    expect(tag).toBe(`"v${read.body.version}"`);
    const changed = await ask<SessionBody>("PATCH", path, { title: "first" }, { "if-match": tag });
    expect([changed.status, changed.body.title, changed.headers.get("etag")]).toEqual([
      200,
      "first",
      `"v${read.body.version + 1}"`,
    ]);
    expect((await ask("PATCH", path, { title: "second" }, { "if-match": tag })).status).toBe(412);
    expect((await ask("DELETE", path, undefined, { "if-match": tag })).status).toBe(412);
    expect((await ask<SessionBody>("GET", path)).body.title).toBe("first");
    expect((await ask("PATCH", path, { title: "third" }, { "if-match": "*" })).status).toBe(200);
    expect((await ask("PATCH", path, { title: "fourth" })).status).toBe(200);
    const weakened = `W/${(await ask("GET", path)).headers.get("etag")}`;
    expect((await ask("PATCH", path, { title: "fifth" }, { "if-match": weakened })).status).toBe(200);
  });

  test("of several tags one has to be the present one", async () => {
    const session = await newSession(server.url);
    const path = `/sessions/${session.id}`;
    const change = (tags: string) =>
      ask<SessionBody>("PATCH", path, { title: tags.slice(0, 20) }, { "if-match": tags });
    expect((await change('"v0", "v1"')).body.version).toBe(2);
    expect((await change('"v1", "v3"')).status).toBe(412);
    expect((await change('"other", W/"v2"')).status).toBe(200);
    expect((await change('"other", "else"')).status).toBe(412);
    expect((await ask("DELETE", path, undefined, { "if-match": '"v9","v3"' })).status).toBe(200);
    const { id } = await newSession(server.url);
    expect((await say(server.url, id, { content: "hi" }, { "if-match": '"v7", "v1"' })).status).toBe(201);
    expect((await say(server.url, id, { content: "hi" }, { "if-match": '"v7", "v1"' })).status).toBe(412);
  });

  test("an id is read in any case", async () => {
    const { id } = await newSession(server.url);
    const { body } = await say(server.url, id.toUpperCase(), { content: "hi" });
    expect(body.session.id).toBe(id);
    for (const path of [
      `/sessions/${id.toUpperCase()}/history?limit=5&after=${body.message.id.toUpperCase()}`,
      `/turns/${body.turn.id.toUpperCase()}`,
    ])
      expect([path, (await ask("GET", path)).status]).toEqual([path, 200]);
    const key = { "idempotency-key": "same session" };
    const first = await say(server.url, id, { content: "on", parent_id: body.reply.id.toUpperCase() }, key);
    const again = await say(
      server.url,
      id.toUpperCase(),
      { content: "on", parent_id: body.reply.id.toUpperCase() },
      key,
    );
    expect([again.status, again.body.turn.id]).toEqual([201, first.body.turn.id]);
  });

  test("a message changes the tag", async () => {
    const session = await newSession(server.url);
    const { body } = await say(server.url, session.id, { content: "hi" }, { "if-match": `"v${session.version}"` });
    expect(body.session.version).toBeGreaterThan(session.version);
    expect((await say(server.url, session.id, { content: "hi" }, { "if-match": `"v${session.version}"` })).status).toBe(
      412,
    );
  });

  test("who has the present version is told so with 304 and nothing else", async () => {
    const session = await newSession(server.url);
    const tag = `"v${session.version}"`;
    for (const value of [tag, `"v0", ${tag}`, `W/${tag}`, "*"]) {
      const unchanged = await fetch(`${server.url}/sessions/${session.id}`, { headers: { "if-none-match": value } });
      expect([unchanged.status, await unchanged.text(), unchanged.headers.get("etag")]).toEqual([304, "", tag]);
    }
    expect((await ask("GET", `/sessions/${session.id}`, undefined, { "if-none-match": '"v0"' })).status).toBe(200);
  });
});

describe("a session", () => {
  test("is made with nothing, with {} and with everything, and Location leads to it", async () => {
    const full = {
      title: "T",
      model: "gemini-2.5-flash",
      system: "S",
      params: { temperature: 1, stop: ["x"] },
      metadata: { a: "b" },
    };
    for (const [body, made] of [
      [undefined, {}],
      [{}, { title: null, model: null, params: {} }],
      [full, full],
    ] as const) {
      const answer = await ask<SessionBody>("POST", "/sessions", body);
      expect(answer.status).toBe(201);
      expect(answer.body).toMatchObject(made);
      expect((await ask<SessionBody>("GET", answer.headers.get("location")!)).body).toEqual(answer.body);
    }
  });

  test("PATCH changes what is named and nothing else; null takes away; params and metadata are replaced whole", async () => {
    const { id } = await newSession(server.url, {
      title: "T",
      system: "S",
      params: { temperature: 1, seed: 5 },
      metadata: { a: 1 },
    });
    const change = async (fields: object) => (await ask<SessionBody>("PATCH", `/sessions/${id}`, fields)).body;
    expect(await change({ title: null })).toMatchObject({
      title: null,
      system: "S",
      params: { temperature: 1, seed: 5 },
    });
    const { params, metadata } = (await change({ params: { seed: 6 }, metadata: { b: 2 } })) as unknown as {
      params: object;
      metadata: object;
    };
    expect([params, metadata]).toEqual([{ seed: 6 }, { b: 2 }]);
    expect(await change({ system: null, model: "gemini-3.5-flash-lite" })).toMatchObject({
      system: null,
      model: "gemini-3.5-flash-lite",
    });
  });

  test("params are held against the model that will get them, also when only they change", async () => {
    const { id } = await newSession(server.url, { model: "gemini-2.5-pro" });
    const refused = await ask<{ errors: { pointer: string }[] }>("PATCH", `/sessions/${id}`, {
      params: { thinking: "off" },
    });
    expect([refused.status, refused.body.errors[0]?.pointer]).toEqual([422, "/params/thinking"]);
    expect(
      (await ask("PATCH", `/sessions/${id}`, { params: { thinking: "off" }, model: "gemini-2.5-flash" })).status,
    ).toBe(200);
  });
});

describe("lists", () => {
  test("pages in both directions give every session once, newest first", async () => {
    const own = await startHttp();
    try {
      const made: string[] = [];
      for (let index = 0; index < 7; index++) made.unshift((await newSession(own.url, { title: `s${index}` })).id);
      const page = async (query: string) =>
        (await call<ListBody<SessionBody>>(`${own.url}/sessions?${query}`, "GET")).body;
      const seen: string[] = [];
      for (let cursor = ""; ; ) {
        const { data, last_id, first_id, has_more } = await page(`limit=3${cursor}`);
        expect([first_id, last_id]).toEqual([data[0]!.id, data.at(-1)!.id]);
        seen.push(...data.map(({ id }) => id));
        if (!has_more) break;
        cursor = `&after=${last_id}`;
      }
      expect(seen).toEqual(made);
      expect((await page(`limit=2&before=${made[4]}`)).data.map(({ id }) => id)).toEqual([made[2]!, made[3]!]);
      await call(`${own.url}/sessions/${made[0]}`, "DELETE");
      expect((await page("limit=100")).data.map(({ id }) => id)).toEqual(made.slice(1));
      expect((await page("deleted=true")).data.map(({ id }) => id)).toEqual([made[0]!]);
      expect(await page(`after=${made.at(-1)}`)).toEqual({
        object: "list",
        data: [],
        first_id: null,
        last_id: null,
        has_more: false,
      });
    } finally {
      await own.stop();
    }
  });

  test("a search marks what it found", async () => {
    const { id } = await newSession(server.url, { title: "talk" });
    await say(server.url, id, { content: "the needle <b>in</b> the haystack" });
    const found = await ask<ListBody<SessionBody & { snippet: string; message_id: string | null }>>(
      "GET",
      "/sessions?q=needle",
    );
    expect(found.body.data.map((session) => session.id)).toEqual([id]);
    expect(found.body.data[0]?.snippet).toContain("the <mark>needle</mark> &lt;b&gt;in&lt;/b&gt;");
    const named = (await readHistory(server.url, id)).data.find((one) => one.id === found.body.data[0]?.message_id);
    expect(named?.content).toContain("needle");
    const titled = await newSession(server.url, { title: "<mark>thimble</mark> & 'co'" });
    const byTitle = await ask<ListBody<SessionBody & { snippet: string; message_id: string | null }>>(
      "GET",
      "/sessions?q=thimble",
    );
    expect(byTitle.body.data).toMatchObject([
      { id: titled.id, snippet: "&lt;mark&gt;<mark>thimble</mark>&lt;/mark&gt; &amp; &#39;co&#39;", message_id: null },
    ]);
  });
});

describe("the history", () => {
  const messages = 450; // storage reads 200 at a time: the third part is streamed
  let id: string;

  beforeAll(async () => {
    ({ id } = await newSession(server.url, { title: "long" }));
    server.emulator.always({ text: "ok" });
    for (let index = 0; index < messages / 2; index++)
      await say(server.url, id, { content: `m${index} \u2028 "quoted" 😀` });
  }, 180_000);

  test("is whole, in order, valid JSON and one list, however long", async () => {
    const history = await readHistory(server.url, id);
    const list = history as HistoryBody & ListBody<unknown>;
    expect(list.data).toHaveLength(messages);
    expect([list.object, list.has_more, list.first_id, list.last_id]).toEqual([
      "list",
      false,
      history.data[0]!.id,
      history.data.at(-1)!.id,
    ]);
    history.data.forEach((message, index) => {
      expect(message.parent_id).toBe(index === 0 ? null : history.data[index - 1]!.id);
    });
    expect(history.cost).toEqual(history.session.cost);
    expect(history.usage).toEqual(history.session.usage);
    expect(history.session.message_count).toBe(messages);
  });

  test("pages add up to it, forwards and backwards", async () => {
    const whole = (await readHistory(server.url, id)).data.map((message) => message.id);
    for (const order of ["asc", "desc"] as const) {
      const seen: string[] = [];
      for (let cursor = ""; ; ) {
        const { body } = await ask<HistoryBody & ListBody<unknown>>(
          "GET",
          `/sessions/${id}/history?limit=100&order=${order}${cursor}`,
        );
        seen.push(...body.data.map((message) => message.id));
        if (!body.has_more) break;
        cursor = `&after=${body.last_id}`;
      }
      expect(seen).toEqual(order === "asc" ? whole : whole.toReversed());
    }
  });

  test("of a session without messages is an empty list", async () => {
    const { id: empty } = await newSession(server.url);
    expect((await ask("GET", `/sessions/${empty}/history`)).body).toMatchObject({
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
    });
  });

  test("is read from the database only as its reader takes it", async () => {
    const { readHistory } = server.store;
    let taken = 0;
    server.store.readHistory = async function* (owner, sessionId) {
      for await (const part of readHistory(owner, sessionId)) {
        taken++;
        yield part;
      }
    };
    try {
      const response = await server.app.fetch({
        method: "GET",
        path: `/sessions/${id}/history`,
        query: "",
        headers: new Map([["host", "localhost"]]),
        signal: new AbortController().signal,
        hasBody: false,
        readBody: async () => new Uint8Array(),
      });
      const body = response.body as Pieces;
      expect(taken).toBe(2); // whether it is long is known by the second part
      await body.next();
      await setImmediate();
      expect(taken).toBe(2);
      await body.next();
      expect(taken).toBe(3);
      body.leave();
    } finally {
      server.store.readHistory = readHistory;
    }
  });

  test("a reader who leaves in the middle leaves nothing open, and neither does one who asks for the head alone", async () => {
    const { readHistory } = server.store;
    let open = 0;
    server.store.readHistory = async function* (owner, sessionId) {
      open++;
      try {
        for (;;) yield* readHistory(owner, sessionId); // without end, so that only leaving ends it
      } finally {
        open--;
      }
    };
    try {
      const abort = new AbortController();
      const response = await fetch(`${server.url}/sessions/${id}/history`, { signal: abort.signal });
      await response.body!.getReader().read();
      expect(open).toBe(1);
      abort.abort();
      const nothingIsOpen = () =>
        eventually(
          async () => open,
          (left) => left === 0,
        );
      await nothingIsOpen();
      await fetch(`${server.url}/sessions/${id}/history`, { method: "HEAD" });
      await nothingIsOpen();
    } finally {
      server.store.readHistory = readHistory;
    }
  });
});
