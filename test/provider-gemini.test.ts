// The Gemini adapter against the emulator: the contract of all adapters, every fault there is, and the control plane.

import { fullGC, heapStats } from "bun:jsc";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Emulator, faultNames, type Scenario, startEmulator } from "../emulator/emulator.ts";
import { usageOf } from "../src/money/usage.ts";
import type { ProviderRequest } from "../src/provider.ts";
import { createProvider } from "../src/providers/index.ts";
import { testClock } from "./clock.ts";
import { startFixtureServer } from "./fixture-server.ts";
import { describeProviderContract, type Situation } from "./provider-contract.ts";
import { codeOf, readCall } from "./read-call.ts";

const model = "gemini-2.5-flash";
const said = { text: "one two three", chunks: 3 };
const scenarios: Record<Situation, Scenario> = {
  answer: said,
  "signed-answer": { ...said, signature: "EjQKMgEw+/==" },
  "token-limit": { fault: "max-tokens-no-parts" },
  blocked: { fault: "blocked-prompt" },
  empty: { fault: "empty-stop" },
  "key-refused": { fault: "bad-key" },
  "model-gone": { fault: "retired-model" },
  "rate-limited": { fault: "quota-minute", retryDelaySeconds: 48 },
  "too-long": { fault: "too-long" },
  invalid: { fault: "bad-argument" },
  broken: { fault: "internal-500" },
  overloaded: { fault: "overloaded-503" },
  cut: { ...said, fault: "close-midstream", after: 1, delayMs: 20 },
  unfinished: { ...said, fault: "no-finish", after: 1 },
  stalled: { ...said, fault: "stall", after: 1 },
  endless: { fault: "slow-drip", delayMs: 5 },
  silent: { fault: "no-headers" },
};

describeProviderContract("Gemini", async () => {
  const emulator = await startEmulator({ now: testClock, apiKeys: ["right"] });
  return {
    model,
    createProvider: (settings) => createProvider({ apiKey: "right", baseUrl: emulator.url, ...settings }),
    play: (...situations) => emulator.play(...situations.map((situation) => scenarios[situation])),
    requestCount: () => emulator.callCount,
    async lastWasLeft() {
      await emulator.idle();
      return emulator.generateCalls().at(-1)?.disconnected ?? false;
    },
    close: () => emulator.close(),
  };
});

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator({ now: testClock });
});
afterAll(() => emulator.close());

const request: ProviderRequest = {
  model,
  system: null,
  memory: new Uint8Array(0),
  question: "hi",
  params: {},
};
function call(settings: Partial<Parameters<typeof createProvider>[0]> = {}) {
  const provider = createProvider({
    apiKey: "k",
    baseUrl: emulator.url,
    retry: { maxAttempts: 2, baseDelayMs: 1 },
    ...settings,
  });
  return readCall(provider.stream(request, new AbortController().signal));
}

/** What each outcome of a fault must look like from here. */
function judge(outcome: string, read: Awaited<ReturnType<typeof call>>): boolean {
  const { finishReason } = read.record;
  const failed = codeOf(read)?.match(/^(provider_|model_not_found|context_too_long)/) != null;
  switch (outcome) {
    case "answer":
      return read.error === null && read.text !== "" && finishReason !== null;
    case "blocked":
    case "empty":
      return read.error === null && finishReason === outcome;
    case "wordless":
      return (
        read.error === null && read.text === "" && read.record.notShown.length > 0 && finishReason === "tool_calls"
      );
    case "cut":
      return read.error === null && finishReason === "max_tokens";
    case "silence":
      return codeOf(read) === "provider_timeout";
    default:
      return failed && (finishReason === null || finishReason === "pup_limited_disabled");
  }
}

for (const fault of faultNames) {
  test(`fault ${fault.name}: ${fault.outcome}`, async () => {
    const fast = { times: 2, firstByteMs: 30, delayMs: fault.name === "slow-drip" ? 5 : 0, retryDelaySeconds: 90 };
    emulator.reset();
    emulator.play({ fault: fault.name, ...fast });
    const before = emulator.callCount;
    const read = await call({
      deadlines: { firstByteMs: 400, idleMs: 400, totalMs: fault.name === "slow-drip" ? 300 : 5_000 },
    });
    if (!judge(fault.outcome, read))
      throw new Error(`${fault.outcome}, but ${JSON.stringify(read.record)} ${String(read.error)}`);
    expect(read.attempts).toHaveLength(emulator.callCount - before);
    await emulator.idle(); // whatever happened, no connection is left open
  });
}

