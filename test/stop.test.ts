// Stopping: the reader ends at once, the bill is still read, and nothing depends on which process is asked.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
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
import { engines } from "./engines.ts";
import { startServer, type TestServer } from "./server.ts";

const usage = { promptTokenCount: 10, candidatesTokenCount: 100, totalTokenCount: 110 };

describe.each(engines)("on %s", (_name, createDatabase) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ databaseUrl: await createDatabase(), settings: { STOP_DRAIN_MS: "300" } });
  });
  afterAll(() => server.stop());
  beforeEach(() => server.emulator.reset());

  async function startTurn(): Promise<{
    sessionId: string;
    turnId: string;
    stream: AsyncGenerator<SeenEvent, void, void>;
  }> {
    const session = await newSession(server.url);
    const stream = await openStream(server.url, session.id, { content: "hi" });
    const start = (await stream.next()).value as SeenEvent;
    await stream.next();
    return { sessionId: session.id, turnId: start.data.turn_id as string, stream };
  }
  const stop = (turnId: string, body?: object) =>
    call<TurnBody>(`${server.url}/turns/${turnId}/stop`, "POST", body ?? {});

  describe("within the bound", () => {
    // A busy machine must not bring the bound near.
    beforeAll(() => server.restart({ STOP_DRAIN_MS: "20000" }));
    afterAll(() => server.restart());

    test("the reader ends at once; the rest is read quietly and the receipt is exact", async () => {
      server.emulator.play({ text: "a long answer that will be cut short", chunks: 20, delayMs: 40, usage });
      const { sessionId, turnId, stream } = await startTurn();
      expect((await stop(turnId)).body.status).toBe("stopped");
      const end = (await collect(stream)).at(-1)!;
      expect(end.data.turn?.status).toBe("stopped");
      const receipt = await eventually(
        () => readReceipt(server.url, turnId),
        (seen) => seen.settled,
      );
      expect([receipt.accuracy, receipt.total]).toEqual(["exact", "0.000253"]);
      const history = await readHistory(server.url, sessionId);
      expect(history.cost.total).toBe("0.000253");
      expect(history.data[1]?.content.length).toBeLessThan("a long answer that will be cut short".length);
      expect(server.emulator.generateCalls()[0]?.finished).toBe(true);
    });

    test("an answer whose count never comes costs all of its text, what was read unseen too", async () => {
      const text = "0123456789".repeat(40);
      const uncounted = { promptTokenCount: 10, totalTokenCount: 10 };
      server.emulator.play({ text, chunks: 20, delayMs: 40, usage: uncounted });
      const { sessionId, turnId } = await startTurn();
      await stop(turnId);
      const receipt = await eventually(
        () => readReceipt(server.url, turnId),
        (seen) => seen.settled,
      );
      // 400 digits are 400 tokens by our estimate: 10 x 0.30 + 400 x 2.50 USD a million.
      expect([receipt.accuracy, receipt.total]).toEqual(["partial", "0.001003"]);
      expect((await readHistory(server.url, sessionId)).data[1]!.content.length).toBeLessThan(text.length);
    });
  });

  test("what stays silent beyond the bound is cut, and the receipt says partial", async () => {
    server.emulator.play({ fault: "stall", text: "some words, then nothing at all", chunks: 6, after: 3 });
    const { turnId } = await startTurn();
    await stop(turnId);
    const receipt = await eventually(
      () => readReceipt(server.url, turnId),
      (seen) => seen.settled,
    );
    expect(receipt.accuracy).toBe("partial");
    await eventually(async () => server.emulator.generateCalls()[0]!.disconnected, Boolean);
  });

  test("hard cuts the line at once", async () => {
    server.emulator.play({ fault: "stall", text: "some words, then nothing at all", chunks: 6, after: 3 });
    const { turnId, stream } = await startTurn();
    const { body } = await stop(turnId, { hard: true });
    expect([body.status, body.cost?.accuracy]).toEqual(["stopped", "partial"]);
    expect((await collect(stream)).at(-1)?.type).toBe("turn-end");
    await eventually(async () => server.emulator.generateCalls()[0]!.disconnected, Boolean);
    expect((await readReceipt(server.url, turnId)).settled).toBe(true);
  });

  test("stopping twice, or what is over, changes nothing", async () => {
    server.emulator.play({ fault: "stall", after: 3 }, { text: "done" });
    const { sessionId, turnId } = await startTurn();
    await Promise.all([stop(turnId), stop(turnId), stop(turnId, { hard: true })]);
    const before = await eventually(
      () => readTurn(server.url, turnId),
      (turn) => turn.status === "stopped",
    );
    expect((await stop(turnId)).body).toMatchObject({ id: turnId, status: before.status });
    const { body } = await say(server.url, sessionId, { content: "next" });
    expect((await stop(body.turn.id)).body).toEqual(body.turn);
  });

  test("the session takes the next message while the stopped one is still being billed", async () => {
    server.emulator.play({ fault: "stall", after: 3 }, { text: "next answer" });
    const { sessionId, turnId } = await startTurn();
    await stop(turnId);
    const { status, body } = await say(server.url, sessionId, { content: "next" });
    expect([status, body.reply.content]).toEqual([201, "next answer"]);
    await eventually(
      () => readReceipt(server.url, turnId),
      (seen) => seen.settled,
    );
    const history = await readHistory(server.url, sessionId);
    expect(history.session.running_turn_id).toBeNull();
  });

  test("what a stopped turn said is what its events say", async () => {
    server.emulator.play({ text: "one two three four five six seven", chunks: 7, delayMs: 10 });
    const { sessionId, turnId } = await startTurn();
    await stop(turnId);
    const events = await collect(await openEvents(server.url, turnId));
    expect((await readHistory(server.url, sessionId)).data[1]?.content).toBe(textOf(events));
  });
});
