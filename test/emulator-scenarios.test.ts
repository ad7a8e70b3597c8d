// How an answer of the emulator is chosen, paced and cut, and what is recorded of it.

import { afterAll, beforeEach, expect, test } from "bun:test";
import { Call } from "../emulator/call.ts";
import { startEmulator } from "../emulator/emulator.ts";
import { generateScript } from "../emulator/generate.ts";
import { PrefixCache } from "../emulator/prefix-cache.ts";
import { testClock } from "./clock.ts";
import { type AskOptions, ask, askEvents, openWire, textOf, user, watchCall } from "./emulator-client.ts";

const emulator = await startEmulator({ now: testClock });
afterAll(() => emulator.close());
beforeEach(() => emulator.reset());

const unary = "generateContent";
const json = async (prompt: string, options: AskOptions = {}) =>
  (await ask(emulator.url, prompt, { verb: unary, ...options })).json() as Promise<Record<string, never>>;
const events = (prompt: string, options: AskOptions = {}) => askEvents(emulator.url, prompt, options);

test("in demo mode the events come one by one, with the delay that was set", async () => {
  const slow = await startEmulator({ now: testClock, chunkDelayMs: 3 });
  const before = performance.now();
  const seen = await watchCall(slow.url, "Hello");
  const count = seen.body.split("data: ").length - 1;
  expect(count).toBeGreaterThan(40);
  expect(performance.now() - before).toBeGreaterThan((count - 1) * 3 * 0.8);
  expect(seen.reads.length).toBeGreaterThan(count / 2);
  await slow.close();
});

test("the queue goes in order, `times` repeats, and `always` comes when it is empty", async () => {
  emulator.play({ fault: "overloaded-503", times: 2 }, { text: "third" });
  emulator.always({ text: "later" });
  const said: string[] = [];
  for (let index = 0; index < 5; index += 1) {
    const response = await ask(emulator.url, "Hello", { verb: unary });
    said.push(response.ok ? textOf([(await response.json()) as never]) : String(response.status));
  }
  expect(said).toEqual(["503", "503", "third", "later", "later"]);
  emulator.always({ fault: "internal-500", times: 1, text: "healed" });
  expect((await ask(emulator.url, "Hello", { verb: unary })).status).toBe(500);
  expect(textOf([(await json("Hello")) as never])).toBe("healed");
});

test("a call can choose for itself: by header, by the model's name, and it leaves the queue alone", async () => {
  emulator.play({ text: "queued" });
  const headers = { "x-emulator-scenario": '{"fault":"quota-minute","retryDelaySeconds":3,"times":1,"text":"after"}' };
  const refused = await ask(emulator.url, "Hello", { verb: unary, headers });
  expect(refused.status).toBe(429);
  expect(await refused.text()).toContain('"retryDelay": "3s"');
  expect(textOf([(await json("Hello", { headers })) as never])).toBe("after");
  const suffixed = await ask(emulator.url, "Hello", { verb: unary, model: "gemini-2.5-flash--internal-500" });
  expect(suffixed.status).toBe(500);
  expect(emulator.calls.at(-1)?.model).toBe("gemini-2.5-flash");
  expect((await ask(emulator.url, "Hello", { verb: "countTokens", model: "gemini-2.5-flash--quota-day" })).status).toBe(
    429,
  );
  expect(textOf([(await json("Hello")) as never])).toBe("queued");
  expect((await ask(emulator.url, "Hello", { model: "gemini-2.5-flash--no-such-fault" })).status).toBe(404);
});

test("a scenario with a mistake is refused by name, in code, in a header and over HTTP", async () => {
  expect(() => emulator.play({ fault: "overload" } as never)).toThrow('"fault" cannot be "overload"');
  expect(() => emulator.always({ chunk: 5 } as never)).toThrow('unknown field "chunk"');
  const bad = await ask(emulator.url, "Hello", { headers: { "x-emulator-scenario": "{no" } });
  expect(bad.status).toBe(400);
  const posted = await fetch(`${emulator.url}/emulator/play`, { method: "POST", body: '[{"delayMs":-1}]' });
  expect([posted.status, await posted.text()]).toEqual([400, 'emulator: "delayMs" cannot be -1\n']);
});

test("the control endpoints play, show without the key, and reset", async () => {
  const post = (path: string, body: unknown) =>
    fetch(`${emulator.url}/emulator/${path}`, { method: "POST", body: JSON.stringify(body) });
  expect(await (await post("play", [{ text: "first" }])).json()).toEqual({ queued: 1 });
  await post("always", { text: "rest" });
  expect(textOf(await events("Hello"))).toBe("first");
  expect(textOf(await events("Hello"))).toBe("rest");
  const shown = (await (await fetch(`${emulator.url}/emulator/calls`)).json()) as {
    callCount: number;
    calls: unknown[];
  };
  expect(shown.callCount).toBe(2);
  expect(shown.calls[0]).toMatchObject({
    verb: "streamGenerateContent",
    body: { contents: [user("Hello")] },
    status: 200,
  });
  expect(JSON.stringify(shown)).not.toContain("test-key");
  await post("reset", null);
  expect(emulator.callCount).toBe(0);
  expect(textOf(await events("Hello"))).toContain("no AI is answering");
});

