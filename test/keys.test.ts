// Keys, users and tokens over HTTP, on both engines: what a key opens, when it stops, and whom a session is for.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { bearing, callAs, makeKey } from "./callers.ts";
import { type AnswerBody, call, type ProblemBody, type SessionBody } from "./client.ts";
import { testClock } from "./clock.ts";
import { engines } from "./engines.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

interface KeyBody {
  id: string;
  project: string;
  prefix: string;
  scopes: string[];
  user: string | null;
  disabled: boolean;
  expires_at: string | null;
  last_used_at: string | null;
  secret: string;
}
interface ListBody<T> {
  data: T[];
  has_more: boolean;
}

describe.each(engines)("keys on %s", (_name, createDatabase) => {
  let server: HttpServer;
  let admin: string;
  let offset = 0;
  beforeAll(async () => {
    server = await startHttp({
      databaseUrl: await createDatabase(),
      settings: { REQUIRE_KEY: "yes", CORS_ORIGINS: "https://shop.example" },
      now: () => testClock() + offset,
    });
    admin = (await makeKey(server.store, { scopes: ["chat", "read", "admin"] })).secret;
  });
  afterAll(() => server.stop());

  const make = async (body: object = {}, by = admin) =>
    (await callAs<KeyBody>(by, `${server.url}/keys`, "POST", { name: "one", ...body })).body;
  const open = async (secret: string) => (await callAs(secret, `${server.url}/sessions`)).status;
  const change = (id: string, body: object, by = admin) =>
    callAs<KeyBody & ProblemBody>(by, `${server.url}/keys/${id}`, "PATCH", body);

  test("the secret is in one answer only, and in no other, nor in the log, nor in the database", async () => {
    const made = await callAs<KeyBody>(admin, `${server.url}/keys`, "POST", { name: "shown once" });
    expect(made.status).toBe(201);
    const { secret, ...key } = made.body;
    expect(secret).toStartWith(key.prefix);
    expect(made.headers.get("location")).toBe(`/keys/${key.id}`);
    expect(await open(secret)).toBe(200);
    const read = (await callAs<KeyBody>(admin, `${server.url}/keys/${key.id}`)).body;
    expect(read).toEqual({ ...(key as KeyBody), last_used_at: null });
    const list = await callAs<ListBody<KeyBody>>(admin, `${server.url}/keys?limit=100`);
    expect(list.body.data.map(({ id }) => id)).toContain(key.id);
    const own = await callAs<KeyBody>(secret, `${server.url}/keys/me`);
    expect(own.body.id).toBe(key.id);
    for (const body of [list.body, read, own.body, server.logged]) expect(JSON.stringify(body)).not.toContain(secret);
    expect(server.logged.some(({ fields }) => fields.key_id === key.id)).toBe(true);
  });

  test("who asks is told who it is, what it may do and whether a key is needed: with a key, with a token, and not without", async () => {
    const { id, secret } = await make({ user: "olena", scopes: ["chat", "read"] });
    const me = async (by: string) => (await callAs<object>(by, `${server.url}/me`)).body;
    const own = { object: "caller", key_needed: true, project: "default", key_id: id, user: "olena" };
    const nothingElse = { sessions: null, models: null, expires_at: null, budgets: [] };
    expect(await me(secret)).toEqual({ ...own, ...nothingElse, by: "key", scopes: ["chat", "read"] });
    const asked = { user: "olena", scopes: ["read"], ttl_seconds: 60 };
    const { token, expires_at } = (
      await callAs<{ token: string; expires_at: string }>(secret, `${server.url}/tokens`, "POST", asked)
    ).body;
    expect(await me(token)).toEqual({ ...own, ...nothingElse, expires_at, by: "token", scopes: ["read"] });
    expect((await call(`${server.url}/me`, "GET")).status).toBe(401);
  });

  test("an answer that is the same each time says nothing of whom it was given before", async () => {
    const limited = await make({ rate: { requests_per_minute: 100 } });
    const { id } = (await callAs<{ id: string }>(admin, `${server.url}/sessions`, "POST", {})).body;
    const purge = (by: string) => callAs(by, `${server.url}/sessions/${id}?purge=true`, "DELETE");
    const first = await purge(limited.secret);
    expect([first.status, first.headers.get("ratelimit-policy")]).toEqual([204, '"requests";q=100;w=60']);
    const second = await purge(admin);
    expect([second.status, second.headers.get("ratelimit-policy")]).toEqual([204, null]);
  });

  test("switched off and deleted, it opens nothing from the very next request on; switched on again, it does", async () => {
    const { id, secret } = await make();
    expect(await open(secret)).toBe(200);
    expect((await change(id, { disabled: true })).body.disabled).toBe(true);
    expect(await open(secret)).toBe(401);
    await change(id, { disabled: false });
    expect(await open(secret)).toBe(200);
    expect((await callAs(admin, `${server.url}/keys/${id}`, "DELETE")).status).toBe(204);
    expect(await open(secret)).toBe(401);
    for (const method of ["GET", "DELETE"])
      expect((await callAs(admin, `${server.url}/keys/${id}`, method)).status).toBe(404);
  });

  test("it is over at its moment, to the millisecond", async () => {
    const { secret, expires_at } = await make({ expires_at: new Date(testClock() + 60_000).toISOString() });
    expect(await open(secret)).toBe(200);
    offset = Date.parse(expires_at!) - testClock() + 60_000;
    expect(await open(secret)).toBe(401);
    offset = 0;
    expect(await open(secret)).toBe(200);
  });

  test("a new secret leaves all as it was; the old one has its grace, and no older one", async () => {
    const { id, secret: first } = await make();
    const session = await callAs<SessionBody>(first, `${server.url}/sessions`, "POST", {}, { "idempotency-key": "r" });
    const rotate = async (body: object) =>
      (await callAs<KeyBody>(admin, `${server.url}/keys/${id}/rotate`, "POST", body)).body.secret;
    const second = await rotate({ grace_seconds: 60 });
    expect([await open(first), await open(second)]).toEqual([200, 200]);
    const again = await callAs<SessionBody>(second, `${server.url}/sessions`, "POST", {}, { "idempotency-key": "r" });
    expect(again.body.id).toBe(session.body.id);
    offset = 61_000;
    expect([await open(first), await open(second)]).toEqual([401, 200]);
    offset = 0;
    const third = await rotate({});
    expect([await open(first), await open(second), await open(third)]).toEqual([401, 401, 200]);
  });

  test("none that may do more is made, changed into, or given a new secret", async () => {
    const narrow = await make({ scopes: ["admin", "read"] });
    const refused = async (answer: Promise<{ status: number; body: unknown }>) => (await answer).status;
    const post = (path: string, body: object) => callAs(narrow.secret, `${server.url}${path}`, "POST", body);
    expect(await refused(post("/keys", { name: "x", scopes: ["chat"] }))).toBe(403);
    expect(await refused(post("/keys", { name: "x", scopes: ["operator"] }))).toBe(403);
    const chatting = await make();
    expect(await refused(post(`/keys/${chatting.id}/rotate`, {}))).toBe(403);
    expect(await open(chatting.secret)).toBe(200); // the old secret is still the one
    for (const more of [{ scopes: ["chat"] }, { models: null }, { expires_at: null }])
      expect((await change(chatting.id, more, narrow.secret)).status).toBe(403);
    expect((await change(chatting.id, { disabled: true }, narrow.secret)).status).toBe(200);
    expect((await change(chatting.id, { disabled: false }, narrow.secret)).status).toBe(403);
    expect(await open(chatting.secret)).toBe(401);
  });

  test("of an operator's key nobody else knows", async () => {
    const { id, secret } = await makeKey(server.store, { scopes: ["operator"] });
    for (const method of ["GET", "DELETE"])
      expect((await callAs(admin, `${server.url}/keys/${id}`, method)).status).toBe(404);
    const ids = (await callAs<ListBody<KeyBody>>(admin, `${server.url}/keys?limit=100`)).body.data.map((key) => key.id);
    expect(ids).not.toContain(id);
    const made = await make({ project: "shop" }, secret);
    expect(made).toMatchObject({ code: "not_found" });
    expect((await callAs(secret, `${server.url}/projects`, "POST", { id: "shop" })).status).toBe(201);
    expect((await callAs(secret, `${server.url}/projects`, "POST", { id: "shop" })).status).toBe(409);
    const shop = await make({ project: "shop" }, secret);
    expect(await open(shop.secret)).toBe(200);
    const close = (disabled: boolean) => callAs(secret, `${server.url}/projects/shop`, "PATCH", { disabled });
    await close(true);
    expect(await open(shop.secret)).toBe(401);
    await close(false);
    expect(await open(shop.secret)).toBe(200);
    const projects = await callAs<ListBody<{ id: string }>>(secret, `${server.url}/projects`);
    expect(projects.body.data.map((one) => one.id)).toEqual(["default", "shop"]);
  });

  test("a page of keys goes on where the last one ended, in both directions", async () => {
    const { secret } = await makeKey(server.store, { project: "many", scopes: ["chat", "read", "admin"] });
    for (let n = 0; n < 24; n++) await make({ name: `k${n}` }, secret);
    const list = async (query: string) =>
      (await callAs<ListBody<KeyBody>>(secret, `${server.url}/keys?${query}`)).body.data.map((key) => key.id);
    const all = await list("limit=100");
    expect(all.length).toBe(25);
    expect(all).toEqual(all.toSorted().toReversed());
    const first = await list("limit=10");
    expect([...first, ...(await list(`limit=100&after=${first.at(-1)}`))]).toEqual(all);
    expect(await list(`limit=5&before=${all[10]}`)).toEqual(all.slice(5, 10));
  });

  test("a key for some models is answered by these alone, and is told of no others", async () => {
    const listed = async (secret: string) =>
      (await callAs<ListBody<{ id: string }>>(secret, `${server.url}/models`)).body.data.map(({ id }) => id);
    const [one, other] = await listed(admin);
    const { secret } = await make({ models: [other] });
    expect(await listed(secret)).toEqual([other!]);
    const { id } = (await callAs<SessionBody>(secret, `${server.url}/sessions`, "POST", {})).body;
    const say = (model: string) =>
      callAs<AnswerBody & ProblemBody>(secret, `${server.url}/sessions/${id}/messages`, "POST", {
        content: "hi",
        model,
      });
    expect((await say(one!)).body).toMatchObject({ code: "forbidden", status: 403 });
    expect((await say(other!)).status).toBe(201);
  });

  test("when a key was used is written down when the server stops, at the latest", async () => {
    const { id, secret } = await make();
    await open(secret);
    await server.store.touchKeys([{ id, at: 1 }]);
    await server.store.touchKeys([{ id, at: 0 }]); // later than it is known, never earlier
    expect((await callAs<KeyBody>(admin, `${server.url}/keys/${id}`)).body.last_used_at).toBe(
      "1970-01-01T00:00:00.001Z",
    );
  });

  describe("users", () => {
    interface WithUser {
      user: string | null;
      key_id: string | null;
    }
    const post = <T>(secret: string, path: string, body: object, headers = {}) =>
      callAs<T & ProblemBody>(secret, `${server.url}${path}`, "POST", body, headers);

    test("whoever is named in the body, or else in the header, is who it is for", async () => {
      const { id: keyId, secret } = await make();
      const session = async (body: object, headers = {}) =>
        (await post<SessionBody & WithUser>(secret, "/sessions", body, headers)).body;
      expect((await session({})).user).toBeNull();
      expect((await session({}, { "x-rozmova-user": "anna" })).user).toBe("anna");
      const { id, user } = await session({ user: "Оксана" }, { "x-rozmova-user": "anna" });
      expect(user).toBe("Оксана");
      const say = async (body: object) =>
        (await post<{ turn: WithUser }>(secret, `/sessions/${id}/messages`, { content: "hi", ...body })).body.turn;
      expect(await say({})).toMatchObject({ user: "Оксана", key_id: keyId });
      expect(await say({ user: "guest" })).toMatchObject({ user: "guest", key_id: keyId });
      expect((await post(secret, "/sessions", {}, { "x-rozmova-user": "x".repeat(129) })).body.status).toBe(422);
      const listed = await callAs<ListBody<SessionBody>>(secret, `${server.url}/sessions?user=Оксана`);
      expect(listed.body.data.map((one) => one.id)).toEqual([id]);
      const reassigned = await callAs<WithUser>(secret, `${server.url}/sessions/${id}`, "PATCH", { user: "iryna" });
      expect(reassigned.body.user).toBe("iryna");
      expect((await say({})).user).toBe("iryna"); // not whom the server remembers
      const patched = await callAs<WithUser>(secret, `${server.url}/sessions/${id}`, "PATCH", { user: null });
      expect(patched.body.user).toBeNull();
    });

    test("the same Idempotency-Key for another user is another request, and another key's is its own", async () => {
      const [one, two] = [await make(), await make()];
      const send = (secret: string, user: string) =>
        post<SessionBody>(secret, "/sessions", {}, { "idempotency-key": "same", "x-rozmova-user": user });
      const first = await send(one.secret, "anna");
      expect((await send(one.secret, "anna")).body.id).toBe(first.body.id);
      expect((await send(one.secret, "bohdan")).body.code).toBe("idempotency_mismatch");
      expect((await send(two.secret, "anna")).body.id).not.toBe(first.body.id);
    });

    test("a key bound to one sees theirs and makes theirs, and names no other", async () => {
      const bound = await make({ user: "daryna" });
      const others = (await post<SessionBody>(admin, "/sessions", { user: "eve", title: "Eve's borscht" })).body.id;
      const theirs = (await post<SessionBody>(admin, "/sessions", { user: "daryna", title: "Daryna's borscht" })).body
        .id;
      const mine = (await post<SessionBody & WithUser>(bound.secret, "/sessions", {})).body;
      expect(mine.user).toBe("daryna");
      const list = async (query: string) =>
        (await callAs<ListBody<SessionBody>>(bound.secret, `${server.url}/sessions${query}`)).body.data.map(
          (s) => s.id,
        );
      expect((await list("")).toSorted()).toEqual([theirs, mine.id].toSorted());
      expect(await list("?user=eve")).toEqual([]);
      expect(await list("?q=borscht")).toEqual([theirs]);
      expect((await post(bound.secret, "/sessions", { user: "eve" })).status).toBe(403);
      expect((await post(bound.secret, "/sessions", {}, { "x-rozmova-user": "eve" })).status).toBe(403);
      for (const user of ["eve", null])
        expect((await callAs(bound.secret, `${server.url}/sessions/${theirs}`, "PATCH", { user })).status).toBe(403);
      expect((await callAs(bound.secret, `${server.url}/sessions/${others}`)).status).toBe(404);
    });
  });

  describe("tokens", () => {
    const token = async (secret: string, body: object) =>
      (await callAs<{ token: string; expires_at: string }>(secret, `${server.url}/tokens`, "POST", body)).body;
    const outcome = async (secret: string, path = "/sessions", method = "GET", body?: object) =>
      (await callAs(secret, `${server.url}${path}`, method, body)).status;

    test("a token does what a key of that user does, until it is over or its key is", async () => {
      const { id, secret } = await make();
      const made = await token(secret, { user: "fedir", ttl_seconds: 60 });
      const session = await callAs<SessionBody & { user: string }>(made.token, `${server.url}/sessions`, "POST", {});
      expect([session.status, session.body.user]).toEqual([201, "fedir"]);
      const said = await callAs<{ turn: { user: string; key_id: string } }>(
        ...([made.token, `${server.url}/sessions/${session.body.id}/messages`, "POST", { content: "hi" }] as const),
      );
      expect(said.body.turn).toMatchObject({ user: "fedir", key_id: id });
      for (const path of ["/keys", "/projects"]) expect(await outcome(made.token, path)).toBe(403);
      expect(await outcome(made.token, "/tokens", "POST", { user: "fedir" })).toBe(403);
      expect(await outcome(made.token, "/keys/me")).toBe(404);
      offset = Date.parse(made.expires_at) - testClock();
      expect(await outcome(made.token)).toBe(401);
      offset = 0;
      expect(await outcome(made.token)).toBe(200);
      await change(id, { disabled: true });
      expect(await outcome(made.token)).toBe(401);
    });

    test("one for some sessions sees these and begins none; what its key may not, it may not", async () => {
      const { secret } = await make();
      const own = await callAs<SessionBody>(secret, `${server.url}/sessions`, "POST", { user: "halyna" });
      const narrow = (await token(secret, { user: "halyna", sessions: [own.body.id], scopes: ["read"] })).token;
      expect(await outcome(narrow, `/sessions/${own.body.id}/history`)).toBe(200);
      expect(await outcome(narrow, "/sessions", "POST", {})).toBe(403);
      const wide = (await token(secret, { user: "halyna", sessions: [own.body.id] })).token;
      expect(await outcome(wide, "/sessions", "POST", {})).toBe(403);
      const list = await callAs<ListBody<SessionBody>>(wide, `${server.url}/sessions`);
      expect(list.body.data.map(({ id }) => id)).toEqual([own.body.id]);
      const chatOnly = await make({ scopes: ["chat"] });
      expect(await outcome(chatOnly.secret, "/tokens", "POST", { user: "x" })).toBe(403);
      expect(await outcome(chatOnly.secret, "/tokens", "POST", { user: "x", scopes: ["chat"] })).toBe(201);
    });

    test("what we have not signed opens nothing", async () => {
      const { token: good } = await token(admin, { user: "ivan" });
      const [head, claims, signature] = good.split(".") as [string, string, string];
      const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
      const said = JSON.parse(Buffer.from(claims, "base64url").toString());
      for (const forged of [
        `${head}.${encode({ ...said, sub: "admin" })}.${signature}`,
        `${encode({ alg: "none" })}.${claims}.`,
        `${encode({ alg: "none" })}.${claims}.${signature}`,
        `${encode({ alg: "HS512", typ: "JWT" })}.${claims}.${signature}`,
        `${head}.${claims}.${Buffer.alloc(32).toString("base64url")}`,
        "a.b.c",
        "x",
      ])
        expect([forged.length, await outcome(forged)]).toEqual([forged.length, 401]);
      expect(await outcome(good)).toBe(200);
    });

    test("pages of the sites named may call with one; with a key, or from elsewhere, none may read", async () => {
      const { secret } = await make();
      const { token: shown } = await token(secret, { user: "katria" });
      const page = (origin: string, shown?: string) =>
        fetch(`${server.url}/sessions`, {
          headers: {
            origin,
            "sec-fetch-site": "cross-site",
            "sec-fetch-mode": "cors",
            ...(shown ? bearing(shown) : {}),
          },
        });
      const allowed = "access-control-allow-origin";
      const good = await page("https://shop.example", shown);
      expect([good.status, good.headers.get(allowed)]).toEqual([200, "https://shop.example"]);
      expect(good.headers.get("vary")).toBe("origin");
      const none = await page("https://shop.example");
      expect([none.status, none.headers.get(allowed)]).toEqual([401, "https://shop.example"]);
      expect((await page("https://shop.example", secret)).headers.get(allowed)).toBeNull();
      expect((await page("https://evil.example", shown)).headers.get(allowed)).toBeNull();
      expect((await page("https://evil.example")).status).toBe(403);
      const preflight = (origin: string) =>
        fetch(`${server.url}/sessions`, {
          method: "OPTIONS",
          headers: {
            origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization",
          },
        });
      const asked = await preflight("https://shop.example");
      expect([asked.status, asked.headers.get(allowed)]).toEqual([204, "https://shop.example"]);
      expect(asked.headers.get("access-control-allow-headers")).toContain("authorization");
      expect(asked.headers.get("access-control-allow-credentials")).toBeNull();
      expect((await preflight("https://evil.example")).headers.get(allowed)).toBeNull();
    });
  });
});
