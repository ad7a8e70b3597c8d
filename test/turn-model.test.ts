// Which model answers, and in which form it is asked: a named one is never replaced; the default moves to its successor once it is gone, and says so.

import { expect, test } from "bun:test";
import type { AppError } from "../src/errors.ts";
import type { Log } from "../src/log.ts";
import { createCatalogue } from "../src/model/model.ts";
import type { Params } from "../src/model/params.ts";
import { models } from "../src/providers/index.ts";
import { createModelChooser, type ModelChoice } from "../src/turn/model-choice.ts";

const before = Date.parse("2026-11-30T23:59:59Z");
const after = Date.parse("2026-12-01T00:00:00Z");
const old = "gemini-2.5-flash";
const successor = "gemini-3.5-flash-lite";

function chooserAt(now: number, memoryTokens: number | null = null) {
  const warnings: string[] = [];
  const log: Log = { debug() {}, info() {}, warn: (_fields, sentence) => void warnings.push(sentence), error() {} };
  return { chooser: createModelChooser(createCatalogue(models), old, memoryTokens, log, () => now), warnings };
}

const gone = { modelGone: true, thinkingRefused: false };
const refused = { modelGone: false, thinkingRefused: true };
const codesOf = (choice: ModelChoice) => choice.notices.map(({ code }) => code);
const formOf = (choice: ModelChoice | undefined) => choice && [choice.formOf, choice.params.thinking];

test("until its retirement day the default model answers, without a word", () => {
  const { chooser, warnings } = chooserAt(before);
  const choice = chooser.choose(undefined, null, { temperature: 1 });
  expect(choice).toMatchObject({ model: old, requested: old, named: false, formOf: old, params: { temperature: 1 } });
  expect([choice.notices, warnings, chooser.defaultModel]).toEqual([[], [], old]);
});

test("from that day on its successor answers: the turn says so, the log says it once", () => {
  const { chooser, warnings } = chooserAt(after);
  for (let turn = 0; turn < 3; turn++) {
    const choice = chooser.choose(undefined, null, {});
    expect([choice.model, choice.requested, codesOf(choice)]).toEqual([successor, old, ["model_replaced"]]);
    expect(choice.notices[0]?.detail).toContain(successor);
  }
  expect([warnings.length, chooser.defaultModel]).toEqual([1, successor]);
});

test("params that the default took go to its successor in the successor's form, and the turn says what became of them", () => {
  const { chooser } = chooserAt(after);
  const choice = chooser.choose(undefined, null, { thinking: 5000, seed: 7 });
  expect([choice.model, choice.params]).toEqual([successor, { thinking: "medium", seed: 7 }]);
  expect(codesOf(choice)).toEqual(["model_replaced", "params_adapted"]);
  expect(choice.notices[1]?.detail).toContain("thinking 5000 became medium");
  const again = chooser.reconsider(choice, { thinking: 5000, seed: 7 }, refused)!;
  expect([again.params, codesOf(again)]).toEqual([{ seed: 7 }, ["model_replaced", "params_adapted"]]);
  expect(again.notices[1]?.detail).toContain("thinking 5000 was left out");
});

test("a model named by the message, or by the session, is never replaced", () => {
  for (const at of [before, after]) {
    const { chooser } = chooserAt(at);
    for (const choice of [
      chooser.choose(old, null, {}),
      chooser.choose(undefined, old, {}),
      chooser.choose(old, "gemini-3.6-flash", {}),
    ]) {
      expect([choice.model, choice.named, choice.notices]).toEqual([old, true, []]);
      expect(chooser.reconsider(choice, {}, gone)).toBeUndefined();
    }
    expect(chooser.hint(chooser.choose(old, null, {}))).toContain(successor);
  }
});

test("a named model that its vendor serves by another is asked in that one's form from the day of its retirement on, and not before", () => {
  const asked: Params[] = [{ thinking: 5000 }, { thinking: 0 }, { thinking: "off" }, { thinking: "low" }];
  const expected = ["medium", "off", "off", "low"];
  for (const [index, params] of asked.entries()) {
    const early = chooserAt(before).chooser.choose(old, null, params);
    expect([early.formOf, early.params, early.notices]).toEqual([old, params, []]);
    const late = chooserAt(after).chooser.choose(old, null, params);
    expect([late.model, late.formOf, late.params.thinking as string]).toEqual([old, successor, expected[index]!]);
    expect(codesOf(late)).toEqual(["params_adapted"]);
    expect(late.notices[0]?.detail).toContain(`${old} is served by ${successor} now`);
  }
});