test("served bytes go out exactly, each chunk a write of its own, unchecked", async () => {
  const recorded = 'data: {"candidates": [{"content": {"parts": [{"text": "€"}]}}]}\r\n\r\n';
  const bytes = Buffer.from(recorded);
  emulator.serve({
    headers: { "content-type": "text/event-stream" },
    chunks: [bytes.subarray(0, 54), bytes.subarray(54)],
  });
  emulator.serve({ status: 418, headers: { "x-tape": "yes" }, chunks: ["short and stout"] });
  emulator.serve({ chunks: ["half"], end: "reset" });
  expect((await watchCall(emulator.url, "")).body).toBe(recorded);
  const teapot = await ask(emulator.url, "", { headers: { "x-goog-api-key": "" } });
  expect([teapot.status, teapot.headers.get("x-tape"), await teapot.text()]).toEqual([418, "yes", "short and stout"]);
  expect(await watchCall(emulator.url, "")).toMatchObject({ body: "half", ended: "reset" });
});

test("a record tells a whole answer from one whose client left, and keeps the last usage that was sent", async () => {
  const whole = await events("Hello");
  const wire = openWire(emulator.url, "Привіт", {
    headers: { "x-emulator-scenario": '{"text":"a b c d e f g h i j","chunks":10,"delayMs":2}' },
  });
  await wire.until('"responseId"', 3);
  wire.socket.destroy();
  await emulator.idle();
  const [first, second] = emulator.generateCalls();
  expect(first).toMatchObject({
    method: "POST",
    verb: "streamGenerateContent",
    finished: true,
    disconnected: false,
    status: 200,
  });
  expect(first?.usage).toEqual(whole.at(-1)!.usageMetadata!);
  expect(second).toMatchObject({
    finished: false,
    disconnected: true,
    bodyText: JSON.stringify({ contents: [user("Привіт")] }),
  });
  expect(second?.usage?.candidatesTokenCount).toBeGreaterThanOrEqual(2);
  expect(second?.usage?.candidatesTokenCount).toBeLessThan(5);
});

test("an answer that would begin after the caller's deadline is a 504 at that moment; an earlier one is not", async () => {
  emulator.play({ firstByteMs: 20 });
  expect((await ask(emulator.url, "Hello", { headers: { "x-server-timeout": "10" } })).status).toBe(200);
  const call = new Call({ headers: { "x-server-timeout": "10" } } as never);
  call.bytes = Buffer.from(JSON.stringify({ contents: [user("Hello")] }));
  const context = { model: "gemini-2.5-flash", version: "v1beta", framing: "sse" as const };
  const kitchen = { cache: new PrefixCache(), chunkDelayMs: 0, now: Date.now };
  const script = (firstByteMs: number) => generateScript(call, { firstByteMs }, context, kitchen);
  expect(script(10_001)).toMatchObject({ status: 504, waitMs: 10_000 });
  expect(script(10_000)).toMatchObject({ status: 200, waitMs: 10_000 });
});

test("a client that leaves before the first byte is seen at once", async () => {
  emulator.play({ firstByteMs: 600_000 });
  const wire = openWire(emulator.url, "Hello");
  while (emulator.callCount === 0) await new Promise(setImmediate);
  wire.socket.destroy();
  await emulator.idle();
  expect(emulator.generateCalls()[0]).toMatchObject({ disconnected: true, status: 0 });
});

test("a served header that HTTP does not allow ends that call only", async () => {
  emulator.serve({ headers: { "bad name": "x" }, chunks: ["x"] });
  expect((await watchCall(emulator.url, "Hello")).status).toBe(0);
  expect((await ask(emulator.url, "Hello")).status).toBe(200);
});

test("only as many calls are kept as asked for; the count goes on", async () => {
  const small = await startEmulator({ now: testClock, record: 2 });
  for (const said of ["one", "two", "three"]) await (await ask(small.url, said)).text();
  expect(small.calls.map((call) => call.bodyText.includes("one"))).toEqual([false, false]);
  expect(small.callCount).toBe(3);
  await small.close();
});

test("load answers are the same events from bytes made once, whatever was asked", async () => {
  emulator.always({ chunks: 100, unchecked: true });
  const first = await (await ask(emulator.url, "Hello")).text();
  expect(first.split("data: ")).toHaveLength(101);
  expect(await (await ask(emulator.url, "x", { body: { contents: [] } })).text()).toBe(first);
  const usage = emulator.calls[1]?.usage;
  expect(usage?.totalTokenCount).toBe(Number(usage?.promptTokenCount) + Number(usage?.candidatesTokenCount));
});

test("close ends what hangs and frees the port", async () => {
  const brief = await startEmulator({ now: testClock });
  brief.play({ fault: "no-headers" });
  const wire = openWire(brief.url, "Hello");
  while (brief.callCount === 0) await new Promise(setImmediate);
  await brief.close();
  await wire.ended;
  const again = await startEmulator({ now: testClock, port: brief.port });
  expect(again.port).toBe(brief.port);
  await expect(startEmulator({ now: testClock, port: brief.port })).rejects.toThrow();
  await again.close();
});
