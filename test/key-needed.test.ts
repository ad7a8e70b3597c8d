// When a key is needed and when not, and what a key or token counts where none is.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandCaller } from "../src/caller/caller.ts";
import { newId } from "../src/id.ts";
import { bearing, callAs, makeKey } from "./callers.ts";
import { call, eventually, newSession, type SessionBody } from "./client.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

interface ListBody<T> {
  data: T[];
}

describe("where no key is needed", () => {
  let server: HttpServer;
  beforeAll(async () => {
    server = await startHttp({ settings: { CORS_ORIGINS: "https://shop.example" } });
  });
  afterAll(() => server.stop());

  test("a dummy is no hindrance, a known key counts, and one that is no longer good is refused", async () => {
    const { secret, id } = await makeKey(server.store, { project: "elsewhere", scopes: ["read"] });
    await newSession(server.url, { title: "of default" });
    const count = async (headers: Record<string, string>) =>
      (await call<ListBody<SessionBody>>(`${server.url}/sessions`, "GET", undefined, headers)).body.data?.length;
    const dummies = ["Bearer sk-dummy", `Bearer rz-${"x".repeat(43)}`, "Bearer a.b.c", "Basic YTpi", "Bearer", ""];
    for (const authorization of dummies)
      expect([authorization, await count({ authorization })]).toEqual([authorization, 1]);
    expect(await count(bearing(secret))).toBe(0);
    expect((await callAs(secret, `${server.url}/sessions`, "POST", {})).status).toBe(403);
    await server.store.deleteKey(commandCaller, id, Date.now());
    const status = async () => (await callAs(secret, `${server.url}/sessions`)).status;
    await eventually(status, (seen) => seen === 401, 5_000);
    expect((await call(`${server.url}/keys/me`, "GET")).status).toBe(404);
    const me = { by: "none", key_needed: false, project: "default", key_id: null, scopes: ["operator"] };
    expect((await call(`${server.url}/me`, "GET")).body).toMatchObject(me);
  });

  test("a page of a named site is nobody without a token, though a visitor of this machine would be the operator", async () => {
    const headers = { origin: "https://shop.example", "sec-fetch-site": "cross-site" };
    expect((await call(`${server.url}/sessions`, "GET", undefined, headers)).status).toBe(401);
    expect((await call(`${server.url}/keys`, "POST", { name: "x" }, headers)).status).toBe(401);
    expect(
      (await call<{ code: string }>(`${server.url}/keys`, "POST", { name: "x", scopes: ["operator"] })).status,
    ).toBe(403);
  });
});

describe("whether a key is needed", () => {
  const cases: [Record<string, string>, number][] = [
    [{}, 200],
    [{ REQUIRE_KEY: "yes" }, 401],
    [{ ALLOWED_HOSTS: "chat.example" }, 401],
    [{ HOST: "0.0.0.0" }, 401],
    [{ HOST: "0.0.0.0", INSECURE_NO_AUTH: "yes" }, 200],
    [{ ALLOWED_HOSTS: "chat.example", INSECURE_NO_AUTH: "yes" }, 200],
    [{ REQUIRE_KEY: "yes", INSECURE_NO_AUTH: "yes" }, 200],
  ];
  test.each(cases)("%p: %d; health, page and document answer everybody", async (settings, expected) => {
    const server = await startHttp({ settings });
    const url = `http://127.0.0.1:${server.port}`;
    const status = async (path: string) => (await fetch(`${url}${path}`)).status;
    expect(await status("/sessions")).toBe(expected);
    expect(server.lacksKey).toBe(expected === 401);
    for (const path of ["/healthz", "/readyz", "/", "/openapi.json"])
      expect([path, await status(path)]).toEqual([path, 200]);
    // A key is no pass for another's page: without one the host must be ours.
    const foreign = { headers: { host: "evil.example" } };
    expect((await fetch(`${url}/sessions`, foreign)).status).toBe(403);
    const { secret } = await makeKey(server.store);
    const known = { headers: { host: "evil.example", ...bearing(secret) } };
    const ask = async () => (await fetch(`${url}/sessions`, known)).status;
    expect(await ask()).toBe(200);
    expect((await callAs(secret, `${url}/sessions/${newId()}`)).status).toBe(404);
    await server.stop();
  });
});

test("neither a key's secret nor a token stands in the database's files", async () => {
  const folder = mkdtempSync(join(tmpdir(), "rozmova-keys-"));
  const server = await startHttp({
    databaseUrl: `sqlite:${join(folder, "rozmova.db")}`,
    settings: { REQUIRE_KEY: "yes" },
  });
  const scopes = ["chat", "read", "admin"] as const;
  const { secret } = await makeKey(server.store, { scopes: [...scopes] });
  const made = (await callAs<{ secret: string }>(secret, `${server.url}/keys`, "POST", { name: "seen in the file" }))
    .body.secret;
  const { token } = (await callAs<{ token: string }>(secret, `${server.url}/tokens`, "POST", { user: "x" })).body;
  const files = readdirSync(folder).filter((name) => !name.endsWith(".lock"));
  const bytes = files.map((name) => readFileSync(join(folder, name)).toString("latin1")).join("");
  expect(bytes).toContain("seen in the file");
  for (const hidden of [secret, made, token, token.split(".")[2]!]) expect(bytes.includes(hidden)).toBe(false);
  await server.stop();
  rmSync(folder, { recursive: true });
});
