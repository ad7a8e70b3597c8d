// GET /usage: what the ledger says, added up, at every instant; who sees what; what is refused.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { parseUsd, printUsd } from "../src/money/money.ts";
import { callAs, type MadeKey, makeKey } from "./callers.ts";
import {
  call,
  collect,
  eventually,
  newSession,
  openStream,
  type ProblemBody,
  readReceipt,
  type SessionBody,
  say,
} from "./client.ts";
import { testClock } from "./clock.ts";
import { engines } from "./engines.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";
import { checkAnswer } from "./openapi-check.ts";

interface Sum {
  turns: number;
  calls: number;
  total_tokens: number;
  cost: string | null;
  accuracy: string;
  unpriced_turns: number;
}
type Row = Sum &
  Partial<Record<"project" | "user" | "key_id" | "session_id" | "day" | "vendor" | "model" | "purpose", string | null>>;
interface UsageList {
  from: string;
  to: string;
  tz: string;
  group_by: string[];
  data: Row[];
  total: Sum;
}

const pico = (rows: readonly Sum[]) => rows.reduce((sum, { cost }) => sum + parseUsd(cost ?? "0"), 0n);
const tokens = { promptTokenCount: 10, candidatesTokenCount: 100, totalTokenCount: 110 };

describe.each(engines)("on %s", (_name, createDatabase) => {
  let server: HttpServer;
  beforeAll(async () => {
    server = await startHttp({ databaseUrl: await createDatabase() });
  });
  afterAll(() => server.stop());

  async function read(query = ""): Promise<UsageList> {
    const { status, body } = await call<UsageList>(`${server.url}/usage${query}`, "GET");
    expect([status, body]).toEqual([200, expect.anything()]);
    checkAnswer("GET", "/usage", 200, body);
    return body;
  }

  test("sums equal the ledger to the picodollar while turns, stops, faults and late bills go on", async () => {
    let going = true;
    const stopped: string[] = [];
    const work = async (one: number) => {
      const session = await newSession(server.url, { user: `user ${one % 3}` });
      for (let round = 0; round < 6; round++) {
        const kind = (one + round) % 4;
        if (kind === 0) await say(server.url, session.id, { content: "hi" });
        if (round > 0 && round % 2 === 0) await call(`${server.url}/sessions/${session.id}/title`, "POST", {});
        if (kind === 1) await say(server.url, session.id, { content: "hi", model: "gemini-2.5-pro" });
        if (kind === 2) await collect(await openStream(server.url, session.id, { content: "hi" })).catch(() => {}); // refused
        if (kind === 3) {
          const stream = await openStream(server.url, session.id, { content: "hi" });
          const turn = (await stream.next()).value!.data.turn_id as string;
          stopped.push(turn);
          await call(`${server.url}/turns/${turn}/stop`, "POST", { hard: round % 2 === 0 });
          await collect(stream);
        }
      }
    };
    server.emulator.always({ text: "an answer of some length", chunks: 6, delayMs: 5, usage: tokens });
    for (const fault of ["internal-500", "close-early", "reset-midstream", "absurd-usage", "no-finish"] as const)
      server.emulator.play({ fault });
    const groups = ["day", "model", "user", "session,model", "key,purpose,vendor", "project,day,user"];
    const watching = (async () => {
      let equal = 0;
      for (let at = 0; going; at++) {
        const before = await server.store.sumBooks();
        const { data, total } = await read(
          `?group_by=${groups[at % groups.length]}&tz=${at % 2 ? "Asia/Kathmandu" : "UTC"}`,
        );
        const after = await server.store.sumBooks();
        const sum = parseUsd(total.cost!);
        expect(pico(data)).toBe(sum);
        expect(
          sum >= before.entriesTotal && sum <= after.entriesTotal,
          `${before.entriesTotal} ${sum} ${after.entriesTotal}`,
        ).toBe(true);
        expect(total.calls >= before.entries && total.calls <= after.entries).toBe(true);
        if (before.entries === after.entries) equal++;
        if (at % 3 === 0) await server.store.settleUsage();
      }
      return equal;
    })();
    await Promise.all(Array.from({ length: 8 }, (_, one) => work(one)));
    await eventually(
      () => server.store.sumBooks(),
      ({ runningTurns }) => runningTurns === 0,
    );
    for (const turn of stopped)
      await eventually(
        () => readReceipt(server.url, turn),
        (receipt) => receipt.settled,
      );
    going = false;
    expect(await watching).toBeGreaterThan(0);
    const books = await server.store.sumBooks();
    for (const group of groups) {
      const { data, total } = await read(`?group_by=${group}`);
      expect([total.cost, total.calls]).toEqual([printUsd(books.entriesTotal), books.entries]);
      expect([pico(data), data.reduce((sum, { calls }) => sum + calls, 0)]).toEqual([
        books.entriesTotal,
        books.entries,
      ]);
      expect(data.reduce((sum, { turns }) => sum + turns, 0)).toBe(total.turns);
    }
    expect(books.entries).toBeGreaterThan(40);
    expect((await read("?group_by=purpose")).data.map(({ purpose }) => purpose)).toEqual(["chat", "title"]);
    server.emulator.reset();
  }, 180_000);

  test("a stopped turn is in neither the ledger nor the usage until its bill has come", async () => {
    server.emulator.play({ text: "words that are cut short", chunks: 20, delayMs: 20, usage: tokens });
    const before = (await read()).total;
    const session = await newSession(server.url);
    const stream = await openStream(server.url, session.id, { content: "hi" });
    const turn = (await stream.next()).value!.data.turn_id as string;
    await server.store.settleUsage(); // the mark goes by while it runs
    expect((await read()).total).toEqual(before);
    await call(`${server.url}/turns/${turn}/stop`, "POST", {});
    await collect(stream);
    await eventually(
      () => readReceipt(server.url, turn),
      (receipt) => receipt.settled,
    );
    const one = await read(`?group_by=session`);
    expect(one.data.find(({ session_id }) => session_id === session.id)).toMatchObject({ turns: 1, calls: 1 });
    await server.store.settleUsage();
    expect(await read(`?group_by=session`)).toEqual(one);
  });

  test("a title of a turn that is added up already is one more call of no more turns", async () => {
    server.emulator.always({ text: "A title", usage: tokens });
    const session = await newSession(server.url);
    await say(server.url, session.id, { content: "hi" });
    await server.store.settleUsage();
    const before = (await read()).total;
    expect((await call(`${server.url}/sessions/${session.id}/title`, "POST", {})).status).toBe(200);
    const after = (await read()).total;
    expect([after.turns, after.calls]).toEqual([before.turns, before.calls + 1]);
    expect(parseUsd(after.cost!)).toBeGreaterThan(parseUsd(before.cost!));
    await server.store.settleUsage();
    expect((await read()).total).toEqual(after);
    const ofSession = (await read("?group_by=session,purpose")).data.filter(
      ({ session_id }) => session_id === session.id,
    );
    expect(ofSession.map(({ purpose, turns, calls }) => [purpose, turns, calls])).toEqual([
      ["chat", 1, 1],
      ["title", 0, 1],
    ]);
    server.emulator.reset();
  });

  test("a person who is erased leaves what was spent for them under an alias, added up or not", async () => {
    server.emulator.always({ text: "hi", usage: tokens });
    const rowsOf = async (query = "") =>
      (await read(`?group_by=user&${query}`)).data.filter(
        ({ user }) => user === "Orest" || user?.startsWith("person-"),
      );
    const session = await newSession(server.url, { user: "Orest" });
    const foreign = await newSession(server.url);
    await say(server.url, session.id, { content: "hi" });
    await server.store.settleUsage();
    await say(server.url, foreign.id, { content: "hi", user: "Orest" });
    await server.store.settleUsage();
    await say(server.url, session.id, { content: "hi" });
    const [total, before, ofMonth] = [
      (await read()).total,
      await rowsOf(),
      await rowsOf("from=2026-11-01&to=2026-11-30"),
    ];
    expect([before.map(({ turns }) => turns), ofMonth]).toEqual([[3], before]);
    const gone = await call(`${server.url}/sessions?user=Orest&purge=true`, "DELETE");
    expect(gone.status).toBe(200);
    for (const settle of [false, true]) {
      if (settle) await server.store.settleUsage();
      for (const query of ["", "from=2026-11-01&to=2026-11-30"]) {
        const rows = await rowsOf(query);
        expect(rows).toEqual([{ ...before[0]!, user: expect.stringMatching(/^person-/) }]);
      }
      expect((await read()).total).toEqual(total);
    }
    server.emulator.reset();
  });

  test("CSV has the same rows, one line each, and a line a turn; it can be read by RFC 4180 alone", async () => {
    server.emulator.always({ text: "hi", usage: tokens });
    const odd = ["=1+1", '"quoted", with commas', "+380", "@me", "-1", "plain"];
    for (const user of odd) await say(server.url, (await newSession(server.url, { user })).id, { content: "hi" });
    for (const group of ["user", "session,user", "day", "key,model", "day,user,model,vendor,purpose,project"]) {
      const { data, group_by } = await read(`?group_by=${group}`);
      const { names, rows, type } = await readCsv(`?group_by=${group}&format=csv`);
      expect(type).toBe("text/csv; charset=utf-8; header=present");
      expect(names.slice(0, 2)).toEqual([
        group_by[0]!.replace("key", "key_id").replace("session", "session_id"),
        expect.any(String),
      ]);
      const print = (row: Row) => names.map((name) => safe(row[name as "day"] as string | null)).join("\0");
      expect(rows.map((row) => row.join("\0")).toSorted()).toEqual(data.map(print).toSorted());
    }
    const turns = await readCsv("?group_by=turn&format=csv");
    const cost = turns.names.indexOf("cost");
    const { total } = await read();
    expect(turns.rows.reduce((sum, row) => sum + parseUsd(row[cost] || "0"), 0n)).toBe(parseUsd(total.cost!));
    expect(turns.rows.length).toBe(total.turns);
    expect(new Set(turns.rows.map(([id]) => id)).size).toBe(total.turns);
    expect((await read("?group_by=user")).data.map(({ user }) => user)).toContain("=1+1");
    expect((await call<ProblemBody>(`${server.url}/usage?group_by=turn`, "GET")).status).toBe(422);
    server.emulator.reset();
  });

  /** As a spreadsheet must not take it for a formula. */
  function safe(value: string | number | null): string {
    const text = value === null ? "" : `${value}`;
    return typeof value === "string" && /^[=+\-@]/.test(text) ? `'${text}` : text;
  }

  /** A reader of RFC 4180 and nothing else. */
  async function readCsv(query: string) {
    const response = await fetch(`${server.url}/usage${query}`);
    const text = await response.text();
    expect(response.status).toBe(200);
    expect(text).toEndWith("\r\n");
    const field = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)/gy;
    const lines: string[][] = [[]];
    for (const [, value, end] of text.matchAll(field)) {
      lines.at(-1)!.push(value!.startsWith('"') ? value!.slice(1, -1).replaceAll('""', '"') : value!);
      if (end === "\r\n") lines.push([]);
    }
    expect(lines.pop()).toEqual([]);
    const [names, ...rows] = lines as [string[], ...string[][]];
    for (const row of rows) expect(row.length).toBe(names.length);
    return { names, rows, type: response.headers.get("content-type") };
  }

  test("the days are UTC's, or those of the time zone that is named; the defaults are the last 30 days", async () => {
    const today = new Date(testClock()).toISOString().slice(0, 10);
    const plain = await read();
    expect(plain).toMatchObject({ tz: "UTC", group_by: ["day"] });
    expect(Date.parse(plain.to) - Date.parse(plain.from)).toBe(30 * 86_400_000);
    expect(plain.data.map(({ day }) => day)).toEqual([today]);
    const there = await read("?from=2026-11-01&to=2026-11-30&tz=Asia/Kathmandu");
    expect([there.from, there.to]).toEqual(["2026-10-31T18:15:00.000Z", "2026-11-30T18:15:00.000Z"]);
    expect(there.total).toEqual(plain.total);
    const none = await read("?from=2026-11-01T00:00:00%2B02:00&to=2026-11-02T00:00:00.001Z");
    expect([none.from, none.to]).toEqual(["2026-10-31T22:00:00.000Z", "2026-11-02T00:00:00.001Z"]);
    expect(none.data).toEqual([]);
    expect(none.total).toMatchObject({ turns: 0, calls: 0, cost: "0", accuracy: "exact", unpriced_turns: 0 });
  });

  test("what cannot be meant is refused, naming it", async () => {
    const refused = async (query: string) => {
      const { status, body } = await call<ProblemBody>(`${server.url}/usage?${query}`, "GET");
      expect(status, query).toBe(422);
      return body.errors![0]!.pointer;
    };
    for (const query of ["group_by=", "group_by=turn", "group_by=day,day", "group_by=day,", "group_by=constructor"])
      expect(await refused(query)).toBe("?group_by");
    for (const tz of ["Mars/Olympus", "", `${"x".repeat(65)}`, "'; DROP TABLE turn", "%F0%9F%98%80"])
      expect(await refused(`tz=${tz}`)).toBe("?tz");
    for (const from of [
      "2026-02-30",
      "yesterday",
      "2026-13-01",
      "1999-12-31",
      "2026-11-27T25:00:00Z",
      "2026-11-27T10:00:00",
      "0",
      "",
    ])
      expect(await refused(`from=${from}`), from).toBe("?from");
    expect(await refused("from=2026-11-02&to=2026-11-01")).toBe("?from");
    expect(await refused("from=2001-01-01&to=2026-11-01")).toBe("?from");
    expect(await refused("to=2200-01-02")).toBe("?to");
    expect(await refused("limit=5")).toBe("?limit");
    expect((await read("?from=2001-01-01&to=2026-11-30&group_by=model")).total.calls).toBeGreaterThan(0);
  });
});

