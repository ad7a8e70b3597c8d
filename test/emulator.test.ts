// What the emulator answers when nothing is wrong: the forms, the counts, the cache, thinking, and the demo text.

import { afterAll, beforeEach, expect, test } from "bun:test";
import fc from "fast-check";
import { startEmulator } from "../emulator/emulator.ts";
import { PrefixCache } from "../emulator/prefix-cache.ts";
import { countTextTokens, cutToTokens } from "../emulator/tokens.ts";
import { testClock } from "./clock.ts";
import { type AskOptions, ask, askEvents, model, textOf, user, watchCall } from "./emulator-client.ts";

const emulator = await startEmulator({ now: testClock });
afterAll(() => emulator.close());
beforeEach(() => emulator.reset());

const unary = "generateContent";
const json = async (prompt: string, options: AskOptions = {}) =>
  (await ask(emulator.url, prompt, { verb: unary, ...options })).json() as Promise<Record<string, never>>;
const events = (prompt: string, options: AskOptions = {}) => askEvents(emulator.url, prompt, options);

test("a stream has the vendor's headers, one line of JSON an event, CRLF, and no [DONE]", async () => {
  emulator.play({ text: "Привіт", chunks: 2, responseId: "r1" });
  const seen = await watchCall(emulator.url, "Hello");
  expect(seen.headers).toContain("content-type: text/event-stream\r\n");
  expect(seen.headers).toContain("content-disposition: attachment");
  expect(seen.headers).toContain("transfer-encoding: chunked");
  const usage = (answer: number) =>
    `"usageMetadata": {"promptTokenCount": 2,"candidatesTokenCount": ${answer},"totalTokenCount": ${answer + 2},` +
    `"promptTokensDetails": [{"modality": "TEXT","tokenCount": 2}],"serviceTier": "standard"}`;
  const tail = '"modelVersion": "gemini-2.5-flash","responseId": "r1"}\r\n\r\n';
  expect(seen.body).toBe(
    `data: {"candidates": [{"content": {"parts": [{"text": "При"}],"role": "model"},"index": 0}],${usage(2)},${tail}` +
      `data: {"candidates": [{"content": {"parts": [{"text": "віт"}],"role": "model"},"finishReason": "STOP","index": 0}],${usage(3)},${tail}`,
  );
});

test("a unary answer is pretty-printed JSON, compressed for those who take it, with the stream's text and usage", async () => {
  const plain = await watchCall(emulator.url, "Hello", { verb: unary });
  expect(plain.headers).toContain("content-type: application/json; charset=utf-8");
  expect(plain.headers).not.toContain("content-encoding");
  expect(plain.body).toStartWith('{\n  "candidates": [\n    {\n');
  const packed = await watchCall(emulator.url, "Hello", { verb: unary, headers: { "accept-encoding": "gzip" } });
  expect(packed.headers).toContain("content-encoding: gzip");
  const streamed = await events("Hello");
  const whole = JSON.parse(plain.body);
  expect(textOf([whole])).toBe(textOf(streamed));
  expect(whole.usageMetadata).toEqual(streamed.at(-1)?.usageMetadata);
  expect(whole.responseId).toBe(streamed[0]?.responseId);
});

test("without alt=sse a stream is one JSON array of the same events; its errors are in an array too", async () => {
  const list = await ask(emulator.url, "Hello", { verb: "streamGenerateContent" });
  expect(list.headers.get("content-type")).toBe("application/json; charset=UTF-8");
  expect(await list.json()).toEqual(await events("Hello"));
  emulator.play({ fault: "data-error" }, { fault: "overloaded-503" });
  const broken = (await (await ask(emulator.url, "Hello", { verb: "streamGenerateContent" })).json()) as unknown[];
  expect(broken).toHaveLength(3);
  expect(broken[2]).toMatchObject({ error: { code: 503 } });
  const refused = await ask(emulator.url, "Hello", { verb: "streamGenerateContent" });
  expect(await refused.json()).toMatchObject([{ error: { code: 503, status: "UNAVAILABLE" } }]);
});

