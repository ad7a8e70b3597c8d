// Which model answers: a named one is never replaced; the default moves to its successor once it is gone, and says so.

import { expect, test } from "bun:test";
import type { AppError } from "../src/errors.ts";
import type { Log } from "../src/log.ts";
import { createCatalogue } from "../src/model/model.ts";
import { models } from "../src/providers/index.ts";
import { createModelChooser } from "../src/turn/model-choice.ts";

const before = Date.parse("2026-11-30T23:59:59Z");
const after = Date.parse("2026-12-01T00:00:00Z");

function chooserAt(now: number, memoryTokens: number | null = null) {
  const warnings: string[] = [];
  const log: Log = { debug() {}, info() {}, warn: (_fields, sentence) => void warnings.push(sentence), error() {} };
  return {
    chooser: createModelChooser(createCatalogue(models), "gemini-2.5-flash", memoryTokens, log, () => now),
    warnings,
  };
}

test("until its retirement day the default model answers, without a word", () => {
  const { chooser, warnings } = chooserAt(before);
  expect(chooser.choose(undefined, null)).toEqual({
    model: "gemini-2.5-flash",
    requested: "gemini-2.5-flash",
    named: false,
    notice: null,
  });
  expect(warnings).toEqual([]);
});

test("from that day on its successor answers: the turn says so, the log says it once", () => {
  const { chooser, warnings } = chooserAt(after);
  for (let turn = 0; turn < 3; turn++) {
    const choice = chooser.choose(undefined, null);
    expect([choice.model, choice.requested, choice.notice?.code]).toEqual([
      "gemini-3.5-flash-lite",
      "gemini-2.5-flash",
      "model_replaced",
    ]);
    expect(choice.notice?.detail).toContain("gemini-3.5-flash-lite");
  }
  expect(warnings).toHaveLength(1);
});

test("a model named by the message, or by the session, is asked as it is named, retired or not", () => {
  const { chooser } = chooserAt(after);
  for (const choice of [
    chooser.choose("gemini-2.5-flash", null),
    chooser.choose(undefined, "gemini-2.5-flash"),
    chooser.choose("gemini-2.5-flash", "gemini-3.6-flash"),
  ]) {
    expect([choice.model, choice.named, choice.notice]).toEqual(["gemini-2.5-flash", true, null]);
    expect(chooser.replace(choice, {})).toBeUndefined();
  }
  expect(chooser.hint(chooser.choose("gemini-2.5-flash", null))).toContain("gemini-3.5-flash-lite");
});

test("a default that the vendor says is gone is replaced once a turn, and remembered", () => {
  const { chooser, warnings } = chooserAt(before);
  const first = chooser.choose(undefined, null);
  const next = chooser.replace(first, {})!;
  expect([next.model, next.requested, next.notice?.code]).toEqual([
    "gemini-3.5-flash-lite",
    "gemini-2.5-flash",
    "model_replaced",
  ]);
  expect(chooser.replace(next, {})).toBeUndefined();
  expect(chooser.choose(undefined, null).model).toBe("gemini-3.5-flash-lite");
  expect(warnings).toHaveLength(1);
});

test("no replacement by a model that does not take what was asked of the first one", () => {
  const { chooser } = chooserAt(before);
  expect(chooser.replace(chooser.choose(undefined, null), { thinking: 1024 })).toBeUndefined();
});

test("params that the model does not take are refused, each with its pointer", () => {
  const { chooser } = chooserAt(before);
  try {
    chooser.checkParams("gemini-2.5-flash", { temperature: 3, max_output_tokens: 0 });
    expect.unreachable();
  } catch (refusal) {
    expect((refusal as AppError).errors?.map(({ pointer }) => pointer)).toEqual([
      "/params/temperature",
      "/params/max_output_tokens",
    ]);
  }
});

test("the operator's limit bounds memory, and never widens a model's window", () => {
  expect(chooserAt(before, 5_000).chooser.windowOf("gemini-2.5-flash", {})).toEqual({
    inputTokens: 5_000,
    outputReserve: 0,
  });
  expect(chooserAt(before, 50_000_000).chooser.windowOf("gemini-2.5-flash", {}).inputTokens).toBe(1_048_576);
});
