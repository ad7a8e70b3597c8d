// What the emulator refuses and takes, as the vendor does: keys, bodies, models, ranges.

import { afterAll, beforeEach, expect, test } from "bun:test";
import fc from "fast-check";
import { startEmulator } from "../emulator/emulator.ts";
import { testClock } from "./clock.ts";
import { type AskOptions, ask, model, user } from "./emulator-client.ts";

const emulator = await startEmulator({ now: testClock });
afterAll(() => emulator.close());
beforeEach(() => emulator.reset());

const unary = "generateContent";
const json = async (prompt: string, options: AskOptions = {}) =>
  (await ask(emulator.url, prompt, { verb: unary, ...options })).json() as Promise<Record<string, never>>;

test("the key: none is 403, a wrong one 400 or 401, in the header or the query, and it is never recorded", async () => {
  const guarded = await startEmulator({ now: testClock, apiKeys: ["right-key"] });
  const status = async (headers: Record<string, string>, verb = unary) =>
    (await ask(guarded.url, "Hello", { verb, headers })).status;
  expect(await status({ "x-goog-api-key": "" })).toBe(403);
  expect(await status({ "x-goog-api-key": "wrong" })).toBe(400);
  expect(await status({ "x-goog-api-key": "AQ.wrong" })).toBe(401);
  expect(await status({ "x-goog-api-key": "right-key" })).toBe(200);
  const byQuery = await fetch(`${guarded.url}/any/prefix/v1/models?key=right-key&pageSize=1`);
  expect(byQuery.status).toBe(200);
  expect(guarded.calls.at(-1)?.path).toBe("/any/prefix/v1/models?pageSize=1");
  expect(JSON.stringify(guarded.calls)).not.toMatch(/right-key|wrong/);
  await guarded.close();
});

test("a retired model is answered by its successor, by that one's rules, from its day on", async () => {
  let now = Date.parse("2026-11-30T23:59:59.999Z");
  const dated = await startEmulator({ now: () => now });
  const old = { model: "gemini-2.5-flash", verb: unary };
  const asked = async (thinkingConfig: object) => {
    const answer = await ask(dated.url, "Hello", { ...old, body: { generationConfig: { thinkingConfig } } });
    const { modelVersion, error } = (await answer.json()) as Record<string, { message: string }>;
    return [answer.status, modelVersion ?? error?.message];
  };
  expect(await asked({ thinkingBudget: 0 })).toEqual([200, "gemini-2.5-flash"] as never);
  expect(await asked({ thinkingLevel: "LOW" })).toEqual([
    400,
    "Thinking level is not supported for this model.",
  ] as never);
  now += 1;
  expect(await asked({ thinkingBudget: 0 })).toEqual([
    400,
    "Thinking budget is not supported for this model.",
  ] as never);
  expect(await asked({ thinkingLevel: "LOW" })).toEqual([200, "gemini-3.5-flash-lite"] as never);
  await dated.close();
});

type Refused = [name: string, body: Record<string, unknown>, words: RegExp | string, options?: AskOptions];
const three = { model: "gemini-3.6-flash" };
const config = (generationConfig: Record<string, unknown>) => ({ generationConfig });
const refusals: Refused[] = [
  ["an unknown name", { colour: 1 }, 'Invalid JSON payload received. Unknown name "colour": Cannot find field.'],
  ["an unknown name inside", config({ max: 1 }), /Unknown name "max" at 'generation_config': Cannot find field\./],
  [
    "a wrong type",
    { contents: [{ parts: [{ text: 5 }] }] },
    /^Invalid value at 'contents\[0\]\.parts\[0\]\.text' \(TYPE_STRING\), 5$/,
  ],
  ["no contents", { contents: [] }, "* GenerateContentRequest.contents: contents is not specified\n"],
  ["no parts", { contents: [{ role: "user" }] }, /contents\[0\]\.parts: contents\.parts must not be empty\./],
  [
    "an empty part",
    { contents: [user("a"), { parts: [{}] }] },
    /contents\[1\]\.parts\[0\]\.data: required oneof field 'data'/,
  ],
  ["an empty text", { contents: [user("")] }, /required oneof field 'data' must have one initialized field/],
  [
    "an unknown role",
    { contents: [{ role: "assistant", parts: [{ text: "a" }] }] },
    "Please use a valid role: user, model.",
  ],
  ["temperature 3", config({ temperature: 3 }), /temperature must be in the range \[0, 2\]/],
  ["no output tokens", config({ maxOutputTokens: 0 }), /max_output_tokens must be in the range/],
  ["six stop sequences", config({ stopSequences: ["1", "2", "3", "4", "5", "6"] }), /stop_sequences/],
  ["two candidates", config({ candidateCount: 2 }), "Multiple candidates is not enabled for this model"],
  ["a penalty on 3.x", config({ presencePenalty: 1 }), "Penalty is not enabled for models/gemini-3.6-flash", three],
  [
    "both thinking fields",
    config({ thinkingConfig: { thinkingBudget: 1, thinkingLevel: "low" } }),
    /^You can only set only one/,
    three,
  ],
  ["a level on 2.5", config({ thinkingConfig: { thinkingLevel: "low" } }), /^Thinking level is not supported/],
  [
    "a level too low",
    config({ thinkingConfig: { thinkingLevel: "MINIMAL" } }),
    /^Thinking level MINIMAL is not supported/,
    { model: "gemini-3.8-flash" },
  ],
  [
    "a small budget on lite",
    config({ thinkingConfig: { thinkingBudget: 128 } }),
    "The thinking budget 128 is invalid. Please choose a value between 512 and 24576.",
    { model: "gemini-2.5-flash-lite" },
  ],
  [
    "no thinking on pro",
    config({ thinkingConfig: { thinkingBudget: 0 } }),
    /only works in thinking mode/,
    { model: "gemini-2.5-pro" },
  ],
  [
    "a budget on 4",
    config({ thinkingConfig: { thinkingBudget: 100 } }),
    /budget is not supported/,
    { model: "gemini-4-neon" },
  ],
  [
    "a model turn last on 3.x",
    { contents: [user("a"), model("b")] },
    "Requests ending with a model turn are not supported.",
    three,
  ],
  [
    "a short deadline",
    {},
    "Manually set deadline 8s is too short. Minimum allowed deadline is 10s.",
    { headers: { "x-server-timeout": "8" } },
  ],
  [
    "too many tokens",
    { contents: [user("x".repeat(1_048_577 * 4))] },
    "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
  ],
];