test("a model that was served by another of the same form is asked as it is named, without a word", () => {
  const { chooser } = chooserAt(after);
  const choice = chooser.choose("gemini-3.5-flash", null, { thinking: "high" });
  expect([choice.model, choice.formOf, choice.notices]).toEqual(["gemini-3.5-flash", "gemini-3.5-flash", []]);
  const bare = chooser.reconsider(choice, { thinking: "high" }, refused);
  expect([formOf(bare), bare && codesOf(bare)]).toEqual([["gemini-3.5-flash", undefined], ["params_adapted"]]);
});

test("after a refusal that names thinking the successor's form is sent, then none, and no form twice", () => {
  const { chooser, warnings } = chooserAt(before);
  const params = { thinking: 5000 };
  const first = chooser.choose(old, null, params);
  const second = chooser.reconsider(first, params, refused)!;
  expect([second.model, formOf(second)]).toEqual([old, [successor, "medium"]]);
  expect(second.notices[0]?.detail).toContain("thinking 5000 became medium");
  const third = chooser.reconsider(second, params, refused)!;
  expect(formOf(third)).toEqual([old, undefined]);
  expect(codesOf(third)).toEqual(["params_adapted"]);
  expect(chooser.reconsider(third, params, refused)).toBeUndefined();
  expect(warnings).toHaveLength(2);
});

test("a retirement that was put off: the model's own form is sent after its successor's was refused, as asked, without a word", () => {
  const { chooser } = chooserAt(after);
  const second = chooser.reconsider(chooser.choose(old, null, { thinking: 5000 }), { thinking: 5000 }, refused)!;
  expect([formOf(second), second.notices]).toEqual([[old, 5000], []]);
});

test("what was refused is remembered: the next turn sends at once what was sent last", () => {
  const { chooser } = chooserAt(before);
  const params = { thinking: 5000 };
  chooser.reconsider(chooser.choose(old, null, params), params, refused);
  expect(formOf(chooser.choose(old, null, params))).toEqual([successor, "medium"]);
  expect(formOf(chooser.choose(old, null, { thinking: 100 }))).toEqual([old, 100]);
});

test("other refusals, and those of a model without a successor or of a request without thinking, change nothing", () => {
  const { chooser } = chooserAt(before);
  const choice = chooser.choose(old, null, { thinking: 5000 });
  expect(chooser.reconsider(choice, { thinking: 5000 }, { modelGone: false, thinkingRefused: false })).toBeUndefined();
  expect(chooser.reconsider(chooser.choose(old, null, {}), {}, refused)).toBeUndefined();
  const other = chooser.choose("gemini-3.8-flash", null, { thinking: "high" });
  expect(chooser.reconsider(other, { thinking: "high" }, refused)).toBeUndefined();
  const unknown = chooser.choose("unheard-of", null, { thinking: "high" });
  expect(chooser.reconsider(unknown, { thinking: "high" }, refused)).toBeUndefined();
});

test("a default that the vendor says is gone is replaced once a turn, and remembered", () => {
  const { chooser, warnings } = chooserAt(before);
  const next = chooser.reconsider(chooser.choose(undefined, null, {}), {}, gone)!;
  expect([next.model, next.requested, codesOf(next)]).toEqual([successor, old, ["model_replaced"]]);
  expect(chooser.reconsider(next, {}, gone)).toBeUndefined();
  expect(chooser.choose(undefined, null, {}).model).toBe(successor);
  expect([warnings.length, chooser.defaultModel]).toEqual([1, successor]);
});

test("a default that is gone is replaced with its params in the successor's form", () => {
  const { chooser } = chooserAt(before);
  const params = { thinking: 1024 };
  const next = chooser.reconsider(chooser.choose(undefined, null, params), params, gone)!;
  expect([next.model, next.params, codesOf(next)]).toEqual([
    successor,
    { thinking: "low" },
    ["model_replaced", "params_adapted"],
  ]);
});

test("params that the model does not take are refused, each with its pointer", () => {
  for (const at of [before, after]) {
    try {
      chooserAt(at).chooser.choose(old, null, { temperature: 3, max_output_tokens: 0, thinking: 24_577 });
      expect.unreachable();
    } catch (refusal) {
      expect((refusal as AppError).errors?.map(({ pointer }) => pointer)).toEqual([
        "/params/temperature",
        "/params/max_output_tokens",
        "/params/thinking",
      ]);
    }
  }
});

test("the operator's limit bounds memory, and never widens a model's window", () => {
  expect(chooserAt(before, 5_000).chooser.roomOf(old, {})).toBe(5_000);
  expect(chooserAt(before, 50_000_000).chooser.roomOf(old, {})).toBe(1_048_576);
});
