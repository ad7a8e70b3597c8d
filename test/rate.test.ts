// Limits of keys, over HTTP, on both engines: what passes, what does not, for how long, and that no race opens more.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import pg from "pg";
import type { Rate } from "../src/caller/rate.ts";
import { bearing, callAs, type MadeKey, makeKey } from "./callers.ts";
import { type AnswerBody, type Answered, eventually, type ProblemBody, type SessionBody } from "./client.ts";
import { testClock } from "./clock.ts";
import { engines } from "./engines.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

type Said = Answered<AnswerBody & ProblemBody & { policy?: string; left?: number }>;

/** Structured fields as the draft has them: the policies in order, with their numbers and texts. */
function readField(headers: Headers, name: "ratelimit" | "ratelimit-policy") {
  const text = headers.get(name);
  if (text === null) return null;
  return Object.fromEntries(
    text.split(", ").map((item) => {
      const [, policy, rest] = /^"([a-z-]+)"((?:;[a-z]+=(?:\d+|"[a-z-]+"))*)$/.exec(item) ?? [];
      if (policy === undefined) throw new Error(`${name} has an item out of shape: ${item}`);
      const params = rest!.split(";").slice(1);
      return [
        policy,
        Object.fromEntries(params.map((one) => one.split("=")).map(([key, value]) => [key, JSON.parse(value!)])),
      ];
    }),
  );
}

