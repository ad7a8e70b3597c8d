// Budgets over HTTP: set, spent, refused, raised, and what a turn is sent and told under them.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Emulator } from "../emulator/emulator.ts";
import { callAs, type MadeKey, makeKey } from "./callers.ts";
import { type AnswerBody, type Answered, call, newSession, type ProblemBody, readReceipt, say } from "./client.ts";
import { testClock } from "./clock.ts";
import { engines } from "./engines.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

interface BudgetBody {
  scope: string;
  window: string;
  models: string[] | null;
  limit: string;
  settled: string;
  held: string;
  left: string;
  beyond: string;
  starts_at: string | null;
  resets_at: string | null;
  soft: number | null;
}
interface ListBody {
  object: "list";
  data: BudgetBody[];
  has_more: boolean;
}

describe.each(engines)("budgets on %s", (_name, createDatabase) => {
  let server: HttpServer;
  let emulator: Emulator;
  let scope: string;
  let sessionId: string;
  beforeAll(async () => {
    server = await startHttp({ databaseUrl: await createDatabase() });
    ({ emulator } = server);
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    sessionId = (await newSession(server.url)).id;
    scope = `session:${sessionId}`;
  });

  const at = (of: string, end = "") => `${server.url}/budgets/${encodeURIComponent(of)}${end}`;
  const put = (limits: object[], of = scope, more = {}) => call<ListBody>(at(of), "PUT", { limits, ...more });
  const look = async (of = scope) =>
    (await call<ListBody>(`${server.url}/budgets?scope=${encodeURIComponent(of)}`, "GET")).body.data;
  const ask = (body: object = {}) => say(server.url, sessionId, { content: "hello", ...body });
  const sentTokens = () => {
    const { generationConfig } = emulator.generateCalls().at(-1)!.body as {
      generationConfig?: { maxOutputTokens?: number };
    };
    return generationConfig?.maxOutputTokens;
  };
  const problem = (answer: Answered<AnswerBody>) => answer.body as unknown as ProblemBody & Record<string, unknown>;

  test("a turn settles what its receipt says, and nothing stays held", async () => {
    const made = await put(
      [
        { window: "day", usd: "2.50" },
        { window: "total", usd: 3 },
      ],
      scope,
      { soft: 0.5 },
    );
    expect(made.status).toBe(200);
    expect(made.body.data[0]).toMatchObject({
      ...{ scope, window: "day", models: null, limit: "2.5", settled: "0", held: "0", left: "2.5" },
      soft: 0.5,
    });
    const day = new Date(testClock()).toISOString().slice(0, 10);
    expect(made.body.data.map(({ starts_at, resets_at }) => [starts_at, resets_at])).toEqual([
      [`${day}T00:00:00.000Z`, new Date(Date.parse(day) + 86_400_000).toISOString()],
      [null, null],
    ]);
    const answer = await ask();
    expect(answer.status).toBe(201);
    expect(sentTokens()).toBe(65_536);
    const { total } = await readReceipt(server.url, answer.body.turn.id);
    for (const { settled, held, beyond } of await look()) expect([settled, held, beyond]).toEqual([total!, "0", "0"]);
  });

  test("what was granted is what is sent, and the turn says so; too little left is 402 with the figures, and nothing is sent", async () => {
    await put([{ window: "total", usd: "0.002" }]);
    const answer = await ask();
    expect(answer.status).toBe(201);
    const tokens = sentTokens()!;
    expect(tokens).toBeLessThan(801);
    expect(tokens).toBeGreaterThan(700);
    expect(answer.body.turn.notices).toEqual([
      {
        code: "output_shortened",
        detail: `What is left of the budget allows an answer of ${tokens} tokens at most, instead of 65536.`,
      },
    ]);
    await put([{ window: "total", usd: "0.0003" }]);
    const before = emulator.callCount;
    const refused = await ask();
    expect(refused.status).toBe(402);
    const [budget] = await look();
    const { limit, settled, held, left } = budget!;
    expect(problem(refused)).toMatchObject({
      code: "budget_exceeded",
      scope,
      window: "total",
      limit,
      settled,
      held,
      left,
      resets_at: null,
    });
    expect(Number(problem(refused).needed)).toBeGreaterThan(256 * 2.5e-6);
    expect(emulator.callCount).toBe(before);
    // Who asks for less than is usual may have it.
    await put([{ window: "total", usd: "0.002" }]);
    expect((await ask({ params: { max_output_tokens: 10 } })).status).toBe(201);
    expect(sentTokens()).toBe(10);
  });

  test("an addition counts at once, and the limit falls back when it is over", async () => {
    await put([{ window: "day", usd: "0" }]);
    expect((await ask()).status).toBe(402);
    const until = new Date(testClock() + 3_600_000).toISOString();
    const raised = await call<ListBody>(at(scope, "/increase"), "POST", { usd: "0.5", until });
    expect(raised.body.data[0]).toMatchObject({ limit: "0.5", increases: [{ usd: "0.5", until }] });
    expect((await ask()).status).toBe(201);
    const past = await call<ProblemBody>(at(scope, "/increase"), "POST", { usd: "0.5", until: "2020-01-01T00:00:00Z" });
    expect([past.status, past.body.errors?.[0]?.pointer]).toEqual([422, "/until"]);
    expect((await call(at(scope), "DELETE")).status).toBe(204);
    expect(await look()).toEqual([]);
    expect((await call(at(scope), "DELETE")).status).toBe(404);
    expect((await call(at(scope, "/increase"), "POST", { usd: "1", until })).status).toBe(404);
  });

  test("If-Match refuses a change of limits that another has changed since; what is spent is no change", async () => {
    await put([{ window: "day", usd: "1" }]);
    const tag = async () => {
      const answer = await fetch(`${server.url}/budgets?scope=${scope}`);
      return answer.headers.get("etag")!;
    };
    const first = await tag();
    expect(first).toMatch(/^"v\d{1,15}"$/);
    await ask();
    expect(await tag()).toBe(first);
    const until = new Date(testClock() + 3_600_000).toISOString();
    const limits = [{ window: "day", usd: "2", increases: [{ usd: "0.5", until }] }];
    const change = async (method: string, path: string, body: object | undefined, ifMatch: string) => {
      const headers = { "content-type": "application/json", "if-match": ifMatch };
      return await fetch(path, { method, headers, body: body ? JSON.stringify(body) : null });
    };
    const made = await change("PUT", at(scope), { limits }, first);
    expect([made.status, made.headers.get("etag")]).toEqual([200, await tag()]);
    expect((await look())[0]).toMatchObject({ limit: "2.5", increases: [{ usd: "0.5", until }] });
    for (const [method, path, body] of [
      ["PUT", at(scope), { limits }],
      ["POST", at(scope, "/increase"), { usd: "1", until }],
      ["DELETE", at(scope), undefined],
    ] as const) {
      const refused = await change(method, path, body, first);
      expect([refused.status, ((await refused.json()) as ProblemBody).code]).toEqual([412, "version_mismatch"]);
    }
    expect((await look())[0]).toMatchObject({ limit: "2.5" });
    expect((await change("DELETE", at(scope), undefined, `${first}, ${await tag()}`)).status).toBe(204);
  });

  test("it holds for the very next turn in a process that thought there was none, and the conversation is remembered over a refusal", async () => {
    await ask({ content: "remember the word borscht" });
    await put([{ window: "day", usd: "0" }]);
    expect((await ask()).status).toBe(402);
    await put([{ window: "day", usd: "1" }]);
    await ask({ content: "what was it?" });
    expect(JSON.stringify(emulator.generateCalls().at(-1)!.body)).toContain("borscht");
    expect(
      (await call<{ data: unknown[] }>(`${server.url}/sessions/${sessionId}/history`, "GET")).body.data,
    ).toHaveLength(4);
  });

  test("a fork, a stream and a stopped turn are within the budget too", async () => {
    const first = await ask();
    await put([{ window: "day", usd: "1" }]);
    const fork = await ask({ parent_id: first.body.reply.id });
    const root = await ask({ parent_id: null });
    expect([fork.status, root.status, (await ask({ parent_id: first.body.message.id })).status]).toEqual([
      201, 201, 422,
    ]);
    const costs = await Promise.all([first, fork, root].map(({ body }) => readReceipt(server.url, body.turn.id)));
    const pico = costs.reduce((sum, { total }) => sum + Math.round(Number(total) * 1e12), 0);
    expect(Math.round(Number((await look())[0]!.settled) * 1e12)).toBe(pico);
    await put([{ window: "day", usd: "0" }]);
    expect((await ask({ stream: true })).status).toBe(402);
  });

  test("a call that broke after it was sent is made again only where the budget holds another one", async () => {
    await put([{ window: "total", usd: "0.002" }]); // one call's answer shortened: no second one
    emulator.play({ fault: "reset-early" }, { fault: "reset-early" });
    const before = emulator.callCount;
    const broken = await ask();
    expect([broken.status, problem(broken).code]).toEqual([503, "provider_unavailable"]);
    expect(emulator.callCount - before).toBe(1);
    emulator.reset();
    const [after] = await look();
    expect([after!.held, after!.beyond]).toEqual(["0", "0"]);
    expect(Number(after!.settled)).toBeGreaterThan(0);
  });

  test("a title is held and settled like a turn, and refused where its worst case does not fit", async () => {
    await ask();
    const title = () => call<ProblemBody>(`${server.url}/sessions/${sessionId}/title`, "POST");
    await put([{ window: "day", usd: "0.0001" }]);
    const before = emulator.callCount;
    const refused = await title();
    expect([refused.status, refused.body.code, emulator.callCount - before]).toEqual([402, "budget_exceeded", 0]);
    await put([{ window: "day", usd: "1" }]);
    emulator.play({ text: "Borscht for two" });
    expect((await title()).status).toBe(200);
    const { body } = await call<{ cost: { total: string } }>(`${server.url}/sessions/${sessionId}`, "GET");
    expect(await look()).toMatchObject([{ settled: body.cost.total, held: "0", beyond: "0" }]);
  });

  test("a soft limit is a notice of the turn, once, and a line of the log", async () => {
    await put([{ window: "day", usd: "1" }], scope, { soft: 0 });
    const codes = async () => (await ask()).body.turn.notices.map(({ code }) => code);
    expect([await codes(), await codes()]).toEqual([["budget_soft_limit"], []]);
    expect(server.logged.filter(({ sentence }) => sentence === "a budget has passed its soft limit")).toHaveLength(1);
  });

  test("a model counts under all its names", async () => {
    await put([{ window: "day", usd: "0", models: ["gemini-2.5-flash"] }]);
    expect((await ask()).status).toBe(402);
    expect((await ask({ model: "gemini-2.5-flash-lite" })).status).toBe(201);
    expect((await look())[0]!.models).toEqual(["gemini-2.5-flash"]);
  });

  test("what is wrong with a budget is said", async () => {
    const wrong = async (body: object, of = scope) => {
      const { status, body: told } = await call<ProblemBody>(at(of), "PUT", body);
      return [status, told.errors?.[0]?.pointer];
    };
    const limit = { window: "day", usd: "1" };
    expect(await wrong({ limits: [] })).toEqual([422, "/limits"]);
    expect(await wrong({ limits: [{ ...limit, window: "year" }] })).toEqual([422, "/limits/0/window"]);
    for (const usd of ["-1", "1e3", "1.0000000000001", "1000001", "", "x", -1, 1e-9, 1e7, null, true])
      expect([usd, ...(await wrong({ limits: [{ window: "day", usd }] }))]).toEqual([usd, 422, "/limits/0/usd"]);
    expect(await wrong({ limits: Array.from({ length: 21 }, () => limit) })).toEqual([422, "/limits"]);
    expect(await wrong({ limits: [limit], soft: 2 })).toEqual([422, "/soft"]);
    for (const none of ["nobody", "user:", "key:x", "session:x", "global:x", `user:${"x".repeat(129)}`, "%"])
      expect([none, ...(await wrong({ limits: [limit] }, none))]).toEqual([none, 404, undefined]);
  });

  describe("who may", () => {
    let admin: MadeKey;
    const as = <T>(secret: string, method: string, path: string, body?: unknown) =>
      callAs<T>(secret, `${server.url}${path}`, method, body);
    const limits = { limits: [{ window: "day", usd: "1" }] };
    beforeAll(async () => {
      admin = await makeKey(server.store, { project: "shop", scopes: ["chat", "read", "admin"] });
    });

    test("a project's admin sets its own; the global one is the operator's, and its figures are too", async () => {
      expect((await as(admin.secret, "PUT", "/budgets/project", limits)).status).toBe(200);
      expect((await as(admin.secret, "PUT", "/budgets/user%3A%D0%90%D0%BD%D0%BD%D0%B0%2F100%25", limits)).status).toBe(
        200,
      );
      const listed = await as<ListBody>(admin.secret, "GET", "/budgets");
      expect(listed.body.data.map((budget) => budget.scope)).toEqual(["project", "user:Анна/100%"]);
      expect((await as(admin.secret, "PUT", "/budgets/global", limits)).status).toBe(403);
      expect((await as(admin.secret, "DELETE", "/budgets/project?project=default")).status).toBe(403);
      await put([{ window: "month", usd: "0" }], "global");
      const chat = await makeKey(server.store, { project: "shop" });
      const session = await as<{ id: string }>(chat.secret, "POST", "/sessions", {});
      const refused = await as<Record<string, unknown>>(chat.secret, "POST", `/sessions/${session.body.id}/messages`, {
        content: "hi",
      });
      expect(refused.status).toBe(402);
      expect(refused.body).toMatchObject({
        scope: "global",
        window: "month",
        limit: null,
        settled: null,
        held: null,
        left: null,
      });
      expect(problem(await ask())).toMatchObject({ scope: "global", limit: "0" });
      expect((await as<ListBody>(admin.secret, "GET", "/budgets?scope=global")).body.data).toEqual([]);
      expect((await call(at("global"), "DELETE")).status).toBe(204);
    });

    test("a key's limits are its budget, on the key and under its scope", async () => {
      const made = await as<{ id: string; secret: string; limits: object[] }>(admin.secret, "POST", "/keys", {
        ...{ name: "limited", limits: [{ window: "day", usd: "0.5" }] },
      });
      expect(made.body.limits).toEqual([{ window: "day", usd: "0.5" }]);
      const { id, secret } = made.body;
      const session = await as<{ id: string }>(secret, "POST", "/sessions", {});
      const talk = () => as<AnswerBody>(secret, "POST", `/sessions/${session.body.id}/messages`, { content: "hi" });
      const { body } = await talk();
      const budgets = async () => (await as<ListBody>(admin.secret, "GET", `/budgets?scope=key:${id}`)).body.data;
      expect((await budgets())[0]!.settled).toBe(body.turn.cost!.total!);
      const changed = await as<{ limits: object[] }>(admin.secret, "PATCH", `/keys/${id}`, {
        limits: [{ window: "day", usd: "0", models: ["gemini-2.5-flash"] }],
      });
      expect(changed.body.limits).toEqual([{ window: "day", usd: "0", models: ["gemini-2.5-flash"] }]);
      expect((await talk()).status).toBe(402);
      const listed = await as<{ data: { id: string; limits: object[] }[] }>(admin.secret, "GET", "/keys");
      expect(listed.body.data.find((key) => key.id === id)?.limits).toEqual(changed.body.limits);
      expect((await as<{ limits: object[] }>(secret, "GET", "/keys/me")).body.limits).toEqual(changed.body.limits);
      await as(admin.secret, "PATCH", `/keys/${id}`, { limits: [] });
      expect([(await talk()).status, await budgets()]).toEqual([201, []]);
    });

    test("a key that is deleted takes its budget with it; what it spent stays in the books", async () => {
      const limited = { name: "limited", limits: [{ window: "total", usd: "0.5" }] };
      const { id, secret } = (await as<{ id: string; secret: string }>(admin.secret, "POST", "/keys", limited)).body;
      const session = await as<{ id: string }>(secret, "POST", "/sessions", {});
      const { body } = await as<AnswerBody>(secret, "POST", `/sessions/${session.body.id}/messages`, { content: "hi" });
      const budgets = async () => (await as<ListBody>(admin.secret, "GET", `/budgets?scope=key:${id}`)).body.data;
      expect(await budgets()).toHaveLength(1);
      expect((await as(admin.secret, "DELETE", `/keys/${id}`)).status).toBe(204);
      expect(await budgets()).toEqual([]);
      const usage = await as<{ data: { key_id: string; cost: { total: string } | string }[] }>(
        admin.secret,
        "GET",
        "/usage?group_by=key",
      );
      const spent = usage.body.data.find((row) => row.key_id === id)!.cost;
      expect(typeof spent === "string" ? spent : spent.total).toBe(body.turn.cost!.total!);
    });

    test("whoever is bound to a user changes none, and sees that user's and its own", async () => {
      const bound = await makeKey(server.store, { project: "shop", user: "olha", scopes: ["chat", "read", "admin"] });
      await as(admin.secret, "PUT", "/budgets/user:olha", limits);
      await as(admin.secret, "PUT", `/budgets/key:${bound.id}`, limits);
      expect((await as(bound.secret, "PUT", "/budgets/user:olha", limits)).status).toBe(403);
      expect((await as(bound.secret, "PATCH", `/keys/${bound.id}`, { limits: [] })).status).toBe(403);
      const { body } = await as<ListBody>(bound.secret, "GET", "/budgets");
      expect(body.data.map((budget) => budget.scope)).toEqual([`key:${bound.id}`, "user:olha"]);
      const actions = await call<{ data: { action: string; target: string }[] }>(
        `${server.url}/audit?project=shop&action=budget.changed`,
        "GET",
      );
      expect(actions.body.data.some(({ target }) => target === `key:${bound.id}`)).toBe(true);
    });
  });
});