test("the same request gets the same bytes, from this emulator and from another", async () => {
  const other = await startEmulator({ now: testClock });
  const bytes = async (base: string) => (await ask(base, "Tell me about tables")).text();
  const first = await bytes(emulator.url);
  expect(await bytes(emulator.url)).toBe(first);
  expect(await bytes(other.url)).toBe(first);
  expect(await (await ask(emulator.url, "Something else")).text()).not.toBe(first);
  await other.close();
});

test("usage adds up in every event of any answer, grows, is absent where zero, and can be counted again", async () => {
  const scenario = fc.record(
    {
      text: fc.string({ unit: "binary", minLength: 1, maxLength: 300 }),
      thoughts: fc.string({ minLength: 1, maxLength: 60 }).filter((thoughts) => thoughts.trim() !== ""),
      chunks: fc.integer({ min: 1, max: 12 }),
      toolTokens: fc.integer({ min: 0, max: 50 }),
      cached: fc.integer({ min: 0, max: 500 }),
      signature: fc.constant("c2ln"),
    },
    { requiredKeys: ["text"] },
  );
  const prompt = fc.string({ unit: "grapheme", minLength: 1, maxLength: 200 });
  const limit = fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined });
  await fc.assert(
    fc.asyncProperty(scenario, prompt, limit, async (played, said, maxOutputTokens) => {
      emulator.play(played);
      const list = await events(said, { body: { generationConfig: { maxOutputTokens } } });
      let before = 0;
      for (const { usageMetadata: usage = {} } of list) {
        const count = (name: string) => Number(usage[name] ?? 0);
        const total = count("totalTokenCount");
        const parts = ["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount"];
        expect(parts.map(count).reduce((sum, value) => sum + value)).toBe(total);
        expect(total).toBeGreaterThanOrEqual(before);
        expect(count("cachedContentTokenCount")).toBeLessThanOrEqual(count("promptTokenCount"));
        expect(Object.values(usage)).not.toContain(0);
        before = total;
      }
      const last = list.at(-1)?.usageMetadata ?? {};
      const answer = countTextTokens(textOf(list));
      expect(Number(last.candidatesTokenCount ?? 0)).toBe(answer);
      expect(last.promptTokenCount).toBe(Math.max(countTextTokens(said), played.cached ?? 0));
      expect(answer + Number(last.thoughtsTokenCount ?? 0)).toBeLessThanOrEqual(maxOutputTokens ?? Number.MAX_VALUE);
      const cut = textOf(list) !== played.text;
      expect(list.at(-1)?.candidates?.[0]?.finishReason).toBe(cut ? "MAX_TOKENS" : "STOP");
      expect(played.text.startsWith(textOf(list))).toBe(true);
    }),
    { numRuns: 150 },
  );
});

test("cutting to a number of tokens never breaks a character and wastes none that would fit", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 0, max: 30 }), (text, tokens) => {
      const cut = cutToTokens(text, tokens);
      expect(text.startsWith(cut)).toBe(true);
      expect(cut).not.toContain("\ufffd");
      expect(countTextTokens(cut)).toBeLessThanOrEqual(tokens);
      const next = String.fromCodePoint(text.codePointAt(cut.length) ?? 0);
      if (cut !== text) expect(Buffer.byteLength(cut + next)).toBeGreaterThan(tokens * 4);
    }),
  );
});

