// The audit: who made, changed and refused what is written down with the change itself, read by those it concerns, and never changed.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import type { AuditNote } from "../src/caller/audit.ts";
import { AuditTally } from "../src/caller/audit-tally.ts";
import { commandCaller } from "../src/caller/caller.ts";
import { makeSecret } from "../src/caller/key.ts";
import { newId } from "../src/id.ts";
import { callAs, type MadeKey, makeKey } from "./callers.ts";
import type { ProblemBody } from "./client.ts";
import { engines } from "./engines.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

interface Line {
  id: string;
  at: string;
  project: string | null;
  key_id: string | null;
  action: string;
  target: string | null;
  count: number;
}
interface ListBody {
  data: Line[];
  has_more: boolean;
  last_id: string;
}

describe.each(engines)("the audit on %s", (name, createDatabase) => {
  let server: HttpServer;
  let databaseUrl: string;
  let operator: MadeKey;
  let admin: MadeKey;
  const tallyMs = 60_000_000;
  beforeAll(async () => {
    databaseUrl = await createDatabase();
    server = await startHttp({ databaseUrl, settings: { REQUIRE_KEY: "yes" }, times: { tallyMs } });
    operator = await makeKey(server.store, { scopes: ["operator"] });
    admin = await makeKey(server.store, { project: "shop", scopes: ["chat", "read", "admin"] });
  });
  afterAll(() => server.stop());

  const read = async (query = "", by = admin.secret) =>
    (await callAs<ListBody>(by, `${server.url}/audit?limit=100&${query}`)).body.data;
  const told = ({ action, project, key_id, target, count }: Line) => ({ action, project, key_id, target, count });

  test("a key's life is there from its making to its end, with whoever did it", async () => {
    const send = <T>(path: string, method: string, body?: object) =>
      callAs<T>(admin.secret, `${server.url}/keys${path}`, method, body);
    const { id, secret } = (await send<{ id: string; secret: string }>("", "POST", { name: "words nobody keeps" }))
      .body;
    await send(`/${id}`, "PATCH", { disabled: false });
    await send(`/${id}/rotate`, "POST", {});
    await send(`/${id}`, "DELETE");
    const lines = (await read()).filter(({ target }) => target === id);
    expect(lines.map(told)).toEqual(
      ["key.deleted", "key.rotated", "key.changed", "key.created"].map((action) => {
        return { action, project: "shop", key_id: admin.id, target: id, count: 1 };
      }),
    );
    const text = JSON.stringify(await read("", operator.secret));
    for (const never of ["words nobody keeps", secret, secret.slice(0, 9)]) expect(text).not.toContain(never);
  });

  test("a change that is refused leaves no line, and one is never without its change", async () => {
    const before = await read("", operator.secret);
    const refused = await callAs(admin.secret, `${server.url}/keys`, "POST", { name: "x", scopes: ["operator"] });
    expect(refused.status).toBe(403);
    const missing = await callAs(admin.secret, `${server.url}/keys/${newId()}`, "PATCH", { name: "y" });
    expect(missing.status).toBe(404);
    expect(await read("", operator.secret)).toEqual(before);
  });

  test("a key's first use is told once", async () => {
    const key = await makeKey(server.store, { project: "shop" });
    for (const at of [1_000, 2_000, 3_000]) await server.store.touchKeys([{ id: key.id, at }]);
    const lines = (await read("action=key.used")).filter(({ target }) => target === key.id);
    expect(lines.map(({ at, ...line }) => [at, told({ at, ...line })])).toEqual([
      ["1970-01-01T00:00:01.000Z", { action: "key.used", project: "shop", key_id: key.id, target: key.id, count: 1 }],
    ]);
  });

  test("projects are told to operators and to their own admins; nobody sees another project's", async () => {
    await callAs(operator.secret, `${server.url}/projects`, "POST", { id: "den" });
    await callAs(operator.secret, `${server.url}/projects/den`, "PATCH", { name: "The den" });
    const of = (lines: Line[]) => lines.filter(({ project }) => project === "den").map(({ action }) => action);
    expect(of(await read("", operator.secret))).toEqual(["project.changed", "project.created"]);
    const own = await makeKey(server.store, { project: "den", scopes: ["admin"] });
    expect(of(await read("", own.secret))).toEqual(["key.created", "project.changed", "project.created"]);
    expect(of(await read("project=den"))).toEqual([]);
    expect((await read("project=den")).every(({ project }) => project === "shop")).toBe(true);
    const bound = await makeKey(server.store, { project: "shop", user: "anna", scopes: ["admin"] });
    await callAs(bound.secret, `${server.url}/keys`, "POST", { name: "hers", scopes: ["admin"] });
    expect((await read("", bound.secret)).map(({ key_id }) => key_id)).toEqual([bound.id]);
    const narrow = await makeKey(server.store, { project: "shop" });
    expect((await callAs<ProblemBody>(narrow.secret, `${server.url}/audit`)).status).toBe(403);
  });

  test("pages by key, filters by action and time", async () => {
    const all = await read("", operator.secret);
    const walked: Line[] = [];
    for (let after = ""; ; ) {
      const page = await callAs<ListBody>(operator.secret, `${server.url}/audit?limit=2${after}`);
      walked.push(...page.body.data);
      if (!page.body.has_more) break;
      after = `&after=${page.body.last_id}`;
    }
    expect(walked).toEqual(all);
    expect(all.map(({ id }) => id)).toEqual(
      all
        .map(({ id }) => id)
        .toSorted()
        .reverse(),
    );
    const made = await read("action=key.created", operator.secret);
    expect(made).toEqual(all.filter(({ action }) => action === "key.created"));
    expect(await read("from=1970-01-01T00:00:00Z&to=1970-01-01T00:00:02Z", operator.secret)).toHaveLength(1);
    expect((await callAs(operator.secret, `${server.url}/audit?action=nothing`)).status).toBe(422);
  });

  test("lines cannot be changed or taken away, not even by whoever has the database", async () => {
    const before = await read("", operator.secret);
    for (const sql of ["UPDATE audit SET count = 99", "DELETE FROM audit"]) {
      const refused = name === "SQLite" ? onSqlite(databaseUrl, sql) : await onPostgres(databaseUrl, sql);
      expect(refused).toContain("never changed");
    }
    expect(await read("", operator.secret)).toEqual(before);
  });

  test("a user's name is not kept: the same hash stands for it each time, another one in another project", async () => {
    const note = (project: string, user: string): AuditNote => {
      return { at: 5, project, keyId: null, action: "budget.changed", target: `user:${user}`, count: 1 };
    };
    await server.store.noteAudit([note("shop", "Solomiia"), note("shop", "Solomiia"), note("den", "Solomiia")]);
    const lines = await read("action=budget.changed", operator.secret);
    const [other, again, first] = lines.map(({ target }) => target);
    expect(first).toMatch(/^user:person-[0-9a-f]{24}$/);
    expect([again, other === first]).toEqual([first!, false]);
    expect(JSON.stringify(lines)).not.toContain("Solomiia");
  });

  test("a flood of wrong keys is a handful of lines with their number", async () => {
    const flood = await startHttp({
      databaseUrl: await createDatabase(),
      settings: { REQUIRE_KEY: "yes" },
      times: { tallyMs },
    });
    const expired = await makeKey(flood.store, { project: "shop", expiresAt: 1 });
    for (let tries = 0; tries < 50; tries++) {
      expect((await callAs(makeSecret(), `${flood.url}/sessions`)).status).toBe(401);
      expect((await callAs(expired.secret, `${flood.url}/sessions`)).status).toBe(401);
    }
    expect((await callAs("a.b.c", `${flood.url}/sessions`)).status).toBe(401);
    const { store } = flood;
    const list = (action: "key.refused" | "token.refused") => store.listAudit(commandCaller, { limit: 100, action });
    expect((await list("key.refused")).data).toEqual([]); // the minute is not over
    await flood.tally.close();
    const refused = (await list("key.refused")).data.map(({ project, target, count }) => ({ project, target, count }));
    expect(refused.toSorted((a, b) => (a.project === null ? 1 : -1) - (b.project === null ? 1 : -1))).toEqual([
      { project: "shop", target: expired.id, count: 50 },
      { project: null, target: null, count: 50 },
    ]);
    expect((await list("token.refused")).data.map(({ count }) => count)).toEqual([1]);
    await flood.stop();
  });
});

