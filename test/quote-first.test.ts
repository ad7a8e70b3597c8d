// A first message priced before there is a session: the same as in one that was made with the same, and nothing is made.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { parseUsd } from "../src/money/money.ts";
import { callAs, makeKey } from "./callers.ts";
import { type Answered, call, newSession, type ProblemBody, say } from "./client.ts";
import { testClock } from "./clock.ts";
import { engines } from "./engines.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

interface QuoteBody {
  input_tokens: number;
  budgets: object[];
}

describe.each(engines)("a first message's quote on %s", (_name, createDatabase) => {
  let server: HttpServer;
  beforeAll(async () => {
    server = await startHttp({ databaseUrl: await createDatabase(), providerMs: 5_000 });
  });
  afterAll(() => server.stop());

  const first = (body: object): Promise<Answered<QuoteBody & ProblemBody>> =>
    call(`${server.url}/quote`, "POST", { content: "What goes into borscht?", ...body });

  test("it is priced before there is a session, and is then what it was priced as", async () => {
    const asked = { content: "What goes into borscht?" };
    const begins = { system: "You are a cook.", params: { max_output_tokens: 300 } };
    const { data: before } = await server.store.listSessions("default", { limit: 5, deleted: false });
    const { status, body } = await first(begins);
    expect(status).toBe(200);
    expect(body).toMatchObject({ accuracy: "exact", accepted: true, max_output_tokens: 300, cached_tokens_likely: 0 });
    expect((await server.store.listSessions("default", { limit: 5, deleted: false })).data).toEqual(before);
    const session = await newSession(server.url, begins);
    expect((await call<QuoteBody>(`${server.url}/sessions/${session.id}/quote`, "POST", asked)).body).toEqual(body);
    const { body: answer } = await say(server.url, session.id, asked);
    expect(answer.turn.usage?.input_tokens).toBe(body.input_tokens);
    expect((await first({ model: "nobody-priced-this" })).body).toMatchObject({ reason: "unpriced_model" });
    expect((await first({ params: { temperature: 9 } })).status).toBe(422);
    expect((await first({ parent_id: null })).status).toBe(422);
  });

  test("it has the budgets that concern the caller, who sees them before asking for anything", async () => {
    const hanna = await makeKey(server.store, { user: "hanna" });
    const of = (scope: string) => ({ project: "default", scope });
    const limits = [{ window: "day" as const, limit: parseUsd("5"), models: null, names: null }];
    await server.store.putBudgets(of("user:hanna"), limits, null, null, testClock());
    const asHanna = (path: string, body?: object) =>
      callAs<QuoteBody>(hanna.secret, `${server.url}${path}`, body ? "POST" : "GET", body);
    const { body: hers } = await asHanna("/quote", { content: "hi" });
    expect(hers.budgets).toMatchObject([{ scope: "user:hanna", left: "5" }]);
    // What concerns her is hers to see before she asks for anything.
    expect((await asHanna("/me")).body.budgets).toEqual(hers.budgets);
    expect((await call<QuoteBody>(`${server.url}/me`, "GET")).body.budgets).toEqual([]);
    // With a session also those of that session, and of nobody else's.
    const { id } = (await asHanna("/sessions", {})).body as unknown as { id: string };
    await server.store.putBudgets(of(`session:${id}`), limits, null, null, testClock());
    const ofSession = (await asHanna(`/sessions/${id}/budgets`)).body as unknown as { data: QuoteBody["budgets"] };
    expect(ofSession.data).toMatchObject([{ scope: `session:${id}` }, { scope: "user:hanna" }]);
    expect((await asHanna("/me")).body.budgets).toEqual(hers.budgets);
    const made = await callAs<{ token: string }>(hanna.secret, `${server.url}/tokens`, "POST", {
      ...{
        user: "hanna",
        sessions: [(await asHanna("/sessions", {})).body].map((one) => (one as unknown as { id: string }).id),
      },
    });
    expect((await callAs<ProblemBody>(made.body.token, `${server.url}/quote`, "POST", { content: "hi" })).status).toBe(
      403,
    );
  });
});