test("a repeated prefix of 2,048 tokens is cached to the message, byte for byte, for its model only", async () => {
  const long = "x".repeat(2048 * 4);
  const cachedOf = async (contents: unknown[], options: AskOptions = {}) => {
    const list = await events("", { ...options, body: { contents, ...options.body } });
    for (const early of list.slice(0, -1)) expect(early.usageMetadata).not.toHaveProperty("cachedContentTokenCount");
    const usage = list.at(-1)?.usageMetadata ?? {};
    const cached = usage.cachedContentTokenCount;
    if (cached !== undefined) expect(usage.cacheTokensDetails).toEqual([{ modality: "TEXT", tokenCount: cached }]);
    return cached;
  };
  expect(await cachedOf([user(long)])).toBeUndefined();
  expect(await cachedOf([user(long), model("Yes."), user("And?")])).toBe(2048);
  expect(await cachedOf([user(long), model("Yes."), user("And?"), model("No."), user("Oh")])).toBe(2050);
  expect(await cachedOf([user(`${long}y`), model("Yes."), user("And?")])).toBeUndefined();
  expect(await cachedOf([user(long), user("x")], { model: "gemini-2.5-pro" })).toBeUndefined();
  const short = "x".repeat(2047 * 4);
  expect(await cachedOf([user(short), user("one")])).toBeUndefined();
  expect(await cachedOf([user(short), user("two")])).toBeUndefined();
  const system = { systemInstruction: { parts: [{ text: long }] } };
  expect(await cachedOf([user("one")], { body: system })).toBeUndefined();
  expect(await cachedOf([user("two")], { body: system })).toBe(2048);
});

test("the cache is the longest common prefix of whole messages, against a plain reference", () => {
  const block = fc.constantFrom("a", "b", "c");
  fc.assert(
    fc.property(fc.array(fc.array(block, { minLength: 1, maxLength: 6 }), { maxLength: 12 }), (prompts) => {
      const cache = new PrefixCache();
      const earlier: string[][] = [];
      for (const prompt of prompts) {
        const common = (other: string[]) => prompt.findIndex((text, at) => text !== other[at]);
        const longest = Math.max(0, ...earlier.map((other) => (common(other) < 0 ? prompt.length : common(other))));
        const blocks = prompt.map((text) => ({ text, tokens: 10 }));
        expect(cache.measure(blocks, 20)).toBe(longest * 10 >= 20 ? longest * 10 : 0);
        earlier.push(prompt);
      }
    }),
  );
});

test("the cache forgets what was least recently seen", () => {
  const cache = new PrefixCache(2);
  const blocks = (text: string) => [{ text, tokens: 5 }];
  for (const text of ["a", "b", "a", "c"]) cache.measure(blocks(text), 1);
  expect(["a", "b"].map((text) => cache.measure(blocks(text), 1))).toEqual([5, 0]);
});

test("thoughts come when they are asked for, are counted when only thinking is, and never show in the text", async () => {
  const thinking = (thinkingConfig: Record<string, unknown>, name = "gemini-2.5-flash") =>
    json("Why?", { model: name, body: { generationConfig: { thinkingConfig } } }) as Promise<Record<string, unknown>>;
  const counts = async (config: Record<string, unknown>, name?: string) => {
    const answer = (await thinking(config, name)) as { usageMetadata: Record<string, number> };
    return {
      tokens: answer.usageMetadata.thoughtsTokenCount,
      shown: JSON.stringify(answer).includes('"thought":true'),
    };
  };
  expect(await counts({})).toEqual({ tokens: undefined, shown: false });
  expect(await counts({ thinkingBudget: 0 })).toEqual({ tokens: undefined, shown: false });
  expect(await counts({ thinkingBudget: 5 })).toEqual({ tokens: 5, shown: false });
  expect((await counts({ includeThoughts: true })).shown).toBe(true);
  expect((await counts({ thinkingLevel: "high" }, "gemini-3.6-flash")).tokens).toBeGreaterThan(5);
  expect(await counts({ thinkingLevel: "minimal" }, "gemini-3.6-flash")).toEqual({ tokens: undefined, shown: false });
});

test("a small maxOutputTokens with thinking leaves no parts; a stop sequence ends the text before it", async () => {
  const thinkingConfig = { thinkingBudget: 1000 };
  const starved = await json("Why?", { body: { generationConfig: { thinkingConfig, maxOutputTokens: 8 } } });
  expect(starved.candidates).toEqual([{ content: { role: "model" }, finishReason: "MAX_TOKENS", index: 0 }] as never);
  expect(starved.usageMetadata).toMatchObject({ thoughtsTokenCount: 8 });
  expect(starved.usageMetadata).not.toHaveProperty("candidatesTokenCount");
  emulator.play({ text: "one, two; three" });
  const stopped = await events("Count", { body: { generationConfig: { stopSequences: [";", "three"] } } });
  expect(textOf(stopped)).toBe("one, two");
  expect(stopped.at(-1)?.candidates?.[0]?.finishReason).toBe("STOP");
});

