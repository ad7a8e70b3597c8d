// What is sent to Gemini: the right fields, the same bytes for the same history, and nobody's signature changed.

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { ThinkingBudget, ThinkingByLevel } from "../src/model/model-info.ts";
import type { Params } from "../src/model/params.ts";
import { ProviderError, type ProviderRequest } from "../src/provider.ts";
import { buildBody, modelPath, printTurn } from "../src/providers/gemini/wire.ts";

const budget: ThinkingBudget = {
  kind: "budget",
  min: 128,
  max: 24_576,
  canBeOff: true,
  offByDefault: false,
  levels: { low: 1024, medium: 8192, high: 24_576 },
};
const levels: ThinkingByLevel = {
  kind: "level",
  levels: ["off", "low", "high"],
  wire: { off: "minimal", low: "low", high: "high" },
  default: "low",
};

type Turn = [question: string, answer: string, parts: string | null];

/** The whole body for a question after some turns, as it is sent. */
function print(turns: Turn[], question: string, params: Params = {}, system: string | null = null): string {
  const memory = Buffer.from(turns.map((turn) => printTurn(...turn)).join(""));
  const request: ProviderRequest = { model: "gemini-2.5-flash", system, memory, question, params };
  return Buffer.concat(buildBody(request, null).map((piece) => Buffer.from(piece))).toString();
}
const body = (params: Params, ability?: ThinkingBudget | ThinkingByLevel | null) =>
  JSON.parse(
    buildBody({ model: "m", system: null, memory: new Uint8Array(0), question: "hi", params }, ability)
      .map((piece) => (typeof piece === "string" ? piece : ""))
      .join(""),
  );

test("every param reaches the field it means, and nothing else is sent", () => {
  const response_schema = { type: "object", properties: { a: { type: "string" } } };
  const params = { temperature: 0, top_p: 0.5, top_k: 3, max_output_tokens: 9, stop: ["x"], seed: 7, response_schema };
  expect(JSON.parse(print([], "hi", params, "be kind"))).toEqual({
    systemInstruction: { parts: [{ text: "be kind" }] },
    contents: [{ role: "user", parts: [{ text: "hi" }] }],
    generationConfig: {
      temperature: 0,
      topP: 0.5,
      topK: 3,
      maxOutputTokens: 9,
      stopSequences: ["x"],
      seed: 7,
      responseMimeType: "application/json",
      responseJsonSchema: response_schema,
    },
  });
  expect(body({})).toEqual({ contents: [{ role: "user", parts: [{ text: "hi" }] }] });
});

test("thinking becomes a budget or a level, never both, and what the model does not take is refused", () => {
  const config = (thinking: Params["thinking"], ability?: ThinkingBudget | ThinkingByLevel | null) =>
    body({ thinking }, ability).generationConfig.thinkingConfig;
  expect(config("off", budget)).toEqual({ thinkingBudget: 0 });
  expect(config("medium", budget)).toEqual({ thinkingBudget: 8192, includeThoughts: true });
  expect(config(4000, budget)).toEqual({ thinkingBudget: 4000, includeThoughts: true });
  expect(config("off", levels)).toEqual({ thinkingLevel: "minimal" });
  expect(config("high", levels)).toEqual({ thinkingLevel: "high", includeThoughts: true });
  expect(config("high", undefined)).toEqual({ thinkingLevel: "HIGH", includeThoughts: true });
  expect(config(512, undefined)).toEqual({ thinkingBudget: 512, includeThoughts: true });
  const refused = [
    () => config("medium", levels),
    () => config(99, budget),
    () => config(5, levels),
    () => config("low", null),
  ];
  for (const attempt of [...refused, () => config("off", { ...budget, canBeOff: false })])
    expect(attempt).toThrow(ProviderError);
});

test("the vendor's parts go back byte for byte, in the model's turn", () => {
  const parts =
    '[{"text": "a\\u003c"},{"text": "\\"functionCall\\": ","thoughtSignature": "A+/=","odd": {"2": 1.0,"1": 12345678901234567890}}]';
  const sent = print([["q", "a<", parts]], "r");
  expect(sent).toContain(`{"role":"model","parts":${parts}},{"role":"user","parts":[{"text":"r"}]}`);
});

test("a function call that nobody has answered is not sent back, whenever it was kept", () => {
  const parts = '[{"text": "so"},{"functionCall": {"name": "f"},"thoughtSignature": "A+/="}]';
  const sent = print([["q", "so", parts]], "r");
  expect(sent).toContain('{"role":"model","parts":[{"text":"so"}]}');
});

test("a longer conversation begins with exactly the bytes of the shorter one", () => {
  const turn = fc.record({ question: fc.string({ unit: "binary" }), answer: fc.string(), signed: fc.boolean() });
  const conversation = fc.array(turn, { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(
      conversation,
      fc.option(fc.string()),
      fc.double({ min: 0, max: 2, noNaN: true }),
      (turns, system, temperature) => {
        const past = turns.map(({ question, answer, signed }): Turn => {
          return [question, answer, signed ? `[{"text": ${JSON.stringify(answer)},"thoughtSignature": "x"}]` : null];
        });
        const longer = print(past, "and now?", { temperature }, system);
        for (let length = 0; length < turns.length; length++) {
          const shorter = print(past.slice(0, length), turns[length]!.question, {}, system);
          const common = shorter.slice(0, shorter.lastIndexOf("]"));
          expect(longer.startsWith(common)).toBe(true);
        }
        expect(JSON.parse(longer).contents.at(-1)).toEqual({ role: "user", parts: [{ text: "and now?" }] });
      },
    ),
    { numRuns: 300 },
  );
});

test("only a plain name gets into the path", () => {
  expect(modelPath("gemini-2.5-flash", "countTokens")).toBe("/v1beta/models/gemini-2.5-flash:countTokens");
  for (const name of ["", "../x", "a/b", "a?b", "a#b", "a%2fb", "A", "models/x", ".a", "a b", "a\n", "x".repeat(129)])
    expect(() => modelPath(name, "generateContent")).toThrow(ProviderError);
});