describe.each(engines)("who sees what on %s", (_name, createDatabase) => {
  let server: HttpServer;
  const keys: Record<string, MadeKey> = {};
  let sessions: Record<string, string>;
  beforeAll(async () => {
    server = await startHttp({ databaseUrl: await createDatabase(), settings: { REQUIRE_KEY: "yes" } });
    server.emulator.always({ text: "hi", usage: tokens });
    const { store } = server;
    const make = async (name: string, change: object) => {
      keys[name] = await makeKey(store, change);
    };
    await make("shop", { project: "shop", scopes: ["chat", "read"] });
    await make("shop admin", { project: "shop", scopes: ["admin"] });
    await make("shop sender", { project: "shop", scopes: ["chat"] });
    await make("anna", { project: "shop", scopes: ["chat", "read"], user: "anna" });
    await make("lab", { project: "lab", scopes: ["chat", "read", "admin"] });
    await make("operator", { project: "lab", scopes: ["operator"] });
    const speak = async (name: string, user: string | undefined, times: number) => {
      const secret = keys[name]!.secret;
      const { body } = await callAs<SessionBody>(secret, `${server.url}/sessions`, "POST", user ? { user } : {});
      for (let at = 0; at < times; at++)
        expect(
          (await callAs(secret, `${server.url}/sessions/${body.id}/messages`, "POST", { content: "hi" })).status,
        ).toBe(201);
      return body.id;
    };
    sessions = {
      nobody: await speak("shop", undefined, 1),
      bohdan: await speak("shop", "bohdan", 2),
      anna: await speak("anna", undefined, 3),
      "anna's other": await speak("anna", undefined, 1),
      lab: await speak("lab", "anna", 4),
    };
  });
  afterAll(() => server.stop());

  async function see(secret: string, query: string): Promise<Record<string, number>> {
    const { status, body } = await callAs<UsageList>(secret, `${server.url}/usage?${query}`);
    expect(status).toBe(200);
    checkAnswer("GET", "/usage", 200, body);
    expect(body.data.reduce((sum, { turns }) => sum + turns, 0)).toBe(body.total.turns);
    return Object.fromEntries(
      body.data.map((row) => [
        body.group_by
          .map((name) => row[(name === "key" ? "key_id" : name === "session" ? "session_id" : name) as "day"])
          .join(" "),
        row.turns,
      ]),
    );
  }

  test.each(["as it comes", "rolled up"])("a project, a user, some sessions, or all: %s", async (how) => {
    if (how === "rolled up") await server.store.settleUsage();
    const key = (name: string) => keys[name]!.secret;
    expect(await see(key("shop"), "group_by=user")).toEqual({ "": 1, anna: 4, bohdan: 2 });
    expect(await see(key("shop admin"), "group_by=key")).toEqual({ [keys.shop!.id]: 3, [keys.anna!.id]: 4 });
    expect(await see(key("shop"), "group_by=session,user")).toEqual({
      [` ${sessions.nobody}`]: 1,
      [`bohdan ${sessions.bohdan}`]: 2,
      [`anna ${sessions.anna}`]: 3,
      [`anna ${sessions["anna's other"]}`]: 1,
    });
    expect(await see(key("anna"), "group_by=session")).toEqual({ [sessions.anna!]: 3, [sessions["anna's other"]!]: 1 });
    expect(await see(key("anna"), "group_by=purpose")).toEqual({ chat: 4 });
    expect(await see(key("lab"), "group_by=user")).toEqual({ anna: 4 });
    expect(await see(key("lab"), "group_by=user&project=shop")).toEqual({});
    expect(await see(key("operator"), "group_by=project")).toEqual({ lab: 4, shop: 7 });
    expect(await see(key("operator"), "group_by=user")).toEqual({
      "lab anna": 4,
      "shop ": 1,
      "shop anna": 4,
      "shop bohdan": 2,
    });
    expect(await see(key("operator"), "group_by=user&project=shop")).toEqual({ "": 1, anna: 4, bohdan: 2 });
    const made = await callAs<{ token: string }>(key("shop"), `${server.url}/tokens`, "POST", {
      ...{ user: "anna", scopes: ["read"], sessions: [sessions["anna's other"]] },
    });
    expect(await see(made.body.token, "group_by=session")).toEqual({ [sessions["anna's other"]!]: 1 });
    expect(await see(made.body.token, "group_by=project")).toEqual({ shop: 1 });
    expect((await callAs(key("shop sender"), `${server.url}/usage`)).status).toBe(403);
  });
});