describe.each(engines)("limits on %s", (name, createDatabase) => {
  let server: HttpServer;
  /** On Postgres another server on the same database; on SQLite the one there is. */
  let second: HttpServer;
  let operator: pg.Client | undefined;
  let offset = 0;
  beforeAll(async () => {
    const databaseUrl = await createDatabase();
    const settings = { REQUIRE_KEY: "yes" };
    server = await startHttp({ databaseUrl, settings, now: () => testClock() + offset, providerMs: 60_000 });
    second = server;
    if (name !== "Postgres") return;
    second = await startHttp({ databaseUrl, settings, emulator: server.emulator, providerMs: 60_000 });
    operator = new pg.Client({ connectionString: databaseUrl });
    await operator.connect();
  });
  afterAll(async () => {
    await operator?.end();
    if (second !== server) await second.stop();
    await server.stop();
  });
  beforeEach(() => server.emulator.reset());

  const nextMinute = async () => {
    offset += 60_000;
    await operator?.query("UPDATE rate SET ends_at = ends_at - 60000");
  };
  const keyWith = (rate: Rate, more: object = {}) => makeKey(server.store, { rate, ...more });
  const list = ({ secret }: MadeKey, at = server) => callAs<ProblemBody>(secret, `${at.url}/sessions?limit=1`);
  /** Made by another key, so that nothing is drawn. */
  let maker: MadeKey | undefined;
  const session = async (user?: string) => {
    maker ??= await makeKey(server.store);
    return (await callAs<SessionBody>(maker.secret, `${server.url}/sessions`, "POST", { user })).body.id;
  };
  const say = async ({ secret }: { secret: string }, body: object = {}, id?: string, at = server): Promise<Said> =>
    callAs(secret, `${at.url}/sessions/${id ?? (await session())}/messages`, "POST", { content: "hi", ...body });

  /** A turn that runs, with its first words told. */
  async function open(key: MadeKey, id?: string) {
    const response = await fetch(`${server.url}/sessions/${id ?? (await session())}/messages`, {
      method: "POST",
      headers: { ...bearing(key.secret), "content-type": "application/json" },
      body: JSON.stringify({ content: "hi", stream: true }),
    });
    expect(response.status).toBe(200);
    await response.body!.cancel();
    const turn = `${server.url}${response.headers.get("location")}`;
    return { stop: () => callAs(maker!.secret, `${turn}/stop`, "POST", { hard: true }) };
  }

  describe("requests", () => {
    test("as many as the limit pass in a minute, then 429 until the next one; every answer says what is left", async () => {
      const key = await keyWith({ requests_per_minute: 3 });
      for (const left of [2, 1, 0]) {
        const { status, headers } = await list(key);
        expect(status).toBe(200);
        expect(readField(headers, "ratelimit-policy")).toEqual({ requests: { q: 3, w: 60 } });
        expect(readField(headers, "ratelimit")).toEqual({ requests: { r: left, t: expect.any(Number) } });
      }
      const refused = await list(key);
      expect([refused.status, refused.body.code]).toEqual([429, "rate_limited"]);
      expect(refused.body).toMatchObject({ policy: "requests", limit: 3, left: 0 });
      const wait = Number(refused.headers.get("retry-after"));
      expect(wait).toBeGreaterThan(0);
      expect(wait).toBeLessThanOrEqual(60);
      expect(readField(refused.headers, "ratelimit")).toEqual({ requests: { r: 0, t: wait } });
      await nextMinute();
      expect((await list(key)).status).toBe(200);
    });

    test("whatever is asked counts, also what is refused; health counts for nobody", async () => {
      const key = await keyWith({ requests_per_minute: 4 }, { scopes: ["read"] });
      const ask = async (path: string, method = "GET", body?: unknown) =>
        (await callAs(key.secret, `${server.url}${path}`, method, body)).status;
      expect(await ask("/healthz")).toBe(200);
      expect(await ask("/sessions", "POST", {})).toBe(403);
      expect(await ask("/turns/none")).toBe(404);
      expect(await ask("/sessions?unknown=1")).toBe(422);
      expect(await ask("/keys/me")).toBe(200);
      expect(await ask("/keys/me")).toBe(429);
      expect(await ask("/readyz")).toBe(200);
    });

    test("of many at once, in every process, exactly as many pass", async () => {
      const key = await keyWith({ requests_per_minute: 25 });
      const statuses = await Promise.all(
        Array.from({ length: 80 }, async (_, at) => (await list(key, at % 2 ? server : second)).status),
      );
      expect(statuses.filter((status) => status === 200).length).toBe(25);
      expect(statuses.filter((status) => status === 429).length).toBe(55);
    });

    test("each of a key's users has their own, and the key has one for all", async () => {
      const key = await keyWith({ requests_per_minute: 5, per_user: { requests_per_minute: 2 } });
      const begin = async (user: string, headers = {}) => {
        const body = Object.keys(headers).length === 0 ? { user } : {};
        return callAs<ProblemBody>(key.secret, `${server.url}/sessions`, "POST", body, headers);
      };
      expect((await begin("anna")).status).toBe(201);
      expect((await begin("anna", { "x-rozmova-user": "anna" })).status).toBe(201);
      const refused = await begin("anna");
      expect([refused.status, refused.body]).toMatchObject([429, { policy: "user-requests" }]);
      expect((await begin("bohdan")).status).toBe(201);
      expect(readField((await begin("bohdan")).headers, "ratelimit")).toMatchObject({
        requests: { r: 0 },
        "user-requests": { r: 0 },
      });
      expect((await begin("clara")).body).toMatchObject({ policy: "requests" });
    });

    test("a token draws on the limits of its key and of its user", async () => {
      const key = await keyWith({ requests_per_minute: 4, per_user: { requests_per_minute: 2 } });
      const make = await callAs<{ token: string }>(key.secret, `${server.url}/tokens`, "POST", { user: "anna" });
      const ask = () => callAs<ProblemBody>(make.body.token, `${server.url}/sessions?limit=1`);
      expect((await ask()).status).toBe(200); // the making of the token was her first
      expect((await ask()).body).toMatchObject({ policy: "user-requests" });
      expect((await list(key)).status).toBe(200);
      expect((await list(key)).status).toBe(200);
      expect((await list(key)).body).toMatchObject({ policy: "requests" });
    });
  });

  describe("tokens", () => {
    test("a turn counts as estimated when it begins, and as billed when it is over", async () => {
      const key = await keyWith({ tokens_per_minute: 3_000 });
      server.emulator.play({ text: "short", usage: usage(900, 100) });
      const first = await say(key);
      expect(first.status).toBe(201);
      expect(readField(first.headers, "ratelimit-policy")).toEqual({ tokens: { q: 3_000, qu: "tokens", w: 60 } });
      const estimated = 3_000 - readField(first.headers, "ratelimit")!.tokens.r;
      expect(estimated).toBeGreaterThan(500);
      expect(estimated).toBeLessThan(600);
      // 1,000 were billed: of the 2,000 left a message with a long answer takes more, and one with a short answer does not.
      server.emulator.play({ text: "short", usage: usage(10, 2) });
      const left = await eventually(
        async () => readField((await say(key, { params: { max_output_tokens: 1 } })).headers, "ratelimit")!.tokens.r,
        (r) => r < 2_001,
      );
      expect(left).toBeGreaterThan(1_900);
    });

    test("what the bill brings beyond the limit closes the door until the next minute, and no longer", async () => {
      const key = await keyWith({ tokens_per_minute: 2_000 });
      server.emulator.play({ text: "long", usage: usage(100, 9_000) });
      expect((await say(key)).status).toBe(201);
      const refused = await eventually(
        () => say(key, { params: { max_output_tokens: 1 } }),
        ({ status }) => status === 429,
      );
      expect(refused.body).toMatchObject({ code: "rate_limited", policy: "tokens", left: 0 });
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
      await nextMinute();
      server.emulator.play({ text: "short" });
      expect((await say(key)).status).toBe(201);
    });

    test("a bill that comes in the next minute takes nothing from it, and adds nothing to it", async () => {
      const key = await keyWith({ tokens_per_minute: 1_000 });
      server.emulator.play({ text: "a b c d e f", chunks: 6, firstByteMs: 300, usage: usage(3, 4) });
      const slow = say(key);
      await eventually(
        () => server.store.sumBooks(),
        ({ runningTurns }) => runningTurns === 1,
      );
      await nextMinute();
      server.emulator.play({ text: "short", firstByteMs: 1_500, usage: usage(1, 1) });
      const next = say(key); // draws 500 and some of the new minute
      expect((await slow).status).toBe(201);
      const refused = await say(key);
      expect(refused.body).toMatchObject({ policy: "tokens" });
      expect(refused.body.left).toBeLessThan(500);
      expect((await next).status).toBe(201);
    });

    test("a turn that nothing is billed for gives all back, and one that is refused draws nothing", async () => {
      const key = await keyWith({ tokens_per_minute: 2_500 });
      const id = await session();
      // Each draws more than 500.
      for (let at = 0; at < 6; at++) {
        server.emulator.play({ fault: "bad-argument" });
        const failed = await eventually(
          () => say(key, {}, id),
          ({ status }) => status !== 429,
        );
        expect(failed.status).toBe(502);
      }
      server.emulator.play({ fault: "stall", chunks: 6, after: 2 });
      const busy = await open(key, id);
      for (let at = 0; at < 6; at++) expect((await say(key, {}, id)).body.code).toBe("turn_in_progress");
      await busy.stop();
      const last = await eventually(
        () => say(key),
        ({ status }) => status === 201,
      );
      expect(readField(last.headers, "ratelimit")!.tokens.r).toBeGreaterThan(500);
    });

    test("the same Idempotency-Key draws once", async () => {
      const key = await keyWith({ tokens_per_minute: 700 });
      server.emulator.play({ text: "once", usage: usage(300, 250) });
      const id = await session();
      const send = () =>
        callAs<AnswerBody>(
          key.secret,
          `${server.url}/sessions/${id}/messages`,
          "POST",
          { content: "hi" },
          {
            "idempotency-key": "one",
          },
        );
      expect([(await send()).status, (await send()).status, (await send()).status]).toEqual([201, 201, 201]);
      const refused = await eventually(
        () => say(key),
        ({ status }) => status === 429,
      );
      expect(refused.body.left).toBe(150);
    });

    test("a guess of the answer keeps nobody out of an unused minute, and two limits are drawn on each for itself", async () => {
      const key = await keyWith({ tokens_per_minute: 2_000, per_user: { tokens_per_minute: 60 } });
      const id = await session("anna");
      server.emulator.play({ text: "short", usage: usage(10, 30), times: 2 });
      expect((await say(key, {}, id)).status).toBe(201);
      const second = await eventually(
        () => say(key, { params: { max_output_tokens: 1 } }, id),
        ({ status }) => status === 201,
      );
      expect(readField(second.headers, "ratelimit")).toMatchObject({ "user-tokens": { r: expect.any(Number) } });
      const left = readField(second.headers, "ratelimit")!;
      expect(left["user-tokens"].r).toBeLessThan(20);
      expect(left.tokens.r).toBeGreaterThan(1_900); // 40 of the first, and what the second draws
    });

    test("a message that is more than a minute's is told so, and not to wait", async () => {
      const key = await keyWith({ tokens_per_minute: 100 });
      const refused = await say(key, { content: "слово ".repeat(100) });
      expect([refused.status, refused.body.detail]).toEqual([429, expect.stringContaining("never be let in")]);
      expect(refused.headers.get("retry-after")).toBeNull();
    });
  });

  describe("turns at once", () => {
    test("as many as the limit run; one that ends makes room, however it ends", async () => {
      const key = await keyWith({ concurrent_turns: 2 });
      server.emulator.play({ fault: "stall", chunks: 6, after: 2, times: 3 });
      const [first] = [await open(key), await open(key)];
      const refused = await say(key);
      expect([refused.status, refused.body]).toMatchObject([429, { code: "rate_limited", policy: "turns" }]);
      expect(refused.headers.get("retry-after")).not.toBeNull();
      expect(readField(refused.headers, "ratelimit")).toEqual({ turns: { r: 0 } });
      expect(readField(refused.headers, "ratelimit-policy")).toEqual({ turns: { q: 2, qu: "concurrent-requests" } });
      await first!.stop();
      const third = await open(key);
      expect((await say(key)).status).toBe(429);
      await third.stop();
      expect((await say(key)).status).toBe(201);
    });

    test("of many begun at once, in every process, exactly as many run", async () => {
      const key = await keyWith({ concurrent_turns: 3 });
      server.emulator.play({ chunks: 3, firstByteMs: 4_000, times: 3 });
      const ids = await Promise.all(Array.from({ length: 16 }, () => session()));
      const answers = await Promise.all(ids.map((id, at) => say(key, {}, id, at % 2 ? server : second)));
      expect(answers.filter(({ status }) => status === 201).length).toBe(3);
      expect(answers.filter(({ status }) => status === 429).length).toBe(13);
    }, 20_000);

    test("each user has their own, also one that only the session names", async () => {
      const key = await keyWith({ per_user: { concurrent_turns: 1 } });
      server.emulator.play({ fault: "stall", chunks: 6, after: 2, times: 2 });
      const anna = await open(key, await session("anna"));
      expect((await say(key, { user: "anna" })).body).toMatchObject({ policy: "user-turns" });
      expect((await say(key, {}, await session("anna"))).body).toMatchObject({ policy: "user-turns" });
      const bohdan = await open(key, await session("bohdan"));
      for (const one of [anna, bohdan]) await one.stop();
    });
  });

  test("a limit is read, changed and taken away; the change holds from the very next request on", async () => {
    const admin = (await makeKey(server.store, { scopes: ["chat", "read", "admin"] })).secret;
    const rate = { requests_per_minute: 1, per_user: { concurrent_turns: 2 } };
    const made = await callAs<{ id: string; secret: string }>(admin, `${server.url}/keys`, "POST", { name: "x", rate });
    expect(made.body).toMatchObject({ rate });
    const { id, secret } = made.body;
    const key = `${server.url}/keys/${id}`;
    expect((await callAs(admin, key)).body).toMatchObject({ rate });
    const statuses = async () => [
      (await callAs(secret, `${server.url}/sessions`)).status,
      (await callAs(secret, `${server.url}/sessions`)).status,
    ];
    expect(await statuses()).toEqual([200, 429]);
    const change = (body: object) => callAs<{ rate: Rate | null }>(admin, key, "PATCH", body);
    expect((await change({ rate: { requests_per_minute: 2 } })).body.rate).toEqual({ requests_per_minute: 2 });
    expect(await statuses()).toEqual([200, 429]);
    expect((await change({ name: "y" })).body.rate).toEqual({ requests_per_minute: 2 });
    for (const none of [null, {}, { per_user: {} }]) {
      await change({ rate: { requests_per_minute: 2 } });
      expect((await change({ rate: none })).body.rate).toBeNull();
    }
    const free = await callAs(secret, `${server.url}/sessions`);
    expect([free.status, free.headers.get("ratelimit"), free.headers.get("ratelimit-policy")]).toEqual([
      200,
      null,
      null,
    ]);
    for (const wrong of [
      { requests_per_minute: 0 },
      { tokens_per_minute: 1.5 },
      { per_minute: 1 },
      { per_user: { per_user: {} } },
      5,
    ])
      expect((await callAs(admin, key, "PATCH", { rate: wrong })).status).toBe(422);
  });

  test("a limited key makes none that may ask for more", async () => {
    const { secret } = await keyWith({ requests_per_minute: 100 }, { scopes: ["chat", "read", "admin"] });
    const make = async (rate?: Rate) =>
      (await callAs(secret, `${server.url}/keys`, "POST", { name: "x", ...(rate && { rate }) })).status;
    expect([await make(), await make({ requests_per_minute: 101 }), await make({ tokens_per_minute: 1 })]).toEqual([
      403, 403, 403,
    ]);
    expect([
      await make({ requests_per_minute: 100 }),
      await make({ requests_per_minute: 1, tokens_per_minute: 1 }),
    ]).toEqual([201, 201]);
    const own = (await callAs<{ id: string }>(secret, `${server.url}/keys/me`)).body.id;
    expect((await callAs(secret, `${server.url}/keys/${own}`, "PATCH", { rate: null })).status).toBe(403);
  });
});

function usage(promptTokenCount: number, candidatesTokenCount: number) {
  return { promptTokenCount, candidatesTokenCount, totalTokenCount: promptTokenCount + candidatesTokenCount };
}
