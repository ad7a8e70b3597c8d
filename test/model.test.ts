// The catalogue: what a model does not take is refused by name, and a retired model has a living successor.

import { describe, expect, test } from "bun:test";
import { createCatalogue, isRetired, windowOf } from "../src/model/model.ts";
import type { ModelInfo } from "../src/model/model-info.ts";
import type { Params } from "../src/model/params.ts";
import { createPriceBook } from "../src/money/price.ts";
import { geminiModels } from "../src/providers/gemini/models.ts";
import { geminiPrices } from "../src/providers/gemini/prices.ts";

const catalogue = createCatalogue(geminiModels);
const today = Date.parse("2026-11-23");

const pointers = (id: string, params: object) =>
  catalogue.checkParams(id, params as Params).map(({ pointer }) => pointer);

function model(change: Partial<ModelInfo>): ModelInfo {
  return { ...geminiModels[0]!, id: "m", retiresOn: null, successor: null, ...change };
}

describe("params", () => {
  test("in range are accepted by every model", () => {
    const params: Params = { max_output_tokens: 65_536, stop: ["a", "b", "c", "d", "e"], seed: 7, response_schema: {} };
    for (const { id } of catalogue.list()) {
      expect(pointers(id, params)).toEqual([]);
      expect(pointers(id, { ...params, temperature: 0, top_p: 1, top_k: 1 })).toEqual([]);
      expect(pointers(id, { ...params, temperature: 2, top_p: 0, max_output_tokens: 1 })).toEqual([]);
    }
  });

  test("out of range are refused with a pointer to each field, by every model and for an unknown one", () => {
    const wrong: [keyof Params, unknown[]][] = [
      ["temperature", [-0.1, 2.1, Number.NaN, "1", null]],
      ["top_p", [-0.1, 1.1]],
      ["top_k", [0, 1.5, -1]],
      ["max_output_tokens", [0, -1, 1.5]],
      ["stop", [["a", "b", "c", "d", "e", "f"], [""], "a", [1]]],
      ["seed", [1.5, 2 ** 31, -(2 ** 31) - 1]],
      ["thinking", ["extreme", -1, 1.5, true]],
    ];
    for (const id of [...catalogue.list().map((known) => known.id), "unheard-of"])
      for (const [name, values] of wrong)
        for (const value of values)
          expect([id, value, pointers(id, { [name]: value })]).toEqual([id, value, [`/params/${name}`]]);
    expect(pointers("gemini-2.5-flash", { temperature: 9, top_p: 9, seed: 1 })).toEqual([
      "/params/temperature",
      "/params/top_p",
    ]);
  });

  test("max_output_tokens stops at the model's own limit, and has none where the model is unknown", () => {
    expect(pointers("gemini-2.5-flash", { max_output_tokens: 65_537 })).toEqual(["/params/max_output_tokens"]);
    expect(pointers("unheard-of", { max_output_tokens: 65_537 })).toEqual([]);
  });

  test("a param the model does not take is refused, naming it and the model", () => {
    const picky = createCatalogue([model({ accepts: ["seed"], ignores: ["top_k"], thinking: null })]);
    const [refusal, ...others] = picky.checkParams("m", { temperature: 1, seed: 1, top_k: 5 });
    expect(refusal).toEqual({ pointer: "/params/temperature", detail: "m does not take temperature" });
    expect(others).toEqual([]);
    expect(picky.checkParams("m", { temperature: undefined })).toEqual([]);
  });

  test("a param the model takes without effect is let through, and shown as such", () => {
    expect(pointers("gemini-3.5-flash-lite", { temperature: 1, top_p: 0.5, top_k: 3 })).toEqual([]);
    expect(pointers("gemini-3.5-flash-lite", { temperature: 3 })).toEqual(["/params/temperature"]);
    expect(catalogue.find("gemini-3.5-flash-lite")?.ignores).toEqual(["temperature", "top_p", "top_k"]);
  });
});

describe("thinking", () => {
  const takes = (id: string, thinking: unknown) => pointers(id, { thinking }).length === 0;

  test("in tokens keeps to each model's range, border by border", () => {
    const borders: [string, number[], unknown[]][] = [
      ["gemini-2.5-flash", [0, 1, 24_576], [24_577]],
      ["gemini-2.5-flash-lite", [0, 512, 24_576], [128, 511, 24_577]],
      ["gemini-2.5-pro", [128, 32_768], [0, "off", 127, 32_769]],
    ];
    for (const [id, good, bad] of borders) {
      for (const tokens of good) expect([id, tokens, takes(id, tokens)]).toEqual([id, tokens, true]);
      for (const tokens of bad) expect([id, tokens, takes(id, tokens)]).toEqual([id, tokens, false]);
      for (const word of ["low", "medium", "high"]) expect(takes(id, word)).toBe(true);
    }
    expect(takes("gemini-2.5-flash", "off")).toBe(true);
  });

  test("in words only where the model takes no tokens, and off only where it can be", () => {
    for (const { id, thinking } of catalogue.list()) {
      if (thinking?.kind !== "level") continue;
      expect([id, takes(id, 1024)]).toEqual([id, false]);
      expect([id, takes(id, 0)]).toEqual([id, false]);
      expect([id, takes(id, "high")]).toEqual([id, true]);
      expect([id, takes(id, "off")]).toEqual([id, thinking.levels.includes("off")]);
      expect(Object.keys(thinking.wire)).toEqual(thinking.levels);
    }
    for (const id of ["gemini-3.1-pro-preview", "gemini-3.7-flash", "gemini-3.8-flash", "gemini-4-neon"])
      expect(takes(id, "off")).toBe(false);
    expect(takes("gemini-3.5-flash-lite", "off")).toBe(true);
  });

  test("words stand for tokens inside the model's own range", () => {
    for (const { thinking } of catalogue.list()) {
      if (thinking?.kind !== "budget") continue;
      const { low, medium, high } = thinking.levels;
      expect(thinking.min <= low && low < medium && medium < high && high <= thinking.max).toBe(true);
    }
  });
});

