// Several processes on one Postgres behind any load balancer: what one begins, another can read, stop and take over.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import pg from "pg";
import { type Emulator, startEmulator } from "../emulator/emulator.ts";
import {
  call,
  collect,
  eventually,
  newSession,
  openEvents,
  openStream,
  readHistory,
  readReceipt,
  readTurn,
  type SeenEvent,
  say,
  type TurnBody,
  textOf,
} from "./client.ts";
import { postgresEngine } from "./engines.ts";
import { startHttp } from "./http-assembly.ts";
import { type ServerProcess, startProcess } from "./kill-run.ts";

describe("two servers on one Postgres", () => {
  let emulator: Emulator;
  let one: ServerProcess;
  let two: ServerProcess;
  let env: Record<string, string>;

  beforeAll(async () => {
    emulator = await startEmulator();
    env = {
      DATABASE_URL: await postgresEngine.createDatabase(),
      GEMINI_API_KEY: "k",
      GEMINI_BASE_URL: emulator.url,
      STOP_DRAIN_MS: "300",
    };
    [one, two] = await Promise.all([startProcess(env), startProcess(env)]);
  });
  afterAll(async () => {
    await Promise.all([one.kill("SIGKILL"), two.kill("SIGKILL")]);
    await emulator.close();
  });

  async function begin(
    url: string,
    scenario: object,
  ): Promise<{ sessionId: string; turnId: string; stream: AsyncGenerator<SeenEvent, void, void> }> {
    emulator.play(scenario);
    const session = await newSession(url);
    const stream = await openStream(url, session.id, { content: "hi" });
    const start = (await stream.next()).value as SeenEvent;
    return { sessionId: session.id, turnId: start.data.turn_id as string, stream };
  }

  test("posted through one, streamed live through the other", async () => {
    const { turnId, stream } = await begin(one.url, {
      text: "seen from both sides of the balancer",
      chunks: 20,
      delayMs: 25,
    });
    const elsewhere = collect(await openEvents(two.url, turnId));
    const here = await collect(stream);
    expect(textOf(await elsewhere)).toBe(textOf(here));
    expect((await elsewhere).map(({ number }) => number)).toEqual([1, ...here.map(({ number }) => number)]);
  });

  test("posted through one, stopped through the other", async () => {
    const { turnId, stream } = await begin(one.url, { fault: "stall", chunks: 6, after: 3 });
    const { body } = await call<TurnBody>(`${two.url}/turns/${turnId}/stop`, "POST", {});
    expect(body.status).toBe("stopped");
    expect((await collect(stream)).at(-1)?.data.turn?.status).toBe("stopped");
    await eventually(
      () => readReceipt(two.url, turnId),
      (receipt) => receipt.settled,
    );
  });

  test("a session is busy for both", async () => {
    const { sessionId, turnId, stream } = await begin(one.url, { chunks: 10, delayMs: 30 });
    const refused = await say(two.url, sessionId, { content: "me too" });
    expect([refused.status, refused.body.code, refused.body.running_turn_id]).toEqual([
      409,
      "turn_in_progress",
      turnId,
    ]);
    const queued = say(two.url, sessionId, { content: "then I wait", if_busy: "queue" });
    await collect(stream);
    expect((await queued).status).toBe(201);
  });

  test("one key sent to both at the same moment: one call, one debit, one answer", async () => {
    const session = await newSession(one.url);
    const before = emulator.callCount;
    const headers = { "idempotency-key": crypto.randomUUID() };
    const answers = await Promise.all(
      [one, two, one, two].map(({ url }) => say(url, session.id, { content: "once" }, headers)),
    );
    expect(new Set(answers.map(({ body }) => body.turn.id)).size).toBe(1);
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect(emulator.callCount - before).toBe(1);
  });

  test("what one is told of a session, the other goes by at its next message, though it has the conversation in mind", async () => {
    const session = await newSession(one.url);
    const first = await say(one.url, session.id, { content: "one remembers this" });
    await call(`${two.url}/sessions/${session.id}`, "PATCH", { model: "gemini-2.5-flash-lite" });
    await say(two.url, session.id, { content: "and two says more" });
    const last = await say(one.url, session.id, { content: "what was said?" });
    expect([last.status, last.body.turn.model_requested]).toEqual([201, "gemini-2.5-flash-lite"]);
    const { body } = emulator.generateCalls().at(-1)!;
    expect(JSON.stringify(body)).toContain("and two says more");
    expect(last.body.session).toMatchObject({ message_count: 6, version: first.body.session.version + 5 });
  });

  test("one is killed in the middle: the other closes its turn, keeps what was flushed, and takes the next message", async () => {
    const { sessionId, turnId, stream } = await begin(one.url, { chunks: 200, delayMs: 20 });
    const seen: SeenEvent[] = [];
    for await (const event of stream) {
      seen.push(event);
      if (seen.length > 30) break;
    }
    await one.kill("SIGKILL");
    const turn = await eventually(
      () => readTurn(two.url, turnId),
      (now) => now.status !== "running",
      20_000,
    );
    expect(turn.status).toBe("interrupted");
    const history = await readHistory(two.url, sessionId);
    expect(history.data[1]?.content.length).toBeGreaterThan(0);
    expect(history.cost.total).toBe((await readReceipt(two.url, turnId)).total);
    expect((await say(two.url, sessionId, { content: "go on" })).status).toBe(201);
    one = await startProcess(env);
  }, 180_000);
});

test("a process whose sign of life breaks for a while keeps its turn: its lease is renewed, and that is enough", async () => {
  const databaseUrl = await postgresEngine.createDatabase();
  const times = { leaseMs: 800 };
  const here = await startHttp({ databaseUrl: `${databaseUrl}&application_name=here`, times, providerMs: 20_000 });
  const there = await startHttp({ databaseUrl, times, emulator: here.emulator });
  const operator = new pg.Client({ connectionString: databaseUrl });
  await operator.connect();
  try {
    here.emulator.play({ chunks: 100, delayMs: 30 });
    const session = await newSession(here.url);
    const stream = await openStream(here.url, session.id, { content: "hi" });
    const seen: SeenEvent[] = [];
    // Longer than the lease it was opened with; then the lock is free for a second, and others look several times.
    for (let at = 0; at < 40; at++) seen.push((await stream.next()).value as SeenEvent);
    const { rowCount } = await operator.query(
      "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND application_name = 'here'",
    );
    expect(rowCount).toBe(1);
    seen.push(...(await collect(stream)));
    expect(seen.at(-1)?.data.turn?.status).toBe("complete");
    expect((await readHistory(there.url, session.id)).data[1]?.status).toBe("complete");
    expect(there.logged.filter(({ sentence }) => /closed|taken over/.test(sentence))).toEqual([]);
  } finally {
    await operator.end();
    await there.stop();
    await here.stop();
  }
}, 180_000);
