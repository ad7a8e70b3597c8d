// A remembered key: what the cookie says, whose requests it counts for, and when it counts for nothing.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { commandCaller } from "../src/caller/caller.ts";
import { bearing, type MadeKey, makeKey } from "./callers.ts";
import { call, eventually, type ProblemBody } from "./client.ts";
import { testClock } from "./clock.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

let server: HttpServer;
let key: MadeKey;
beforeAll(async () => {
  server = await startHttp({
    settings: { REQUIRE_KEY: "yes", CORS_ORIGINS: "https://shop.example", ALLOWED_HOSTS: "chat.example" },
  });
  key = await makeKey(server.store, { user: "olena" });
});
afterAll(() => server.stop());

const own = () => ({ origin: server.url, "sec-fetch-site": "same-origin" });
const signIn = (secret: string, headers: Record<string, string> = own()) =>
  call<ProblemBody>(`${server.url}/sign-in`, "POST", { key: secret }, headers);
const ask = (cookie: string, headers: Record<string, string> = own(), method = "GET") =>
  call<{ id?: string; code?: string }>(`${server.url}/keys/me`, method, undefined, { cookie, ...headers });
const cookieOf = (secret: string) => `theme=dark; rozmova_key=${secret}; other=1`;

test("a good key is kept in a cookie that no script reads and no other site sends, and opens what the key opens", async () => {
  const { status, headers } = await signIn(key.secret);
  expect(status).toBe(204);
  const cookie = headers.get("set-cookie")!;
  expect(cookie).toBe(`rozmova_key=${key.secret}; Max-Age=2592000; HttpOnly; SameSite=Strict`);
  expect(headers.get("cache-control")).toBe("no-store");
  const me = await ask(cookie.split(";")[0]!);
  expect(me.body.id).toBe(key.id);
  expect((await ask(cookieOf(key.secret))).body.id).toBe(key.id);
});

test("over https it is for https alone, and it is kept no longer than the key is good", async () => {
  const soon = await makeKey(server.store, { expiresAt: testClock() + 3_600_000 });
  const behindProxy = { host: "chat.example", origin: "https://chat.example", "sec-fetch-site": "same-origin" };
  const cookie = (await signIn(soon.secret, behindProxy)).headers.get("set-cookie")!;
  expect(cookie).toEndWith("; HttpOnly; SameSite=Strict; Secure");
  expect(Number(/Max-Age=(\d+)/.exec(cookie)![1])).toBeWithin(3_500, 3_601);
});

test("what is no key, or a key no longer, signs nobody in", async () => {
  const over = await makeKey(server.store, { expiresAt: testClock() - 1 });
  for (const secret of [`rz-${"x".repeat(43)}`, "hello", over.secret, `${key.secret};x`]) {
    const { status, headers } = await signIn(secret);
    expect([secret, status, headers.get("set-cookie")]).toEqual([secret, 401, null]);
  }
  expect((await call<ProblemBody>(`${server.url}/sign-in`, "POST", { key: "" }, own())).status).toBe(422);
  expect((await call<ProblemBody>(`${server.url}/sign-in`, "POST", {}, own())).status).toBe(422);
});

test("no other site's page signs anybody in or out, or has the cookie count", async () => {
  const others: Record<string, string>[] = [
    { origin: "https://evil.example", "sec-fetch-site": "cross-site" },
    { origin: "https://shop.example", "sec-fetch-site": "cross-site" },
    { origin: "null", "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { origin: "https://evil.example" },
    { host: "evil.example" },
  ];
  for (const headers of others) {
    expect([headers, (await signIn(key.secret, headers)).status]).toEqual([headers, 403]);
    const out = await call(`${server.url}/sign-in`, "DELETE", undefined, headers);
    expect([headers, out.status, out.headers.get("set-cookie")]).toEqual([headers, 403, null]);
    const { status, body } = await ask(cookieOf(key.secret), headers);
    expect([401, 403]).toContain(status);
    expect(body.id).toBeUndefined();
  }
  // With a key of its own in the header the request is that key's; a foreign page gets no cookie for it all the same.
  expect((await signIn(key.secret, { ...others[0], ...bearing(key.secret) })).status).toBe(403);
});

test("a key that is shown goes before the one that is remembered", async () => {
  const other = await makeKey(server.store, { user: "bohdan" });
  const me = await ask(cookieOf(key.secret), { ...own(), ...bearing(other.secret) });
  expect(me.body.id).toBe(other.id);
});

test("a remembered key that is deleted opens nothing more, and the browser is asked for another one", async () => {
  const gone = await makeKey(server.store, {});
  expect((await ask(cookieOf(gone.secret))).body.id).toBe(gone.id);
  await server.store.deleteKey(commandCaller, gone.id, testClock());
  const status = async () => (await ask(cookieOf(gone.secret))).status;
  await eventually(status, (seen) => seen === 401, 5_000);
});

test("signing out empties the cookie, as often as one likes", async () => {
  for (let time = 0; time < 2; time++) {
    const { status, headers } = await call(`${server.url}/sign-in`, "DELETE", undefined, own());
    expect([status, headers.get("set-cookie")]).toEqual([204, "rozmova_key=; Max-Age=0; HttpOnly; SameSite=Strict"]);
  }
});
