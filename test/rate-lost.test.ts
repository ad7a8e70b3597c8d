// Limits of keys, when what counts them is lost: a process killed, a database out of reach, a table gone, a restart.

import { describe, expect, test } from "bun:test";
import pg from "pg";
import { startEmulator } from "../emulator/emulator.ts";
import { openStore } from "../src/database/open.ts";
import { bearing, callAs, type MadeKey, makeKey } from "./callers.ts";
import { type AnswerBody, call, eventually, type ProblemBody, type SessionBody } from "./client.ts";
import { createSqliteFile, engines, postgresEngine } from "./engines.ts";
import { startHttp } from "./http-assembly.ts";
import { startProcess } from "./kill-run.ts";
import { openLine } from "./line.ts";

describe.each(engines)("turns at once on %s, after kill -9", (_name, createDatabase) => {
  test("what a lost process ran takes no place once it is known to be lost", async () => {
    const emulator = await startEmulator();
    const databaseUrl = await createDatabase();
    const env = { DATABASE_URL: databaseUrl, GEMINI_API_KEY: "k", GEMINI_BASE_URL: emulator.url, REQUIRE_KEY: "yes" };
    const store = await openStore(databaseUrl, { processId: 7, beside: true });
    const key = await makeKey(store, { rate: { concurrent_turns: 2 } });
    await store.close();
    let server = await startProcess(env);
    try {
      const say = async () => {
        const session = await callAs<SessionBody>(key.secret, `${server.url}/sessions`, "POST", {});
        return callAs<ProblemBody>(key.secret, `${server.url}/sessions/${session.body.id}/messages`, "POST", {
          content: "hi",
        });
      };
      emulator.play({ fault: "stall", chunks: 6, after: 2, times: 2 });
      const lost = [say().catch(() => {}), say().catch(() => {})];
      await eventually(
        () => Promise.resolve(emulator.callCount),
        (calls) => calls === 2,
      );
      expect((await say()).status).toBe(429);
      await server.kill("SIGKILL");
      await Promise.all(lost);
      emulator.reset();
      server = await startProcess(env);
      const answer = await eventually(say, ({ status }) => status !== 429, 20_000);
      expect(answer.status).toBe(201);
    } finally {
      await server.kill("SIGKILL");
      await emulator.close();
    }
  }, 180_000);
});

describe("the counters on Postgres are lost", () => {
  test("with the database: nobody is let in, and the running turn is stored when it is back", async () => {
    const databaseUrl = await postgresEngine.createDatabase();
    const line = await openLine(databaseUrl);
    const server = await startHttp({ databaseUrl: line.url, settings: { REQUIRE_KEY: "yes" }, providerMs: 60_000 });
    try {
      const key = await makeKey(server.store, {
        rate: { requests_per_minute: 100, tokens_per_minute: 100_000, concurrent_turns: 5 },
      });
      const session = (await callAs<SessionBody>(key.secret, `${server.url}/sessions`, "POST", {})).body.id;
      server.emulator.play({
        text: "said while nobody could write it down",
        chunks: 6,
        delayMs: 100,
        firstByteMs: 500,
      });
      const running = callAs<AnswerBody>(key.secret, `${server.url}/sessions/${session}/messages`, "POST", {
        content: "hi",
      });
      await eventually(
        () => Promise.resolve(server.emulator.callCount),
        (calls) => calls === 1,
      );
      line.breakDown();
      for (let at = 0; at < 3; at++)
        expect((await callAs<ProblemBody>(key.secret, `${server.url}/models`)).status).toBe(503);
      line.mend();
      const { status, body } = await running;
      expect([status, body.reply.content]).toEqual([201, "said while nobody could write it down"]);
      expect((await callAs(key.secret, `${server.url}/models`)).status).toBe(200);
    } finally {
      await server.stop();
      await line.close();
    }
  }, 40_000);

  test("with their table: the running turn ends with its bill, no limited key is let in, and others notice nothing", async () => {
    const databaseUrl = await postgresEngine.createDatabase();
    const server = await startHttp({ databaseUrl, settings: { REQUIRE_KEY: "yes" }, providerMs: 60_000 });
    const operator = new pg.Client({ connectionString: databaseUrl });
    await operator.connect();
    try {
      const limited = await makeKey(server.store, { rate: { tokens_per_minute: 100_000 } });
      const free = await makeKey(server.store);
      const begin = async () => (await callAs<SessionBody>(free.secret, `${server.url}/sessions`, "POST", {})).body.id;
      const say = async ({ secret }: MadeKey, id: string) =>
        callAs<AnswerBody>(secret, `${server.url}/sessions/${id}/messages`, "POST", { content: "hi" });
      server.emulator.play({ text: "goes on", chunks: 2, firstByteMs: 500 });
      const running = say(limited, await begin());
      await eventually(
        () => Promise.resolve(server.emulator.callCount),
        (calls) => calls === 1,
      );
      await operator.query("DROP TABLE rate");
      const { status, body } = await running;
      expect([status, body.reply.content, body.reply.cost?.accuracy]).toEqual([201, "goes on", "exact"]);
      await eventually(
        () => Promise.resolve(server.logged),
        (lines) => lines.some(({ sentence }) => sentence.includes("could not be counted against its key's limit")),
      );
      const calls = server.emulator.callCount;
      expect((await say(limited, await begin())).status).toBe(500);
      expect(server.emulator.callCount).toBe(calls);
      expect((await say(free, await begin())).status).toBe(201); // no statement of its turn knows of limits
    } finally {
      await operator.end();
      await server.stop();
    }
  }, 30_000);
});

test("on SQLite the minute begins anew with the process", async () => {
  const databaseUrl = await createSqliteFile();
  const settings = { REQUIRE_KEY: "yes" };
  let server = await startHttp({ databaseUrl, settings });
  const key = await makeKey(server.store, { rate: { requests_per_minute: 1 } });
  const ask = async () => (await call(`${server.url}/sessions`, "GET", undefined, bearing(key.secret))).status;
  expect([await ask(), await ask()]).toEqual([200, 429]);
  await server.stop();
  server = await startHttp({ databaseUrl, settings });
  expect([await ask(), await ask()]).toEqual([200, 429]);
  await server.stop();
});
