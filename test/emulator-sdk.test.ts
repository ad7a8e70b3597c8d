// Acceptance: the official SDK, as it comes, meets in the emulator what it was measured to meet on the real wire.

import { afterAll, beforeEach, expect, test } from "bun:test";
import { ApiError, type GenerateContentConfig, type GenerateContentResponse, GoogleGenAI } from "@google/genai";
import { type Scenario, startEmulator } from "../emulator/emulator.ts";
import { testClock } from "./clock.ts";

const emulator = await startEmulator({ now: testClock });
const sdk = new GoogleGenAI({
  apiKey: "sdk-key",
  enterprise: false,
  apiVersion: "v1beta",
  httpOptions: { baseUrl: emulator.url },
});
afterAll(() => emulator.close());
beforeEach(() => emulator.reset());

const text = "Один два three four five six seven eight nine ten.";
const model = "gemini-2.5-flash";

interface Outcome {
  chunks: GenerateContentResponse[];
  text: string;
  error: Error | undefined;
}

async function stream(scenario: Scenario, config?: GenerateContentConfig): Promise<Outcome> {
  emulator.play({ text, ...scenario });
  const outcome: Outcome = { chunks: [], text: "", error: undefined };
  try {
    for await (const chunk of await sdk.models.generateContentStream({ model, contents: "Hello", config })) {
      outcome.chunks.push(chunk);
      outcome.text += chunk.text ?? "";
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    outcome.error = error;
  }
  return outcome;
}

const firstTwo = "Один два three";
const incomplete = "Incomplete JSON segment at the end";

test("a data: event with an error code becomes an ApiError with its status, after the text before it", async () => {
  const { text: got, error } = await stream({ fault: "data-error" });
  expect(got).toBe(firstTwo);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 503, message: expect.stringMatching(/^got status: UNAVAILABLE\. \{/) });
});

test("a data: error without a numeric code is yielded as an empty chunk", async () => {
  const { chunks, text: got, error } = await stream({ fault: "data-error-no-code" });
  expect({ got, error, count: chunks.length }).toEqual({ got: firstTwo, error: undefined, count: 3 });
  expect(chunks[2]?.candidates).toBeUndefined();
});

test("raw error JSON in a network chunk of its own becomes an ApiError", async () => {
  const { text: got, error } = await stream({ fault: "raw-error-alone" });
  expect(got).toBe(firstTwo);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 503 });
});

for (const fault of ["raw-error-glued", "raw-error-split", "array-error", "truncated-event"] as const) {
  test(`${fault}: the SDK only says that the JSON is incomplete`, async () => {
    const { text: got, error } = await stream({ fault });
    expect(got).toBe(firstTwo);
    expect(error).not.toBeInstanceOf(ApiError);
    expect(error?.message).toBe(incomplete);
  });
}

test("a last event without its blank line is lost as incomplete JSON", async () => {
  const { text: got, error } = await stream({ fault: "no-final-delimiter" });
  expect(got).toBe("Один два three four five six seven eight nine");
  expect(error?.message).toBe(incomplete);
});

test("events with an event: line are dropped without a word", async () => {
  expect(await stream({ fault: "named-events" })).toEqual({ chunks: [], text: "", error: undefined });
});

test("data: [DONE] is a SyntaxError after the whole text", async () => {
  const { text: got, error } = await stream({ fault: "done-marker" });
  expect(got).toBe(text);
  expect(error).toBeInstanceOf(SyntaxError);
});

test("bad JSON in data: is a SyntaxError", async () => {
  const { text: got, error } = await stream({ fault: "bad-event" });
  expect(got).toBe(firstTwo);
  expect(error).toBeInstanceOf(SyntaxError);
});

for (const fault of ["reset-midstream", "close-midstream"] as const) {
  test(`${fault}: a TypeError of the fetch beneath it, no ApiError`, async () => {
    const { text: got, error } = await stream({ fault });
    expect(got).toBe(firstTwo);
    expect(error?.name).toBe("TypeError");
    expect(error).not.toBeInstanceOf(ApiError);
  });
}