test("an answer of 3 MB in one event, and one of 2,000 events, arrive whole", async () => {
  emulator.reset();
  emulator.play({ fault: "huge-event" }, { fault: "many-tiny" });
  expect((await call()).text.length).toBe(3 * 1024 * 1024);
  expect((await call()).text.length).toBe(2000);
});

test("the last usage is what the vendor last sent, never a sum", async () => {
  emulator.reset();
  emulator.play({ chunks: 50, thoughts: "let me think", toolTokens: 7 });
  const read = await call();
  const sent = emulator.generateCalls().at(-1)?.usage;
  expect(JSON.parse(read.record.usageRaw!)).toEqual(sent);
  const meter = createProvider({ apiKey: "k" }).readUsage(read.record.usageRaw!);
  expect(meter.balanced).toBe(true);
  expect(usageOf(meter).totalTokens).toBe(sent?.totalTokenCount as number);
});

test("the control plane gives up on a silent vendor, maps refusals and can be stopped", async () => {
  const server = await startFixtureServer();
  const provider = createProvider({ apiKey: "k", baseUrl: server.url, deadlines: { firstByteMs: 600 } });
  const codeOfFailed = (promise: Promise<unknown>) =>
    promise.then(
      () => null,
      (error) => codeOf({ error }),
    );
  const never = new AbortController().signal;
  server.reply = () => ({ end: "silent" });
  expect(await codeOfFailed(provider.countTokens(request, never))).toBe("provider_timeout");
  expect(await codeOfFailed(provider.listModels(never))).toBe("provider_timeout");
  const controller = new AbortController();
  const stopped = provider.listModels(controller.signal).catch((error: unknown) => error);
  controller.abort("enough");
  expect(await stopped).toBe("enough");
  server.reply = () => ({ status: 503, chunks: ['{"error": {"code": 503,"message": "x","status": "UNAVAILABLE"}}'] });
  expect(await codeOfFailed(provider.countTokens(request, never))).toBe("provider_unavailable");
  server.reply = () => ({ headers: { "content-type": "text/html" }, chunks: ["<html>"] });
  expect(await codeOfFailed(provider.listModels(never))).toBe("provider_error");
  expect(await codeOfFailed(createProvider({ apiKey: "" }).listModels(never))).toBe("provider_refused_key");
  for (const seen of server.requests) expect(seen.url).not.toContain("key=");
  await server.close();
  expect(await codeOfFailed(provider.listModels(never))).toBe("provider_unavailable");
});

test("a call that is answered holds its prompt no longer, however long the answer takes", async () => {
  const event = { candidates: [{ content: { parts: [{ text: "one " }], role: "model" }, index: 0 }] };
  const server = createServer((request, response) => {
    request.resume().on("end", () => response.writeHead(200).write(`data: ${JSON.stringify(event)}\n\n`));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const provider = createProvider({
    apiKey: "right",
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
  const abort = new AbortController();
  const promptCharacters = 1_000_000;
  /** A call whose answer has begun, and does not go on. */
  const begin = async (number: number) => {
    const question = `${number} ${"слово ".repeat(promptCharacters / 6)}`;
    const call = provider.stream({ ...request, question }, abort.signal)[Symbol.asyncIterator]();
    expect((await call.next()).value).toEqual([{ type: "text-delta", text: "one ", pieces: ["one "] }]);
    return { more: call.next().catch(() => "aborted") };
  };
  const heldBytes = () => {
    fullGC();
    return heapStats().heapSize;
  };
  const open = [await begin(0)]; // the first one also pays for what all of them share
  const before = heldBytes();
  const calls = 8;
  for (let number = 1; number <= calls; number++) open.push(await begin(number));
  // Two bytes for each of these characters: one copy held by each call would be twice as much. The last ones may lie on the stack.
  expect(heldBytes() - before).toBeLessThan(calls * promptCharacters);
  abort.abort();
  for (const { more } of open) expect(await more).toBe("aborted");
  server.close();
});
