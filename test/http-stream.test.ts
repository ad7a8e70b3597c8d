// Event streams: what goes over the line, who waits for whom, and what leaving, silence and slowness do.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import net from "node:net";
import {
  call,
  collect,
  eventually,
  newSession,
  openEvents,
  openStream,
  readEvents,
  readHistory,
  readTurn,
  type SeenEvent,
  say,
  textOf,
} from "./client.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

let server: HttpServer;
beforeAll(async () => {
  server = await startHttp({ times: { heartbeatMs: 60, readerDeadlineMs: 400, firstByteMs: 150 } });
});
afterAll(() => server.stop());
beforeEach(() => server.emulator.reset());

const json = { "content-type": "application/json" };
function post(sessionId: string, body: object, init: RequestInit = {}): Promise<Response> {
  return fetch(`${server.url}/sessions/${sessionId}/messages`, {
    method: "POST",
    body: JSON.stringify(body),
    ...init,
    headers: { ...json, ...init.headers },
  });
}
/** A turn that runs until it is stopped. */
async function runForever(): Promise<{
  sessionId: string;
  turnId: string;
  stream: AsyncGenerator<SeenEvent, void, void>;
}> {
  server.emulator.play({ fault: "slow-drip", delayMs: 40 });
  const { id: sessionId } = await newSession(server.url);
  const stream = await openStream(server.url, sessionId, { content: "first" });
  const start = (await stream.next()).value as SeenEvent;
  return { sessionId, turnId: start.data.turn_id as string, stream };
}
const stop = (turnId: string) => call(`${server.url}/turns/${turnId}/stop`, "POST", { hard: true });

describe("on the line", () => {
  test("each event is id, event and one line of data, whatever the text; headers forbid buffering", async () => {
    const text = "a\nb\r\nc\u2028d\u0085 data: x\n\nevent: turn-end\n😀";
    server.emulator.play({ text, chunks: 1 });
    const response = await post((await newSession(server.url)).id, { content: "hi", stream: true });
    expect(
      Object.fromEntries(
        ["content-type", "cache-control", "x-accel-buffering", "content-encoding"].map((name) => [
          name,
          response.headers.get(name),
        ]),
      ),
    ).toEqual({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
      "content-encoding": null,
    });
    const blocks = (await response.text()).split("\n\n").slice(0, -1);
    for (const [index, block] of blocks.entries())
      expect(block).toMatch(new RegExp(`^id: ${index + 1}\nevent: [a-z-]+\ndata: \\{[^\n\r]*\\}$`));
    const { turn_id } = JSON.parse(blocks[0]!.split("data: ")[1]!) as { turn_id: string };
    expect(response.headers.get("location")).toBe(`/turns/${turn_id}`);
    expect(textOf(await collect(await openEvents(server.url, turn_id)))).toBe(text);
  });

  test("Accept asks for a stream, and `stream` wins over it", async () => {
    const { id } = await newSession(server.url);
    const accept = { accept: "text/event-stream" };
    const type = async (body: object, headers = {}) => {
      const response = await post(id, { content: "hi", ...body }, { headers });
      await response.text();
      return response.headers.get("content-type");
    };
    expect(await type({})).toStartWith("application/json");
    expect(await type({}, accept)).toStartWith("text/event-stream");
    expect(await type({ stream: false }, accept)).toStartWith("application/json");
    for (const [header, wanted] of [
      ["TEXT/Event-Stream", "text/event-stream"],
      ["text/event-stream;q=0.9, */*;q=0.1", "text/event-stream"],
      ["application/json;q=0.5, text/event-stream ; q=0.6", "text/event-stream"],
      ["text/event-stream;q=0, */*", "application/json"],
      ["text/event-stream;q=0.5, application/json", "application/json"],
      ["application/json, text/html", "application/json"],
      ["*/*", "application/json"],
    ] as const)
      expect([header, await type({}, { accept: header })]).toEqual([header, expect.stringContaining(wanted)]);
  });

  test("Last-Event-ID and ?after begin after it, the header wins, and beyond the end there is nothing", async () => {
    const { id } = await newSession(server.url);
    server.emulator.play({ text: "one two three four", chunks: 4 });
    const { body } = await say(server.url, id, { content: "hi" });
    const whole = await collect(await openEvents(server.url, body.turn.id));
    const from = async (query: string, headers: Record<string, string> = {}) =>
      collect(readEvents(await fetch(`${server.url}/turns/${body.turn.id}/events${query}`, { headers })));
    for (let after = 0; after < whole.length; after++)
      expect(textOf(await from(`?after=${after}`))).toBe(textOf(whole.slice(after)));
    expect((await from("?after=1", { "last-event-id": "3" })).map(({ number }) => number)).toEqual(
      whole.slice(3).map(({ number }) => number),
    );
    // An EventSource connects again when a stream ends, for ever, unless it is told that nothing will follow.
    for (const after of [whole.length, whole.length + 1, 999_999_999]) {
      const nothing = await fetch(`${server.url}/turns/${body.turn.id}/events`, {
        headers: { "last-event-id": String(after) },
      });
      expect([after, nothing.status, await nothing.text()]).toEqual([after, 204, ""]);
    }
    for (const wrong of ["-1", "x", "1e3", "99999999999999999999"])
      expect(
        (await call(`${server.url}/turns/${body.turn.id}/events`, "GET", undefined, { "last-event-id": wrong })).status,
      ).toBe(422);
  });

  test("silence is filled with comments that are no events", async () => {
    server.emulator.play({ fault: "stall", text: "some words, then nothing", chunks: 6, after: 2 });
    const response = await post((await newSession(server.url)).id, { content: "hi", stream: true });
    const text = await response.text(); // the vendor's silence ends the turn after 300 ms
    expect(text.match(/^: keep-alive\n\n/gm)?.length).toBeGreaterThanOrEqual(2);
    expect(text).toMatch(/event: turn-end\ndata: .*\n\n$/);
  });

  test("the first byte comes in time, also when the model has not said a word", async () => {
    server.emulator.play({ firstByteMs: 290, text: "late" });
    const started = performance.now();
    const response = await post((await newSession(server.url)).id, { content: "hi", stream: true });
    const reader = response.body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toStartWith("id: 1\nevent: turn-start\n");
    expect(performance.now() - started).toBeLessThan(290);
    await reader.cancel();
  });
});

