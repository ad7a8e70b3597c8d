// The catalogue: what a model does not take is refused by name, and a retired model has a living successor.

import { describe, expect, test } from "bun:test";
import { createCatalogue, isRetired, roomOf } from "../src/model/model.ts";
import type { ModelInfo } from "../src/model/model-info.ts";
import type { Params } from "../src/model/params.ts";
import { createPriceBook } from "../src/money/price.ts";
import { geminiModels } from "../src/providers/gemini/models.ts";
import { geminiPrices } from "../src/providers/gemini/prices.ts";

const catalogue = createCatalogue(geminiModels);
const today = Date.parse("2026-11-23");

const pointers = (id: string, params: object) =>
  catalogue.checkParams(id, params as Params, today).map(({ pointer }) => pointer);

function model(change: Partial<ModelInfo>): ModelInfo {
  return { ...geminiModels[0]!, id: "m", aliases: [], retiresOn: null, successor: null, ...change };
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
    const [refusal, ...others] = picky.checkParams("m", { temperature: 1, seed: 1, top_k: 5 }, today);
    expect(refusal).toEqual({ pointer: "/params/temperature", detail: "m does not take temperature" });
    expect(others).toEqual([]);
    expect(picky.checkParams("m", { temperature: undefined }, today)).toEqual([]);
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

  test("minimal and xhigh are taken by the models that have them and by no other", () => {
    const takers = (word: string) =>
      catalogue
        .list()
        .filter(({ id }) => takes(id, word))
        .map(({ id }) => id)
        .sort();
    expect(takers("minimal")).toEqual([
      ...["gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro", "gemini-3-flash-preview"],
      ...["gemini-3.1-flash-lite", "gemini-3.5-flash", "gemini-3.5-flash-lite", "gemini-3.6-flash"],
    ]);
    expect(takers("xhigh")).toEqual(["gemini-4-argon", "gemini-4-carbon", "gemini-4-hydrogen", "gemini-4-neon"]);
    expect(takes("unheard-of", "minimal") && takes("unheard-of", "xhigh")).toBe(true);
  });

  test("words stand for tokens inside the model's own range, the greater word for more", () => {
    for (const { thinking } of catalogue.list()) {
      if (thinking?.kind !== "budget") continue;
      const tokens = ["minimal", "low", "medium", "high"].map((word) => thinking.levels[word as "low"] ?? -1);
      expect(tokens).toEqual([...tokens].sort((a, b) => a - b));
      expect(tokens.every((count) => thinking.min <= count && count <= thinking.max)).toBe(true);
    }
  });
});

