// Params asked of one model, in the form that another one takes: for a model that its vendor has put in another's place.

import type { ModelInfo } from "./model-info.ts";
import { checkParam, wordsOf } from "./model-params.ts";
import { type Params, type Thinking, type ThinkingLevel, thinkingLevels } from "./params.ts";

export interface Adapted {
  params: Params;
  /** What became of each param that could not stay as it was ("thinking 5000 became medium"); empty where all could. */
  changes: string[];
}

/** `from` says how many tokens a word stands for; without it, the usual. */
export function adaptParams(params: Params, from: ModelInfo | undefined, to: ModelInfo): Adapted {
  let adapted = params;
  const changes: string[] = [];
  for (const name of Object.keys(params) as (keyof Params)[]) {
    if (checkParam(to, name, params) === null) continue;
    adapted = { ...adapted };
    delete adapted[name];
    if (name === "thinking" && to.thinking) adapted.thinking = adaptThinking(params.thinking!, from, to.thinking);
    if (name === "max_output_tokens") adapted.max_output_tokens = to.outputTokens;
    const became = adapted[name] === undefined ? "was left out" : `became ${adapted[name]}`;
    changes.push(`${name} ${JSON.stringify(params[name])} ${became}`);
  }
  return { params: adapted, changes };
}

/** What a word stands for where the model asked has no tokens for it. */
const usualTokens = { off: 0, minimal: 512, low: 1024, medium: 8192, high: 24_576, xhigh: 32_768 };

/** A word becomes the nearest word, tokens the word that stands for the nearest number of them, and of two equally near the lesser. */
function adaptThinking(
  asked: Thinking,
  from: ModelInfo | undefined,
  rule: NonNullable<ModelInfo["thinking"]>,
): Thinking {
  if (rule.kind === "budget" && typeof asked === "number") return Math.min(Math.max(asked, rule.min), rule.max);
  const tokens = { ...usualTokens, ...(from?.thinking?.kind === "budget" ? from.thinking.levels : {}) };
  const distance = (level: ThinkingLevel) =>
    typeof asked === "number"
      ? Math.abs(tokens[level] - asked)
      : Math.abs(thinkingLevels.indexOf(level) - thinkingLevels.indexOf(asked));
  return wordsOf(rule).reduce((nearest, level) => (distance(level) < distance(nearest) ? level : nearest));
}