for (const [name, body, words, options] of refusals) {
  test(`${name} is refused with 400 and the vendor's words`, async () => {
    const response = await ask(emulator.url, "Hello", { verb: unary, ...options, body });
    const { error } = (await response.json()) as { error: { code: number; status: string; message: string } };
    expect([response.status, error.code, error.status]).toEqual([400, 400, "INVALID_ARGUMENT"]);
    if (typeof words === "string") expect(error.message).toBe(words);
    else expect(error.message).toMatch(words);
  });
}

test("what is legal is taken: snake case, a model turn last and a penalty on 2.5, a signature without text", async () => {
  const bodies: Record<string, unknown>[] = [
    { generation_config: { max_output_tokens: 5, thinking_config: { thinking_budget: -1 } } },
    { system_instruction: { parts: [{ text: "Be brief." }] }, contents: [user("a"), model("b")] },
    { generationConfig: { presencePenalty: 0.5, seed: 1, topK: 40, topP: 0.9, temperature: 2 } },
    { contents: [user("a"), { role: "model", parts: [{ text: "", thoughtSignature: "c2ln" }] }, user("b")] },
    {
      safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "OFF" }],
      contents: [{ parts: [{ text: "a" }] }],
    },
  ];
  for (const body of bodies) expect((await ask(emulator.url, "Hello", { verb: unary, body })).status).toBe(200);
});

test("a body that is not JSON is 400; a model that is not there is 404, to ask, to count and to look at", async () => {
  const broken = await fetch(`${emulator.url}/v1beta/models/gemini-2.5-flash:generateContent`, {
    method: "POST",
    headers: { "x-goog-api-key": "k" },
    body: '{"contents": [',
  });
  expect([broken.status, ((await broken.json()) as { error: { status: string } }).error.status]).toEqual([
    400,
    "INVALID_ARGUMENT",
  ]);
  const words =
    "models/gemini-9 is not found for API version v1, or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods.";
  const missing = await json("Hello", { model: "gemini-9", version: "v1" });
  expect(missing.error).toMatchObject({ code: 404, status: "NOT_FOUND", message: words });
  expect((await ask(emulator.url, "Hello", { model: "gemini-9", verb: "countTokens" })).status).toBe(404);
  const headers = { "x-goog-api-key": "k" };
  expect((await fetch(`${emulator.url}/v1beta/models/gemini-9`, { headers })).status).toBe(404);
  expect((await fetch(`${emulator.url}/v1beta/nothing`, { headers })).status).toBe(404);
  expect((await fetch(`${emulator.url}/v1beta/models?pageToken=zzz`, { headers })).status).toBe(400);
});

test("no body makes the emulator itself fail: whatever is sent is answered or refused", async () => {
  const any = fc.jsonValue();
  const schema = fc.dictionary(
    fc.constantFrom("type", "enum", "anyOf", "properties", "items", "minItems", "minimum"),
    any,
  );
  const shaped = fc.record(
    {
      contents: fc.oneof(
        any,
        fc.array(fc.record({ role: any, parts: fc.oneof(any, fc.array(any)) }, { requiredKeys: [] })),
      ),
      systemInstruction: any,
      tools: any,
      generationConfig: fc.record({ responseMimeType: fc.constant("application/json"), responseSchema: schema }),
    },
    { requiredKeys: ["contents"] },
  );
  const legal = fc.record({
    contents: fc.constant([user("a")]),
    generationConfig: fc.record({ responseMimeType: fc.constant("application/json"), responseSchema: schema }),
  });
  await fc.assert(
    fc.asyncProperty(fc.oneof(shaped, legal, any), async (body) => {
      const response = await fetch(`${emulator.url}/v1beta/models/gemini-2.5-flash:generateContent`, {
        method: "POST",
        headers: { "x-goog-api-key": "k" },
        body: JSON.stringify(body),
      });
      expect([200, 400]).toContain(response.status);
      await response.json();
    }),
    { numRuns: 300 },
  );
});