describe("params in the form of another model", () => {
  const adapt = (params: Params, from: string, to: string) => catalogue.adapt(params, from, to);

  test("a thinking budget becomes the nearest word, and of two equally near the lesser", () => {
    const nearest: [number, string][] = [
      ...([
        [0, "off"],
        [1, "off"],
        [256, "off"],
        [257, "minimal"],
        [768, "minimal"],
        [769, "low"],
      ] as [number, string][]),
      ...([
        [4608, "low"],
        [4609, "medium"],
        [5000, "medium"],
        [16_384, "medium"],
        [24_576, "high"],
      ] as [number, string][]),
    ];
    for (const [thinking, word] of nearest)
      expect([thinking, adapt({ thinking }, "gemini-2.5-flash", "gemini-3.5-flash-lite").params.thinking]).toEqual([
        thinking,
        word,
      ] as never);
    expect(adapt({ thinking: 128 }, "gemini-2.5-pro", "gemini-3.8-flash").params).toEqual({ thinking: "low" });
    expect(adapt({ thinking: "off" }, "gemini-2.5-flash", "gemini-3.8-flash")).toEqual({
      params: { thinking: "low" },
      changes: ['thinking "off" became low'],
    });
  });

  test("what fits stays as it is, without a word", () => {
    const params: Params = { thinking: "high", temperature: 0.5, stop: ["x"], seed: 1, max_output_tokens: 100 };
    expect(adapt(params, "gemini-2.5-flash", "gemini-3.5-flash-lite")).toEqual({ params, changes: [] });
    expect(adapt({ thinking: 7 }, "gemini-2.5-flash", "unheard-of")).toEqual({ params: { thinking: 7 }, changes: [] });
  });

  test("what the other does not take is left out or cut to its limit, and named", () => {
    const small = createCatalogue([
      model({ id: "old" }),
      model({ id: "new", accepts: ["max_output_tokens", "thinking"], outputTokens: 50, thinking: null }),
    ]);
    expect(small.adapt({ max_output_tokens: 100, seed: 1, thinking: 5 }, "old", "new")).toEqual({
      params: { max_output_tokens: 50 },
      changes: ["max_output_tokens 100 became 50", "seed 1 was left out", "thinking 5 was left out"],
    });
  });

  test("whatever a model takes, its successor takes when it is adapted, and of it no more", () => {
    for (const { id, successor } of catalogue.list()) {
      if (successor === null) continue;
      for (const thinking of [
        "off",
        "minimal",
        "low",
        "medium",
        "high",
        "xhigh",
        0,
        1,
        128,
        512,
        5000,
        24_576,
        32_768,
      ]) {
        const params = { thinking, max_output_tokens: 65_536 } as Params;
        const adapted = adapt(params, id, successor).params;
        expect([id, thinking, pointers(successor, adapted)]).toEqual([id, thinking, []]);
      }
    }
  });

  test("from its retirement on a model takes both its own form and its successor's; before, its own", () => {
    const lastDay = Date.parse("2026-11-30T23:59:59.999Z");
    const check = (params: Params, at: number) => catalogue.checkParams("gemini-2.5-pro", params, at).length;
    for (const thinking of [128, 32_768, "low", "high"] as const)
      expect([check({ thinking }, lastDay), check({ thinking }, lastDay + 1)]).toEqual([0, 0]);
    for (const thinking of [127, "off", "xhigh"] as const)
      expect([check({ thinking }, lastDay), check({ thinking }, lastDay + 1)]).toEqual([1, 1]);
    const chain = createCatalogue([
      model({ id: "old", retiresOn: "2026-12-01", successor: "new" }),
      model({ id: "new", thinking: { kind: "level", levels: ["xhigh"], wire: { xhigh: "XHIGH" }, default: null } }),
    ]);
    const levels = (at: number) => chain.checkParams("old", { thinking: "xhigh" }, at).length;
    expect([levels(lastDay), levels(lastDay + 1)]).toEqual([1, 0]);
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
    expect(make(model({}), model({ id: "n", aliases: ["m"] }))).toThrow("twice");
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

  test("knows a model by its other names, and by nothing that only looks like one", () => {
    expect(catalogue.find("gemini-2.5-flash-001")?.id).toBe("gemini-2.5-flash");
    expect(catalogue.nameOf("gemini-3.5-flash-lite-001")).toBe("gemini-3.5-flash-lite");
    expect(catalogue.replacementFor("gemini-2.5-flash-001", Date.parse("2026-12-01"))).toBe("gemini-3.5-flash-lite");
    for (const name of [
      "gemini-2.5-flash-002",
      "gemini-2.5-flash-0010",
      "gemini-2.5-flash-001-x",
      "gemini-3.5-flash-li",
    ])
      expect([name, catalogue.find(name), catalogue.nameOf(name)]).toEqual([name, undefined, name]);
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
    expect(roomOf(shared, {})).toBe(700);
    expect(roomOf(shared, { max_output_tokens: 50 })).toBe(950);
    expect(roomOf(shared, { max_output_tokens: 5000 })).toBe(700);
    expect(roomOf({ ...shared, sharedWindow: false }, {})).toBe(1000);
  });
});
