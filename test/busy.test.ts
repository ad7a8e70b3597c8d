// Invariant 7 and Idempotency-Key: two at once are never interleaved, and trying again never bills twice.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  call,
  collect,
  newSession,
  openStream,
  readHistory,
  type SeenEvent,
  type SessionBody,
  say,
  textOf,
} from "./client.ts";
import { engines } from "./engines.ts";
import { expectSaidBefore, newQuestion } from "./said-before.ts";
import { startServer, type TestServer } from "./server.ts";

describe.each(engines)("invariant 7 on %s", (_name, createDatabase) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({
      databaseUrl: await createDatabase(),
      settings: { STOP_DRAIN_MS: "200", QUEUE_LIMIT: "60" },
      parts: { times: { firstByteMs: 20 } },
    });
  });
  afterAll(() => server.stop());
  beforeEach(() => server.emulator.reset());

  test("a second message while a turn runs is refused and names the running turn", async () => {
    const session = await newSession(server.url);
    server.emulator.play({ text: "slow answer", chunks: 5, delayMs: 20 });
    const stream = await openStream(server.url, session.id, { content: "first" });
    const start = (await stream.next()).value as SeenEvent;
    const { status, body } = await say(server.url, session.id, { content: "second" });
    expect([status, body.code, body.running_turn_id]).toEqual([409, "turn_in_progress", start.data.turn_id as string]);
    await collect(stream);
    expect(server.emulator.callCount).toBe(1);
  });

  test("with no place to wait, a message that would queue is taken when the session is free and refused when it is not", async () => {
    const own = await startServer({ settings: { QUEUE_LIMIT: "0" } });
    try {
      const { id } = await newSession(own.url);
      expect((await say(own.url, id, { content: "hi", if_busy: "queue" })).status).toBe(201);
      own.emulator.play({ text: "slowly", chunks: 4, delayMs: 200 });
      const events = await openStream(own.url, id, { content: "hi" });
      await events.next();
      const refused = await say(own.url, id, { content: "hi", if_busy: "queue" });
      expect([refused.status, refused.body.code]).toEqual([409, "turn_in_progress"]);
      await collect(events);
    } finally {
      await own.stop();
    }
  });

  test("queued messages wait their turn, in the order they came", async () => {
    const session = await newSession(server.url);
    server.emulator.play({ chunks: 20, delayMs: 25 });
    server.emulator.always({ chunks: 3, delayMs: 5 });
    const streams = [await openStream(server.url, session.id, { content: "m0" })];
    // A stream that must wait says so after a moment: then the message stands in line, and the next one may be sent.
    for (let i = 1; i <= 5; i++)
      streams.push(await openStream(server.url, session.id, { content: `m${i}`, if_busy: "queue" }));
    const ends = await Promise.all(streams.map(collect));
    expect(ends.map((events) => events.at(-1)?.data.turn?.status)).toEqual(Array(6).fill("complete"));
    const { data } = await readHistory(server.url, session.id);
    const asked = data.filter(({ role }) => role === "user").map(({ content }) => content);
    expect(asked).toEqual(["m0", "m1", "m2", "m3", "m4", "m5"]);
  });

  test("as many wait as may, and whoever is too many hears it at once, with a time to come again", async () => {
    const small = await startServer({ settings: { QUEUE_LIMIT: "2" }, parts: { times: { firstByteMs: 20 } } });
    try {
      const session = await newSession(small.url);
      small.emulator.play({ fault: "stall", text: "nobody gets past this one", chunks: 4, after: 2 });
      const running = await openStream(small.url, session.id, { content: "first" });
      const turnId = ((await running.next()).value as SeenEvent).data.turn_id as string;
      const queued = { content: "me too", if_busy: "queue" };
      const waiting = [
        await openStream(small.url, session.id, queued),
        await openStream(small.url, session.id, queued),
      ];
      const { status, body, headers } = await say(small.url, session.id, queued);
      expect([status, body.code, Number(headers.get("retry-after")) > 0]).toEqual([409, "turn_in_progress", true]);
      await call(`${small.url}/turns/${turnId}/stop`, "POST", { hard: true });
      const ends = await Promise.all(waiting.map(collect));
      expect(ends.map((events) => events.at(-1)?.data.turn?.status)).toEqual(["complete", "complete"]);
      expect((await say(small.url, session.id, queued)).status).toBe(201); // there is room again
    } finally {
      await small.stop();
    }
  });

  test("interrupt stops the running turn and takes its place", async () => {
    const session = await newSession(server.url);
    server.emulator.play(
      { fault: "stall", text: "this one will not end", chunks: 4, after: 3 },
      { text: "taken over" },
    );
    const stream = await openStream(server.url, session.id, { content: "first" });
    await stream.next();
    await stream.next();
    const { body } = await say(server.url, session.id, { content: "second", if_busy: "interrupt" });
    expect(body.reply.content).toBe("taken over");
    expect((await collect(stream)).at(-1)?.data.turn?.status).toBe("stopped");
    const history = await readHistory(server.url, session.id);
    expect(history.data.map(({ status }) => status)).toEqual(["complete", "stopped", "complete", "complete"]);
  });

  test("If-Match refuses a message written on a stale state", async () => {
    const session = await newSession(server.url);
    const fresh = { "if-match": `"v${session.version}"` };
    expect((await say(server.url, session.id, { content: "one" }, fresh)).status).toBe(201);
    const stale = await say(server.url, session.id, { content: "two" }, fresh);
    expect([stale.status, stale.body.code]).toEqual([412, "version_mismatch"]);
    expect((await readHistory(server.url, session.id)).data).toHaveLength(2);
  });

  test("50 writers at once: every accepted message is there, in an order some serial run explains", async () => {
    const session = await newSession(server.url);
    server.emulator.always({ text: "ok, and a little more", chunks: 4, delayMs: 1 });
    const modes = ["reject", "queue", "interrupt"];
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        say(server.url, session.id, { content: newQuestion(), if_busy: modes[i % 3] }),
      ),
    );
    const accepted = results.filter(({ status }) => status === 201);
    for (const [i, { status }] of results.entries()) if (modes[i % 3] !== "reject") expect(status).toBe(201);
    for (const { status, body } of results)
      if (status !== 201) expect([409, body.code]).toEqual([status, "turn_in_progress"]);
    const { data, session: after } = await readHistory(server.url, session.id);
    expect(new Set(data.filter(({ role }) => role === "user").map(({ id }) => id))).toEqual(
      new Set(accepted.map(({ body }) => body.message.id)),
    );
    for (let i = 0; i < data.length; i += 2) {
      expect([data[i]!.role, data[i + 1]!.role]).toEqual(["user", "assistant"]);
      expect(data[i + 1]!.turn_id).toBe(data[i]!.turn_id);
      expect(data[i]!.parent_id).toBe(i === 0 ? null : data[i - 1]!.id);
      expectSaidBefore(server.emulator, data, i);
    }
    expect(after.running_turn_id).toBeNull();
    expect(after.message_count).toBe(data.length);
  });

  describe("Idempotency-Key", () => {
    const key = () => ({ "idempotency-key": crypto.randomUUID() });

    test("the same key and body: one call, one debit, the same answer, also at the same moment and after a restart", async () => {
      const session = await newSession(server.url);
      const headers = key();
      server.emulator.play({ text: "only once", chunks: 4, delayMs: 5 });
      const send = () => say(server.url, session.id, { content: "pay me once" }, headers);
      const answers = await Promise.all([send(), send(), send()]);
      answers.push(await send());
      await server.restart();
      answers.push(await send());
      for (const { status, body } of answers) {
        expect(status).toBe(201);
        expect(body.turn).toEqual(answers[0]!.body.turn);
        expect(body.reply).toEqual(answers[0]!.body.reply);
      }
      expect(server.emulator.callCount).toBe(1);
      expect((await readHistory(server.url, session.id)).cost.total).toBe(answers[0]!.body.reply.cost!.total);
    });

    test("a retry of a running stream joins it", async () => {
      const session = await newSession(server.url);
      const headers = key();
      server.emulator.play({ text: "joined in the middle", chunks: 8, delayMs: 6 });
      const first = await openStream(server.url, session.id, { content: "hi" }, headers);
      await first.next();
      await first.return();
      const again = await collect(await openStream(server.url, session.id, { content: "hi" }, headers));
      expect(textOf(again)).toBe("joined in the middle");
      expect(server.emulator.callCount).toBe(1);
    });

    test("the same key with another body is refused", async () => {
      const session = await newSession(server.url);
      const headers = key();
      await say(server.url, session.id, { content: "one" }, headers);
      const { status, body } = await say(server.url, session.id, { content: "two" }, headers);
      expect([status, body.code]).toEqual([422, "idempotency_mismatch"]);
    });

    test("a session is made once, too", async () => {
      const headers = key();
      const make = () => call<SessionBody>(`${server.url}/sessions`, "POST", { title: "once" }, headers);
      const made = await Promise.all([make(), make(), make()]);
      expect(new Set(made.map(({ body }) => body.id)).size).toBe(1);
    });

    test("a turn that failed after it had spoken gives its failure again, and calls nobody", async () => {
      const session = await newSession(server.url);
      const headers = key();
      server.emulator.play({ fault: "data-error", text: "half of it", chunks: 4, after: 2 });
      const send = () => say(server.url, session.id, { content: "x" }, headers);
      const [first, again] = [await send(), await send()];
      expect([first.status, first.body.code]).toEqual([503, "provider_unavailable"]);
      expect([again.status, again.body.code, again.body.turn_id]).toEqual([503, first.body.code, first.body.turn_id]);
      expect(server.emulator.callCount).toBe(1);
    });
  });
});
