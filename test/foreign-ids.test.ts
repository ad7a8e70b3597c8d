// Invariant 8, over HTTP: every route with every kind of foreign id, from every kind of caller that may not see it, reads as if there
// were nothing; and every route without its scope is refused. Made from the OpenAPI document: a route without a row fails.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Scope } from "../src/caller/scope.ts";
import { newId } from "../src/id.ts";
import { callAs, type MadeKey, makeKey } from "./callers.ts";
import { type AnswerBody, call, eventually, type ProblemBody, type SessionBody, type TurnBody } from "./client.ts";
import { engines } from "./engines.ts";
import { bodies, fileOf } from "./foreign-bodies.ts";
import { foreignMessages, foreignScopes } from "./foreign-scopes.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";
import { operations, routes } from "./openapi-check.ts";

/** One of each kind of thing that belongs to Anna, or nobody's ids in their places. */
interface Ids {
  session: string;
  running: string;
  trashed: string;
  question: string;
  answer: string;
  turn: string;
  runningTurn: string;
  key: string;
  /** Used by Anna with the very request that the row sends. */
  idempotencyKey: string;
  project: string;
  user: string;
  /** A word that only her sessions hold. */
  word: string;
}
interface Row {
  what: string;
  path?: (ids: Ids) => string;
  body?: (ids: Ids) => unknown;
  headers?: (ids: Ids) => Record<string, string>;
  /** Default 404. Whatever it is, nobody's ids are answered alike. */
  status?: number;
  /** For a caller that is bound to another user. */
  bound?: number;
  /** A cursor is a place in time, whoever made it: what differs by it is the stranger's own. */
  isPlace?: true;
}