describe("waiting for a busy session", () => {
  test("a queued stream begins with a comment and goes on as any other", async () => {
    const running = await runForever();
    const response = await post(running.sessionId, { content: "second", stream: true, if_busy: "queue" });
    expect(response.status).toBe(200);
    await stop(running.turnId);
    const text = await response.text();
    expect(text).toStartWith(": queued\n\n");
    expect(text).toMatch(/event: turn-start\ndata: [^\n]*\n\n/);
    expect(text).toMatch(/event: turn-end\ndata: [^\n]*"status":"complete"/);
    await collect(running.stream);
  });

  test("one that cannot begin after all tells so in its only event", async () => {
    const running = await runForever();
    const response = await post(running.sessionId, { content: "second", stream: true, if_busy: "queue" });
    await call(`${server.url}/sessions/${running.sessionId}`, "DELETE");
    await stop(running.turnId);
    const [, data] = /^(?:: [a-z-]+\n\n)+event: error\ndata: (.*)\n\n$/.exec(await response.text())!;
    expect(JSON.parse(data!)).toMatchObject({
      status: 409,
      code: "conflict",
      request_id: response.headers.get("x-request-id"),
    });
    await collect(running.stream);
  });

  test("a refusal that is known at once is a real status, also for a stream", async () => {
    const running = await runForever();
    const waiting = Array.from({ length: 4 }, (_, index) =>
      post(running.sessionId, { content: `q${index}`, if_busy: "queue" }),
    );
    await eventually(
      async () => (await post(running.sessionId, { content: "one too many", stream: true, if_busy: "queue" })).status,
      (status) => status === 409,
    );
    await stop(running.turnId);
    for (const response of await Promise.all(waiting)) expect(response.status).toBe(201);
    await collect(running.stream);
  });

  test.each([false, true])("who leaves the queue (stream: %p) has not said anything", async (stream) => {
    const running = await runForever();
    const abort = new AbortController();
    const queued = post(
      running.sessionId,
      { content: "never mind", stream, if_busy: "queue" },
      { signal: abort.signal },
    );
    if (stream) await (await queued).body!.getReader().read();
    else
      await eventually(
        async () => (await post(running.sessionId, { content: "x" })).status,
        (status) => status === 409,
      );
    abort.abort();
    await queued.catch(() => {});
    await eventually(
      async () =>
        server.logged.filter(
          ({ fields }) => fields.session_id === running.sessionId && (fields.ended === "left" || fields.status === 400),
        ).length,
      (count) => count === 1,
    );
    await stop(running.turnId);
    await collect(running.stream);
    await say(server.url, running.sessionId, { content: "after", if_busy: "queue" });
    const said = (await readHistory(server.url, running.sessionId)).data.filter(({ role }) => role === "user");
    expect(said.map(({ content }) => content)).toEqual(["first", "after"]);
  });
});

