// What the Gemini models are: limits, abilities, retirement, successor. Data only; prices are in prices.ts.

import type { ModelInfo, ThinkingBudget, ThinkingByLevel } from "../../model/model-info.ts";
import { everyParam, type ThinkingLevel, thinkingLevels } from "../../model/params.ts";

/** 1,048,576 tokens in, 65,536 out, for 2.5 and all 3.x: the vendor's model pages, read in November 2026. */
const inputTokens = 1_048_576;
const outputTokens = 65_536;

const described = { source: "vendor documentation and published recordings", readOn: "2026-11-23" };
const secondHand = { source: "second-hand: third parties quoting the vendor", readOn: "2026-11-23" };

/** ai.google.dev/gemini-api/docs/caching, read in November 2026: 2,048 tokens for 2.5, 4,096 for those after it. */
const common = {
  cachesFrom: 4_096,
  aliases: [],
  vendor: "gemini",
  inputTokens,
  outputTokens,
  sharedWindow: false,
  accepts: everyParam,
  ignores: [],
  retiresOn: null,
  successor: null,
  warnings: [],
  ...described,
} satisfies Partial<ModelInfo>;

/** 2.5 takes a budget in tokens. What the words stand for is our choice, within each model's range. */
const budget = (min: number, max: number, canBeOff: boolean, offByDefault: boolean): ThinkingBudget => ({
  kind: "budget",
  min,
  max,
  canBeOff,
  offByDefault,
  levels: { minimal: Math.max(min, 512), low: 1024, medium: 8192, high: max },
});

/** 3.x and 4 take a word. The nearest to "off" is MINIMAL, which not every model takes. */
const byLevel = (
  lowest: "off" | "low",
  highest: "high" | "xhigh",
  byDefault: ThinkingLevel | null,
): ThinkingByLevel => {
  const levels = thinkingLevels.slice(thinkingLevels.indexOf(lowest), thinkingLevels.indexOf(highest) + 1);
  const wire = levels.map((level) => [level, level === "off" ? "MINIMAL" : level.toUpperCase()]);
  return { kind: "level", levels, wire: Object.fromEntries(wire), default: byDefault };
};

const minimalIsNotOff =
  "Thinking off is asked for as MINIMAL: the vendor does not promise that no thinking is done or billed.";
const unchecked = "Limits and prices come from third parties; check them against the vendor before relying on them.";
const doubles2027 = "The price doubles on 2027-01-01.";
const doublesDecember = "The price doubles on 2026-12-01.";

const fourth = {
  ...common,
  ...secondHand,
  sharedWindow: true, // input, thinking and answer share one window
  thinking: byLevel("low", "xhigh", null),
};

/** The first numbered version of a model is that model (`version` "001" in the vendor's list, read in November 2026). */
const numbered = (id: string) => ({ id, aliases: [`${id}-001`] });

export const geminiModels: readonly ModelInfo[] = [
  {
    ...common,
    ...numbered("gemini-2.5-flash"),
    cachesFrom: 2_048,
    displayName: "Gemini 2.5 Flash",
    thinking: budget(1, 24_576, true, false),
    retiresOn: "2026-12-01",
    successor: "gemini-3.5-flash-lite",
    warnings: [
      "From 2026-12-01 it is served and billed as gemini-3.5-flash-lite; the date has moved before.",
      "Keys made since July 2026 get 404 (no longer available to new users).",
    ],
  },
  {
    ...common,
    ...numbered("gemini-2.5-flash-lite"),
    cachesFrom: 2_048,
    displayName: "Gemini 2.5 Flash-Lite",
    thinking: budget(512, 24_576, true, true),
  },
  {
    ...common,
    ...numbered("gemini-2.5-pro"),
    cachesFrom: 2_048,
    displayName: "Gemini 2.5 Pro",
    thinking: budget(128, 32_768, false, false),
    retiresOn: "2026-12-01",
    successor: "gemini-3.8-flash",
    warnings: ["Retires on 2026-12-01; the date has moved before."],
  },
  {
    ...common,
    id: "gemini-3-flash-preview",
    displayName: "Gemini 3 Flash (preview)",
    thinking: byLevel("off", "high", "high"),
    warnings: [minimalIsNotOff],
  },
  {
    ...common,
    ...numbered("gemini-3.1-flash-lite"),
    displayName: "Gemini 3.1 Flash-Lite",
    thinking: byLevel("off", "high", null),
    warnings: [minimalIsNotOff],
  },
  {
    ...common,
    id: "gemini-3.1-pro-preview",
    displayName: "Gemini 3.1 Pro (preview)",
    thinking: byLevel("low", "high", "high"), // "Thinking level MINIMAL is not supported for this model"
  },
  {
    ...common,
    ...numbered("gemini-3.5-flash"),
    displayName: "Gemini 3.5 Flash",
    thinking: byLevel("off", "high", "medium"),
    retiresOn: "2026-10-08",
    successor: "gemini-3.6-flash",
    warnings: ["Served and billed as gemini-3.6-flash since 2026-10-08.", minimalIsNotOff],
  },
  {
    ...common,
    ...numbered("gemini-3.5-flash-lite"),
    displayName: "Gemini 3.5 Flash-Lite",
    thinking: byLevel("off", "high", "minimal"),
    ignores: ["temperature", "top_p", "top_k"],
    warnings: [
      "temperature, top_p and top_k are accepted by the vendor and have no effect.",
      "Sources disagree on whether it takes a thinking level.",
      minimalIsNotOff,
    ],
  },
  {
    ...common,
    ...numbered("gemini-3.6-flash"),
    displayName: "Gemini 3.6 Flash",
    thinking: byLevel("off", "high", "medium"),
    warnings: [doubles2027, minimalIsNotOff],
  },
  {
    ...common,
    ...numbered("gemini-3.7-flash"),
    displayName: "Gemini 3.7 Flash",
    thinking: byLevel("low", "high", "medium"), // MINIMAL is refused
    warnings: [doubles2027],
  },
  {
    ...common,
    ...numbered("gemini-3.8-flash"),
    displayName: "Gemini 3.8 Flash",
    thinking: byLevel("low", "high", null), // MINIMAL is refused
    warnings: [doubles2027],
  },
  { ...fourth, id: "gemini-4-hydrogen", displayName: "Gemini 4 Hydrogen", warnings: [unchecked] },
  { ...fourth, id: "gemini-4-argon", displayName: "Gemini 4 Argon", warnings: [unchecked, doublesDecember] },
  { ...fourth, id: "gemini-4-carbon", displayName: "Gemini 4 Carbon", warnings: [unchecked, doublesDecember] },
  { ...fourth, id: "gemini-4-neon", displayName: "Gemini 4 Neon", warnings: [unchecked] },
];