const kinds = ["session", "running", "trashed", "question", "answer", "turn", "runningTurn", "key"] as const;
const title = "Anna's own";
const question = { content: "kryptonite question" };
const copy = () => "/sessions/import?copy=true";
/** What each route can be asked about others, beside an id in its path: rows for that are made for every kind of id. */
const rows: Record<string, Row[]> = {
  createSession: [
    { what: "an idempotency key", body: () => ({ title }), headers: keyFor(), status: 201 },
    { what: "an idempotency key, other body", body: () => ({ title: "x" }), headers: keyFor(" again"), status: 201 },
  ],
  listSessions: [
    { what: "a cursor", path: (ids) => `/sessions?after=${ids.session}`, status: 200, isPlace: true },
    {
      what: "a cursor as made",
      path: (ids) => `/sessions?after=${ids.session}&order=created`,
      status: 200,
      isPlace: true,
    },
    { what: "pinned ones", path: (ids) => `/sessions?pinned=true&user=${ids.user}`, status: 200 },
    { what: "a cursor before", path: (ids) => `/sessions?before=${ids.trashed}`, status: 200, isPlace: true },
    { what: "the trash", path: (ids) => `/sessions?deleted=true&user=${ids.user}`, status: 200 },
    { what: "a user", path: (ids) => `/sessions?user=${ids.user}`, status: 200 },
    { what: "a search hit", path: (ids) => `/sessions?q=${ids.word}`, status: 200 },
    { what: "a search hit in the trash", path: (ids) => `/sessions?q=${ids.word}&deleted=true`, status: 200 },
    { what: "a search hit by its beginning", path: (ids) => `/sessions?q=${ids.word.slice(0, 6)}`, status: 200 },
    { what: "a search hit of a user", path: (ids) => `/sessions?q=${ids.word}&user=${ids.user}`, status: 200 },
    { what: "a search's cursor", path: (ids) => `/sessions?q=${ids.word}&after=${ids.session}`, status: 404 },
  ],
  getSession: [],
  changeSession: [
    { what: "a branch", path: (ids) => `/sessions/${ids.session}`, body: (ids) => ({ tip: ids.answer }) },
  ],
  trashSession: kinds.map((kind) => {
    return { what: `the id of ${kind}, to be purged`, path: (ids) => `/sessions/${ids[kind]}?purge=true` };
  }),
  purgeSessions: [
    { what: "a user", path: (ids) => `/sessions?purge=true&user=${ids.user}`, status: 200, bound: 403 },
    {
      what: "a user's trash",
      path: (ids) => `/sessions?purge=true&deleted=true&user=${ids.user}`,
      status: 200,
      bound: 403,
    },
    { what: "the trash", path: () => "/sessions?purge=true&deleted=true", status: 200 },
  ],
  restoreSession: [],
  deleteMessage: ["", "?purge=true"].flatMap(foreignMessages),
  restoreMessage: foreignMessages("/restore"),
  makeTitle: [],
  sendMessage: [
    { what: "an idempotency key", path: inSession, body: () => question, headers: keyFor(" for a message") },
    { what: "a place in line", path: inRunning, body: () => ({ content: "hi", if_busy: "queue" }) },
    { what: "an interruption", path: inRunning, body: () => ({ content: "hi", if_busy: "interrupt" }) },
    { what: "a stream", path: inRunning, body: () => ({ content: "hi", stream: true }) },
    { what: "a version", path: inSession, body: () => ({ content: "hi" }), headers: () => ({ "if-match": '"v1"' }) },
    { what: "a message to follow", path: inSession, body: (ids) => ({ content: "hi", parent_id: ids.answer }) },
  ],
  exportSession: [{ what: "as Markdown", path: (ids) => `/sessions/${ids.session}/export?format=markdown` }],
  quoteFirstMessage: [{ what: "a user", body: (ids) => ({ content: "hi", user: ids.user }), status: 200, bound: 403 }],
  quoteMessage: [], // a message to follow: owners.test.ts
  importSession: [
    { what: "a turn and its messages", body: (ids) => fileOf({ ...ids, session: newId() }), status: 201 },
    { what: "a session", path: copy, body: fileOf, status: 201 },
    {
      what: "an idempotency key, other body",
      path: copy,
      body: fileOf,
      headers: keyFor(" for an import"),
      status: 201,
    },
  ],
  readHistory: [
    { what: "a page", path: (ids) => `/sessions/${ids.session}/history?limit=5&after=${ids.question}` },
    { what: "a branch", path: (ids) => `/sessions/${ids.session}/history?tip=${ids.answer}` },
  ],
  getTurn: [],
  followTurn: [{ what: "the rest of an event stream", path: (ids) => `/turns/${ids.turn}/events?after=1` }],
  stopTurn: [{ what: "a hard stop", path: (ids) => `/turns/${ids.runningTurn}/stop`, body: () => ({ hard: true }) }],
  getReceipt: [],
  listModels: [],
  readUsage: [
    { what: "a project", path: (ids) => `/usage?project=${ids.project}`, status: 200 },
    { what: "users", path: (ids) => `/usage?project=${ids.project}&group_by=user,session,key`, status: 200 },
  ],
  createKey: [],
  listKeys: [
    { what: "a cursor", path: (ids) => `/keys?after=${ids.key}`, status: 200, isPlace: true },
    { what: "a project", path: (ids) => `/keys?project=${ids.project}`, status: 200 },
  ],
  ...{ getCaller: [], listSessionBudgets: [] },
  getOwnKey: [],
  getKey: [],
  changeKey: [],
  rotateKey: [],
  deleteKey: [],
  listBudgets: [
    { what: "a project", path: (ids) => `/budgets?project=${ids.project}`, status: 200 },
    { what: "a session", path: (ids) => `/budgets?scope=session:${ids.session}`, status: 200 },
    { what: "a user", path: (ids) => `/budgets?scope=user:${ids.user}`, status: 200 },
    { what: "a key", path: (ids) => `/budgets?scope=key:${ids.key}`, status: 200 },
    { what: "a place", path: (ids) => `/budgets?after=key:${ids.key}`, status: 200 },
  ],
  putBudget: foreignScopes(""),
  increaseBudget: foreignScopes("/increase"),
  deleteBudget: foreignScopes(""),
  createProject: [],
  listProjects: [],
  changeProject: [],
  createToken: [],
  signIn: [],
  signOut: [],
  listAudit: [
    { what: "a cursor", path: (ids) => `/audit?after=${ids.key}`, status: 200, isPlace: true },
    { what: "a project", path: (ids) => `/audit?project=${ids.project}`, status: 200 },
  ],
  getSeal: [],
  getHealth: [],
  getReadiness: [],
};