describe("retirement", () => {
  test("begins with its day and not before", () => {
    const dayBefore = Date.parse("2026-11-30T23:59:59.999Z");
    expect(catalogue.replacementFor("gemini-2.5-flash", dayBefore)).toBeNull();
    expect(catalogue.replacementFor("gemini-2.5-flash", dayBefore + 1)).toBe("gemini-3.5-flash-lite");
    expect(catalogue.replacementFor("gemini-2.5-pro", dayBefore + 1)).toBe("gemini-3.8-flash");
    expect(catalogue.replacementFor("gemini-3.5-flash", today)).toBe("gemini-3.6-flash");
    expect(catalogue.successorOf("gemini-2.5-flash")).toBe("gemini-3.5-flash-lite");
  });

  test("follows a chain of retired successors to the first that is served", () => {
    const chain = createCatalogue([
      model({ id: "a", retiresOn: "2026-01-01", successor: "b" }),
      model({ id: "b", retiresOn: "2026-06-01", successor: "c" }),
      model({ id: "c", retiresOn: "2027-01-01", successor: "d" }),
      model({ id: "d" }),
    ]);
    expect(chain.replacementFor("a", Date.parse("2025-12-31"))).toBeNull();
    expect(chain.replacementFor("a", Date.parse("2026-05-31"))).toBe("b");
    expect(chain.replacementFor("a", today)).toBe("c");
    expect(chain.replacementFor("a", Date.parse("2027-01-01"))).toBe("d");
    expect(chain.replacementFor("d", today)).toBeNull();
  });

  test("of an unknown model, or one without a successor, names nothing", () => {
    const dead = createCatalogue([model({ retiresOn: "2026-01-01" })]);
    expect(dead.replacementFor("m", today)).toBeNull();
    expect(catalogue.replacementFor("unheard-of", today)).toBeNull();
    expect(catalogue.successorOf("unheard-of")).toBeNull();
    expect(catalogue.find("unheard-of")).toBeUndefined();
  });

  test("no living model names a successor that is already retired", () => {
    for (const { id, successor } of catalogue.list())
      if (successor) expect([id, isRetired(catalogue.find(successor)!, today)]).toEqual([id, false]);
  });
});

describe("the catalogue", () => {
  test("refuses data that contradicts itself", () => {
    const make =
      (...models: ModelInfo[]) =>
      () =>
        createCatalogue(models);
    expect(make(model({}), model({}))).toThrow("twice");
    expect(make(model({ successor: "x" }))).toThrow("not in the catalogue");
    expect(make(model({ id: "a", successor: "b" }), model({ id: "b", successor: "a" }))).toThrow("circle");
    expect(make(model({ retiresOn: "soon" }))).toThrow("not a date");
  });

  test("and the price book describe the same models", () => {
    const book = createPriceBook(geminiPrices);
    const priced = book.list("gemini", today).map((price) => price.row.model);
    expect(priced.sort()).toEqual(
      catalogue
        .list()
        .map(({ id }) => id)
        .sort(),
    );
  });

  test("marks every model whose facts are second-hand with a warning", () => {
    const secondHand = catalogue.list().filter(({ source }) => source.startsWith("second-hand"));
    expect(secondHand.map(({ id }) => id).sort()).toEqual([
      "gemini-4-argon",
      "gemini-4-carbon",
      "gemini-4-hydrogen",
      "gemini-4-neon",
    ]);
    for (const { warnings } of secondHand) expect(warnings.join(" ")).toContain("third parties");
  });

  test("keeps room for the answer only where input and answer share one window", () => {
    const shared = { inputTokens: 1000, outputTokens: 300, sharedWindow: true };
    expect(windowOf(shared, {})).toEqual({ inputTokens: 1000, outputReserve: 300 });
    expect(windowOf(shared, { max_output_tokens: 50 })).toEqual({ inputTokens: 1000, outputReserve: 50 });
    expect(windowOf(shared, { max_output_tokens: 5000 })).toEqual({ inputTokens: 1000, outputReserve: 300 });
    expect(windowOf({ ...shared, sharedWindow: false }, {})).toEqual({ inputTokens: 1000, outputReserve: 0 });
  });
});