test("a stream without finishReason, an empty body and a blocked prompt all end normally", async () => {
  const open = await stream({ fault: "no-finish" });
  expect(open).toMatchObject({ text, error: undefined });
  expect(open.chunks.at(-1)?.candidates?.[0]?.finishReason).toBeUndefined();
  expect(await stream({ fault: "empty-200" })).toEqual({ chunks: [], text: "", error: undefined });
  const blocked = await stream({ fault: "blocked-prompt" });
  expect(blocked.error).toBeUndefined();
  expect(String(blocked.chunks[0]?.promptFeedback?.blockReason)).toBe("PROHIBITED_CONTENT");
});

test("200 with HTML is incomplete JSON on a stream and a SyntaxError on a unary call", async () => {
  expect((await stream({ fault: "html-200" })).error?.message).toBe(incomplete);
  emulator.play({ fault: "html-200" });
  await expect(sdk.models.generateContent({ model, contents: "Hello" })).rejects.toBeInstanceOf(SyntaxError);
  await emulator.idle();
});

test("an error before a stream is an ApiError whose message is JSON inside JSON", async () => {
  const { error, chunks } = await stream({ fault: "overloaded-503" });
  expect(chunks).toEqual([]);
  expect(error).toMatchObject({ name: "ApiError", status: 503 });
  const outer = JSON.parse(error!.message).error;
  expect(outer.code).toBe(503);
  expect(JSON.parse(outer.message).error).toEqual({
    code: 503,
    message: "The model is overloaded. Please try again later.",
    status: "UNAVAILABLE",
  });
});

test("an error on a unary call is an ApiError whose message is the vendor's JSON", async () => {
  emulator.play({ fault: "quota-minute", retryDelaySeconds: 7 });
  const error = await sdk.models.generateContent({ model, contents: "Hello" }).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 429 });
  expect(JSON.parse((error as ApiError).message).error.details[2].retryDelay).toBe("7s");
});

test("text cut inside its characters arrives whole", async () => {
  expect(await stream({ fault: "split-utf8" })).toMatchObject({ text, error: undefined });
});

test("leaving the loop does not cancel; aborting does", async () => {
  emulator.play({ fault: "slow-drip", text, delayMs: 1 });
  const abort = new AbortController();
  const config = { abortSignal: abort.signal };
  for await (const _ of await sdk.models.generateContentStream({ model, contents: "Hello", config })) break;
  const call = emulator.generateCalls()[0]!;
  emulator.play({ text });
  await sdk.models.generateContent({ model, contents: "Hello" });
  expect(call.disconnected).toBe(false);
  abort.abort();
  await emulator.idle();
  expect(call.disconnected).toBe(true);
});

test("a whole conversation: system instruction, thoughts, signature and usage come through", async () => {
  const config = { systemInstruction: "Be brief.", thinkingConfig: { includeThoughts: true, thinkingBudget: 100 } };
  const { chunks, text: got } = await stream({ signature: "c2lnbmVk" }, config);
  expect(got).toBe(text);
  expect(chunks[0]?.candidates?.[0]?.content?.parts?.[0]?.thought).toBe(true);
  expect(chunks.at(-1)?.candidates?.[0]?.content?.parts?.[0]).toEqual({ text: "", thoughtSignature: "c2lnbmVk" });
  const usage = chunks.at(-1)?.usageMetadata;
  expect(usage?.thoughtsTokenCount).toBeGreaterThan(0);
  expect(usage?.totalTokenCount).toBe(
    usage!.promptTokenCount! + usage!.candidatesTokenCount! + usage!.thoughtsTokenCount!,
  );
  expect(emulator.generateCalls()[0]?.body).toMatchObject({ systemInstruction: { parts: [{ text: "Be brief." }] } });
  expect(JSON.stringify(emulator.calls)).not.toContain("sdk-key");
});

test("counting and listing work through the SDK, and paging reaches every model once", async () => {
  const counted = await sdk.models.countTokens({ model, contents: "Hello, world" });
  expect(counted.totalTokens).toBe(3);
  const names: string[] = [];
  for await (const one of await sdk.models.list({ config: { pageSize: 4 } })) names.push(one.name!);
  expect(names).toContain("models/gemini-2.5-flash");
  expect(new Set(names).size).toBe(15);
  expect(names).toHaveLength(15);
  expect(await sdk.models.get({ model })).toMatchObject({ inputTokenLimit: 1_048_576, outputTokenLimit: 65_536 });
});