test("a JSON answer follows the schema it was given", async () => {
  const responseSchema = {
    type: "OBJECT",
    properties: { name: { type: "STRING" }, age: { type: "INTEGER" }, tags: { type: "ARRAY", items: { enum: ["x"] } } },
  };
  const generationConfig = { responseMimeType: "application/json", responseSchema };
  const answer = textOf(await events("Ada", { body: { generationConfig } }));
  expect(JSON.parse(answer)).toEqual({ name: "Ada", age: 1, tags: ["x"] });
});

test("countTokens counts as a generate call does, alone and with a whole request", async () => {
  const contents = [user("Привіт"), model("Hello there"), user("🌻 and?")];
  const systemInstruction = { parts: [{ text: "Be brief." }] };
  const used = await json("", { body: { contents, systemInstruction } });
  const request = { model: "models/gemini-2.5-flash", contents, systemInstruction };
  const whole = await json("", { verb: "countTokens", body: { contents: undefined, generateContentRequest: request } });
  const alone = await json("", { verb: "countTokens", body: { contents } });
  expect(used.usageMetadata).toMatchObject({ promptTokenCount: whole.totalTokens });
  expect(Number(whole.totalTokens) - Number(alone.totalTokens)).toBe(countTextTokens("Be brief."));
  expect(alone.totalTokens).toBe(
    ["Привіт", "Hello there", "🌻 and?"].map(countTextTokens).reduce((a, b) => a + b) as never,
  );
  expect(emulator.callCount).toBe(1);
});

test("the demo answer says that no AI answers, how to set a key, and what it was given", async () => {
  const contents = [user("My name is Ada"), model("Noted."), user("Show me a <b>table</b> and code")];
  const answer = textOf(await events("", { body: { contents, systemInstruction: { parts: [{ text: "Be kind." }] } } }));
  expect(answer).toMatch(/emulator: no AI is answering/);
  expect(answer).toContain("GEMINI_API_KEY");
  expect(answer).toContain("I was given 2 earlier messages; the first thing you said was “My name is Ada”.");
  expect(answer).toContain("> Show me a <b>table</b> and code");
  expect(answer).toContain("“Be kind.”");
  expect(answer).toMatch(/^- /m);
  expect(answer.match(/^\|[-:| ]+\|$/gm)).toHaveLength(2);
  expect(answer.match(/^```/gm)).toHaveLength(4);
  const short = textOf(await events("Hi"));
  const long = textOf(await events("A long one, please"));
  expect(long.length).toBeGreaterThan(short.length + 500);
});

test("a message with Cyrillic is answered in Ukrainian, with the right forms of the count", async () => {
  const about = async (earlier: number) => {
    const before = Array.from({ length: earlier }, (_, at) => (at % 2 === 0 ? user("Привіт") : model("Hi")));
    return textOf(await events("", { body: { contents: [...before, user("Покажи код")] } }));
  };
  expect(await about(0)).toMatch(/жоден ШІ не відповідає[\s\S]*GEMINI_API_KEY[\s\S]*fetch/u);
  expect(await about(1)).toContain("Мені передали 1 попереднє повідомлення; перше, що ви сказали: «Привіт».");
  expect(await about(3)).toContain("3 попередні повідомлення");
  expect(await about(12)).toContain("12 попередніх повідомлень");
});

test("the finish can come in a last event without text", async () => {
  emulator.play({ text: "done", emptyLast: true });
  const [first, last, ...more] = await events("Hello");
  expect(more).toEqual([]);
  expect(first?.candidates?.[0]?.finishReason).toBeUndefined();
  expect(last?.candidates?.[0]).toEqual({
    content: { parts: [{ text: "" }], role: "model" },
    finishReason: "STOP",
    index: 0,
  });
});