test("however many different keys are refused in a minute, the lines are few, and none is uncounted", async () => {
  const written: AuditNote[] = [];
  const store = {
    noteAudit: async (notes: readonly AuditNote[]) => void written.push(...notes),
    listAudit: () => Promise.reject(new Error("not asked here")),
  };
  const tally = new AuditTally(store, () => 7, 60_000_000);
  for (let n = 0; n < 1_000; n++)
    tally.count({ action: "key.refused", project: "shop", keyId: null, target: `key ${n % 100}` });
  tally.count({ action: "token.created", project: "shop", keyId: "k", target: "k" });
  await tally.close();
  expect(written.length).toBeLessThan(25);
  expect(written.reduce((sum, { count }) => sum + count, 0)).toBe(1_001);
  expect(written.find(({ target }) => target === "key 3")?.count).toBe(10);
  expect(written.find(({ project }) => project === null)?.count).toBe(800);
});

/** What the engine says against it. */
function onSqlite(url: string, sql: string): string {
  const database = new DatabaseSync(url.slice("sqlite:".length));
  try {
    database.exec(sql);
    return "";
  } catch (cause) {
    return String(cause);
  } finally {
    database.close();
  }
}

async function onPostgres(url: string, sql: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const said = await client.query(sql).then(
    () => "",
    (cause) => String(cause),
  );
  await client.end();
  return said;
}
