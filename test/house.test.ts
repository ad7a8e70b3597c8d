// The house as it is put together: there is one clock in it, and one log.

import { describe, expect, test } from "bun:test";
import pg from "pg";
import { call, eventually, newSession, readHistory, say } from "./client.ts";
import { engines, postgresEngine } from "./engines.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

const minute = 60_000;

async function onClock(
  options: Parameters<typeof startHttp>[0],
  from: string,
  run: (server: HttpServer, clock: { ms: number }) => Promise<void>,
): Promise<void> {
  const clock = { ms: Date.parse(from) };
  const server = await startHttp({ ...options, now: () => clock.ms });
  try {
    await run(server, clock);
  } finally {
    await server.stop();
  }
}

describe.each(engines)("on %s", (_, createDatabase) => {
  test("what is stored, priced and let go of goes by the house's clock, in any year", async () => {
    const options = { databaseUrl: await createDatabase(), settings: { IDEMPOTENCY_MS: String(minute) } };
    await onClock(options, "2027-01-01T00:00:00.000Z", async (server, clock) => {
      const session = await newSession(server.url);
      expect(session).toMatchObject({ created_at: "2027-01-01T00:00:00.000Z" });
      const ask = () => say(server.url, session.id, { content: "hi" }, { "idempotency-key": "once" });
      const first = await ask();
      clock.ms += minute - 1;
      const again = await ask();
      clock.ms += 1;
      const later = await ask();
      expect([first, again, later].map(({ body }) => body.turn.id === first.body.turn.id)).toEqual([true, true, false]);
      expect(first.body.turn).toMatchObject({ started_at: "2027-01-01T00:00:00.000Z" });
      expect(later.body.turn).toMatchObject({ started_at: "2027-01-01T00:01:00.000Z" });
      expect((await readHistory(server.url, session.id)).data.length).toBe(4);
    });
  });
});

test("the store speaks to the house's log: a connection that breaks while nobody uses it is said", async () => {
  const databaseUrl = await postgresEngine.createDatabase();
  const server = await startHttp({ databaseUrl });
  const operator = new pg.Client({ connectionString: databaseUrl });
  await operator.connect();
  try {
    await newSession(server.url);
    const others = "datname = current_database() AND pid <> pg_backend_pid()";
    await operator.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${others}`);
    await eventually(
      async () => server.logged.map(({ sentence }) => sentence),
      (said) => said.some((sentence) => /broke/.test(sentence)),
    );
    // Another of its connections may not have heard yet that it is gone.
    await eventually(
      () => call(`${server.url}/sessions`, "GET"),
      ({ status }) => status === 200,
    );
  } finally {
    await operator.end();
    await server.stop();
  }
});