describe("leaving", () => {
  test("neither a stream's nor a JSON caller's leaving stops the turn", async () => {
    for (const stream of [true, false]) {
      const { id } = await newSession(server.url);
      server.emulator.play({ text: "this goes on without you", chunks: 10, delayMs: 15 });
      const abort = new AbortController();
      const asked = post(id, { content: "hi", stream }, { signal: abort.signal });
      if (stream) await (await asked).body!.getReader().read();
      else
        await eventually(
          async () => (await readHistory(server.url, id)).session.running_turn_id,
          (turn) => turn !== null,
        );
      abort.abort();
      await asked.catch(() => {});
      const history = await eventually(
        () => readHistory(server.url, id),
        ({ session }) => session.running_turn_id === null && session.message_count === 2,
      );
      expect(history.data[1]).toMatchObject({ status: "complete", content: "this goes on without you" });
    }
  });

  test("a thousand readers who leave leave nothing behind", async () => {
    const running = await runForever();
    for (let round = 0; round < 20; round++) {
      const abort = new AbortController();
      const readers = await Promise.all(
        Array.from({ length: 50 }, async () => {
          const response = await fetch(`${server.url}/turns/${running.turnId}/events`, { signal: abort.signal });
          await response.body!.getReader().read();
        }),
      );
      expect(readers).toHaveLength(50);
      abort.abort();
    }
    await eventually(
      async () => server.app.openStreams,
      (open) => open === 1,
    ); // the one that started the turn
    expect((await readTurn(server.url, running.turnId)).status).toBe("running");
    await stop(running.turnId);
    expect((await collect(running.stream)).at(-1)?.type).toBe("turn-end");
    expect(server.app.openStreams).toBe(0);
  });
});

describe("a reader who does not read", () => {
  test("is dropped after its deadline; the turn and the other readers do not wait for it, and it can resume", async () => {
    const own = await startHttp({ times: { readerDeadlineMs: 400 }, providerMs: 5_000 });
    const text = "x".repeat(4_000_000); // more than the sockets take of a paused reader, less than an answer may have
    own.emulator.play({
      text,
      chunks: 300,
      usage: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 },
    });
    const stream = await openStream(own.url, (await newSession(own.url)).id, { content: "hi" });
    const start = (await stream.next()).value as SeenEvent;
    const turnId = start.data.turn_id as string;
    const stuck = net.connect(own.port, "127.0.0.1");
    try {
      stuck.pause();
      stuck.on("error", () => {}); // being cut off is what must happen
      stuck.write(`GET /turns/${turnId}/events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      const others = await collect(stream);
      expect(others.at(-1)?.data.turn?.status).toBe("complete");
      const findDrop = async () =>
        own.logged.find(({ fields }) => fields.turn_id === turnId && fields.ended === "dropped");
      const line = await eventually(findDrop, (found) => found !== undefined);
      expect(line!.fields).toMatchObject({ route: "/turns/{id}/events", status: 200 });
      expect(textOf(await collect(await openEvents(own.url, turnId)))).toBe(text);
      expect(own.app.openStreams).toBe(0);
    } finally {
      stuck.destroy();
      await own.stop();
    }
  });
});