function keyFor(what = "") {
  return (ids: Ids) => ({ "idempotency-key": `${ids.idempotencyKey}${what}` });
}
function inSession(ids: Ids): string {
  return `/sessions/${ids.session}/messages`;
}
function inRunning(ids: Ids): string {
  return `/sessions/${ids.running}/messages`;
}

const routeOf = new Map(routes.map((one) => [one.operationId, one]));
const all = operations().map(({ method, path, operation }) => ({
  ...{ method: method.toUpperCase(), path, id: operation.operationId },
  scope: routeOf.get(operation.operationId)!.scope,
  also: routeOf.get(operation.operationId)!.alsoScope,
}));
const rowsOf = ({ id, path }: { id: string; path: string }): Row[] => [
  ...(path.includes("{id}") && id !== "changeProject"
    ? kinds.map((kind) => ({ what: `the id of ${kind}`, path: (ids: Ids) => path.replace("{id}", ids[kind]) }))
    : []),
  ...(rows[id] ?? []),
];

test("every route has its rows", () => {
  expect(Object.keys(rows).toSorted()).toEqual(all.map(({ id }) => id).toSorted());
});

describe.each(engines)("invariant 8 on %s", (_name, createDatabase) => {
  let server: HttpServer;
  let anna: MadeKey;
  let ids: Ids;
  const strangers: Record<string, string> = {};
  const gone = new AbortController();
  /** Held, so that it is not collected and with it the connection. */
  let inLine: Response;

  beforeAll(async () => {
    server = await startHttp({
      databaseUrl: await createDatabase(),
      settings: { REQUIRE_KEY: "yes" },
      providerMs: 120_000,
    });
    const { store, url } = server;
    anna = await makeKey(store, { project: "anna", scopes: ["chat", "read", "admin"], user: null });
    const send = <T>(path: string, body?: unknown, headers = {}) =>
      callAs<T>(anna.secret, `${url}${path}`, "POST", body, headers);
    const make = async (headers = {}) =>
      (await send<SessionBody>("/sessions", { title, user: "hanna" }, headers)).body.id;
    const idempotencyKey = "anna's own key";
    // The very requests that the rows repeat.
    for (const key of [idempotencyKey, `${idempotencyKey} again`])
      await send("/sessions", { title }, { "idempotency-key": key });
    const [session, running, trashed] = [await make(), await make(), await make()];
    const spoken = await send<AnswerBody>(`/sessions/${session}/messages`, question, {
      "idempotency-key": `${idempotencyKey} for a message`,
    });
    expect(spoken.status).toBe(201);
    const file = fileOf({ session: newId(), turn: newId(), question: newId(), answer: newId() });
    expect((await send(copy(), file, { "idempotency-key": `${idempotencyKey} for an import` })).status).toBe(201);
    await send(`/sessions/${trashed}/messages`, { content: "kryptonite in the trash" });
    await callAs(anna.secret, `${url}/sessions/${trashed}`, "DELETE");
    server.emulator.play({ fault: "stall", text: "kryptonite words, then silence", chunks: 6, after: 3 });
    const stream = await fetch(`${url}/sessions/${running}/messages`, {
      method: "POST",
      headers: { authorization: `Bearer ${anna.secret}`, "content-type": "application/json" },
      body: JSON.stringify({ content: "kryptonite running", stream: true }),
    });
    const runningTurn = stream.headers.get("location")!.split("/").at(-1)!;
    await stream.body!.cancel();
    // Then what is known of it stays as it is.
    const turn = () => callAs<TurnBody>(anna.secret, `${url}/turns/${runningTurn}`);
    await eventually(turn, ({ body }) => body.model_served !== null);
    // Somebody waits in her line already: a stranger who got into it would wait as well.
    const waiting = JSON.stringify({ content: "kryptonite waiting", stream: true, if_busy: "queue" });
    inLine = await fetch(`${url}/sessions/${running}/messages`, {
      method: "POST",
      headers: { authorization: `Bearer ${anna.secret}`, "content-type": "application/json" },
      body: waiting,
      signal: gone.signal,
    });
    expect(inLine.status).toBe(200);
    const key = await makeKey(store, { project: "anna", user: "hanna" });
    ids = {
      ...{ session, running, trashed, runningTurn, idempotencyKey, key: key.id, project: "anna", user: "hanna" },
      ...{ question: spoken.body.message.id, answer: spoken.body.reply.id, turn: spoken.body.turn.id },
      word: "kryptonite",
    };
    const scopes: Scope[] = ["chat", "read", "admin"];
    const bohdan = await makeKey(store, { project: "anna", user: "bohdan", scopes });
    strangers["another project's key"] = (await makeKey(store, { project: "other", scopes })).secret;
    strangers["another user's key"] = bohdan.secret;
    const token = (body: object) => send<{ token: string }>("/tokens", body).then(({ body: made }) => made.token);
    strangers["another user's token"] = await token({ user: "bohdan" });
    const other = (await send<SessionBody>("/sessions", { user: "hanna" })).body.id;
    strangers["her own token for another session"] = await token({ user: "hanna", sessions: [other] });
  });
  afterAll(async () => {
    expect(inLine.bodyUsed).toBe(false);
    gone.abort();
    await server.stop();
  });

  const nobody = (): Ids => ({
    ...{ session: newId(), running: newId(), trashed: newId(), question: newId(), answer: newId() },
    ...{ turn: newId(), runningTurn: newId(), key: newId(), idempotencyKey: newId() },
    ...{ project: "nobody", user: "nobody", word: "unheardof" },
  });

  async function ask(secret: string, one: (typeof all)[number], row: Row, of: Ids) {
    const body = row.body ? row.body(of) : bodies[one.id];
    const path = row.path ? row.path(of) : one.path;
    const answer = await callAs<Record<string, unknown>>(
      ...([secret, `${server.url}${path}`, one.method, body, row.headers?.(of)] as const),
    );
    return { status: answer.status, body: told(answer.body) };
  }

  /** Without what differs from one answer to the next. */
  function told(body: unknown): unknown {
    const text = JSON.stringify(body ?? null);
    expect(text).not.toMatch(/kryptonite|Anna's own key/);
    for (const hers of [...kinds.map((kind) => ids[kind]), anna.id, anna.prefix]) expect(text).not.toContain(hers);
    return JSON.parse(text, (name, value) =>
      /^(id|at|first_id|last_id|request_id|created_at|updated_at|active_at)$/.test(name) ? undefined : value,
    );
  }

  /** What Anna sees of all that is hers. */
  const world = async () => {
    const paths = [
      ...["session", "running", "trashed"].map((kind) => `/sessions/${ids[kind as "session"]}`),
      `/sessions/${ids.session}/history`,
      `/turns/${ids.turn}`,
      `/turns/${ids.runningTurn}`,
      `/keys/${ids.key}`,
    ];
    const answers = await Promise.all(paths.map((path) => callAs(anna.secret, `${server.url}${path}`)));
    return answers.map(({ status, body }) => ({ status, body }));
  };

  for (const who of [
    "another project's key",
    "another user's key",
    "another user's token",
    "her own token for another session",
  ]) {
    test(`${who}: every foreign id is as good as none, and nothing of hers changes`, async () => {
      const before = await world();
      expect(before.every(({ status }) => status === 200)).toBe(true);
      const isToken = who.includes("token");
      const isHers = who.startsWith("her own");
      let asked = 0;
      for (const one of all) {
        for (const row of rowsOf(one)) {
          if (isToken && one.scope === "admin") continue; // refused for its scope, below
          if (isHers && ["createSession", "importSession", "purgeSessions", "quoteFirstMessage"].includes(one.id))
            continue; // refused: it begins none, and purges none
          const [real, none] = [
            await ask(strangers[who]!, one, row, ids),
            await ask(strangers[who]!, one, row, nobody()),
          ];
          const place = `${one.id}: ${row.what}`;
          // Her own user's name is no secret from her: the list of that user is the list of the one session.
          if (!row.isPlace && (!isHers || !row.path?.(ids).includes("user=")))
            expect({ place, ...real }).toEqual({ place, ...none });
          const bound = who.startsWith("another user's") ? row.bound : undefined;
          expect({ place, status: real.status }).toEqual({ place, status: bound ?? row.status ?? 404 });
          asked++;
        }
      }
      expect(asked).toBeGreaterThan(isToken ? 85 : 110);
      expect(await world()).toEqual(before);
    });
  }

  test("no key or token is made for what is another's", async () => {
    const other = strangers["another project's key"]!;
    const make = (secret: string, body: object) => callAs<ProblemBody>(secret, `${server.url}/keys`, "POST", body);
    expect((await make(other, { name: "x", project: "anna" })).status).toBe(403);
    expect((await make(other, { name: "x", project: "nobody" })).status).toBe(403);
    expect((await make(strangers["another user's key"]!, { name: "x", user: "hanna" })).status).toBe(403);
    const token = (secret: string, sessions: string[], user = "hanna") =>
      callAs<ProblemBody>(secret, `${server.url}/tokens`, "POST", { user, sessions });
    for (const session of [ids.session, newId()]) {
      expect((await token(other, [session])).status).toBe(404);
      expect((await token(strangers["another user's key"]!, [session], "bohdan")).status).toBe(404);
    }
    expect((await token(strangers["another user's key"]!, [ids.session])).status).toBe(403);
    const session = await callAs<SessionBody>(other, `${server.url}/sessions`, "POST", {});
    const follow = (parent_id: string) =>
      callAs<ProblemBody>(other, `${server.url}/sessions/${session.body.id}/messages`, "POST", {
        content: "hi",
        parent_id,
      });
    const goTo = (tip: string) =>
      callAs<ProblemBody>(other, `${server.url}/sessions/${session.body.id}`, "PATCH", { tip });
    for (const id of [ids.answer, ids.question, newId()]) {
      expect((await follow(id)).body.code).toBe("not_found");
      expect((await goTo(id)).body.code).toBe("not_found");
    }
  });

  test("a scope that is missing is 403 on every route that needs it, and no key is 401", async () => {
    const { store, url } = server;
    const needed = ["chat", "read", "admin", "operator"] as const;
    const holders = new Map<Scope, string>();
    for (const scope of needed)
      holders.set(scope, (await makeKey(store, { scopes: [scope], project: "default" })).secret);
    const whole = (await makeKey(store, { scopes: ["chat", "read", "admin"], project: "default" })).secret;
    const made = (scope: string) =>
      callAs<{ token: string }>(whole, `${url}/tokens`, "POST", { user: "hanna", scopes: [scope] });
    const tokens = { chat: (await made("chat")).body.token, read: (await made("read")).body.token };
    let refused = 0;
    for (const one of all) {
      const at = `${url}${one.path.replace("{id}", newId())}`;
      const status = async (secret: string) => (await callAs(secret, at, one.method, bodies[one.id])).status;
      const anonymous = await call<ProblemBody>(at, one.method, bodies[one.id]);
      if (one.scope === "none") {
        const status = { signIn: 401, signOut: 204 }[one.id] ?? 200;
        expect({ id: one.id, status: anonymous.status }).toEqual({ id: one.id, status });
        continue;
      }
      expect({ id: one.id, status: anonymous.status }).toEqual({ id: one.id, status: 401 });
      expect(anonymous.headers.get("www-authenticate")).toBe("Bearer");
      for (const [scope, secret] of [...holders, ...(Object.entries(tokens) as [Scope, string][])]) {
        const lacks = one.scope !== "any" && ![one.scope, one.also, "operator"].includes(scope);
        const place = `${one.id} with ${scope}`;
        const got = await status(secret);
        if (lacks) expect({ place, got }).toEqual({ place, got: 403 });
        else if (!(one.id === "createToken" && got === 403)) expect({ place, got }).not.toEqual({ place, got: 403 });
        if (lacks) refused++;
      }
    }
    expect(refused).toBeGreaterThan(70);
  });
});
