// SIGTERM: no new turns, running ones finish or are marked, exit 0; a second signal exits at once and recovery does the rest.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Emulator, startEmulator } from "../emulator/emulator.ts";
import { call, collect, eventually, newSession, openStream, readHistory, say } from "./client.ts";
import { engines } from "./engines.ts";
import { startHttp } from "./http-assembly.ts";
import { startProcess } from "./kill-run.ts";

describe.each(engines)("on %s", (_name, createDatabase) => {
  let emulator: Emulator;
  beforeAll(async () => {
    emulator = await startEmulator();
  });
  afterAll(() => emulator.close());
  const settings = async (shutdownMs: number) => ({
    DATABASE_URL: await createDatabase(),
    GEMINI_API_KEY: "k",
    GEMINI_BASE_URL: emulator.url,
    SHUTDOWN_MS: String(shutdownMs),
  });

  test("a running turn finishes, new ones are refused with Retry-After, and the exit is clean", async () => {
    const env = await settings(20_000);
    const server = await startProcess(env);
    const [session, other] = [await newSession(server.url), await newSession(server.url)];
    emulator.play({ text: "I may finish my sentence", chunks: 40, delayMs: 20 });
    const stream = await openStream(server.url, session.id, { content: "hi" });
    await stream.next();
    server.child.kill("SIGTERM"); // one signal may arrive twice: from the service manager, and passed on
    const exit = server.kill("SIGTERM");
    await eventually(
      async () => (await fetch(`${server.url}/readyz`)).status,
      (status) => status === 503,
    );
    const refused = await say(server.url, other.id, { content: "too late" });
    expect([refused.status, refused.body.code]).toEqual([503, "draining"]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    const end = (await collect(stream)).at(-1);
    expect([end?.type, end?.data.reply?.content]).toEqual(["turn-end", "I may finish my sentence"]);
    expect(await exit).toBe(0);
  });

  test("what does not finish in time is marked interrupted, with its receipt, and the exit is still clean", async () => {
    const env = await settings(200);
    let server = await startProcess(env);
    const session = await newSession(server.url);
    emulator.play({ fault: "stall", chunks: 6, after: 3 });
    const stream = await openStream(server.url, session.id, { content: "hi" });
    await stream.next();
    const exit = server.kill("SIGTERM");
    expect((await collect(stream)).at(-1)?.data.turn?.status).toBe("interrupted");
    expect(await exit).toBe(0);
    server = await startProcess(env);
    const { data } = await readHistory(server.url, session.id);
    expect([data[1]?.status, data[1]?.cost?.accuracy]).toEqual(["interrupted", "partial"]);
    await server.kill("SIGTERM");
  });

  test("a second signal exits at once; the next start closes what was left", async () => {
    const env = await settings(20_000);
    let server = await startProcess(env);
    const session = await newSession(server.url);
    emulator.play({ fault: "stall", chunks: 6, after: 3 });
    const stream = await openStream(server.url, session.id, { content: "hi" });
    await stream.next();
    const exit = server.kill("SIGTERM");
    await eventually(
      async () => (await fetch(`${server.url}/readyz`)).status,
      (status) => status === 503,
    );
    const impatient = setInterval(() => server.child.kill("SIGTERM"), 50);
    expect(await exit).not.toBe(0);
    clearInterval(impatient);
    server = await startProcess(env);
    await eventually(
      async () => (await readHistory(server.url, session.id)).data[1]?.status,
      (status) => status === "interrupted",
      20_000,
    );
    expect((await call(`${server.url}/readyz`, "GET")).status).toBe(200);
    await server.kill("SIGTERM");
  });
});

test("a turn that is only being opened holds up the shutdown until it is opened and closed: nothing begins afterwards", async () => {
  const server = await startHttp();
  const { id } = await newSession(server.url);
  const { openTurn } = server.store;
  let write!: () => void;
  const writing = new Promise<void>((resolve) => {
    write = resolve;
  });
  let asked = 0;
  server.store.openTurn = async (input) => {
    asked++;
    await writing; // a database that takes its time
    return openTurn(input);
  };
  const answer = say(server.url, id, { content: "just in time" });
  await eventually(
    async () => asked,
    (opens) => opens === 1,
  );
  let drained = false;
  const drain = server.turns.drain(0).then(() => {
    drained = true;
  });
  await call(`${server.url}/healthz`, "GET"); // the loop has gone round
  expect(drained).toBe(false);
  write();
  await drain;
  expect((await server.store.sumBooks()).runningTurns).toBe(0);
  expect((await readHistory(server.url, id)).data[1]?.status).toBe("interrupted");
  expect([(await answer).body.turn.status, server.emulator.callCount]).toEqual(["interrupted", 0]);
  await server.stop();
});
