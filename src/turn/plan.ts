// A turn planned before it is asked for: what of the conversation the model is shown, and what its calls may cost at most.

import { type MemoryPlan, planMemory } from "../conversation/memory.ts";
import type { PrintedPath } from "../conversation/path.ts";
import type { Ask } from "../money/budget.ts";
import { estimateTokens } from "../money/tokens.ts";
import { findWorstCall } from "../money/worst-case.ts";
import type { SessionState } from "../store.ts";
import type { ModelChoice } from "./model-choice.ts";
import type { TurnTools } from "./tools.ts";

export interface PlannedMemory {
  /** The way to the new message; `memories.take` gave it, and somebody must give it back. */
  way: PrintedPath;
  plan: MemoryPlan;
}

/** `session`: as it is with the turn in it. `most`: the tokens that memory may take, where that is less than the model's window. */
export function planWay(
  { chooser }: Pick<TurnTools, "chooser">,
  way: PrintedPath,
  session: SessionState,
  choice: ModelChoice,
  questionTokens: number,
  most?: number,
): MemoryPlan {
  return planMemory({
    path: way,
    system: session.system,
    questionTokens,
    window: chooser.windowOf(choice.model, choice.params),
    usualWindow: chooser.windowOf(session.model ?? chooser.defaultModel, session.params),
    most,
    calibration: { promptEstimate: session.memoryEstimate, promptTokens: session.memoryTokens },
  });
}

/**
 * The session as a turn that follows its newest message will find it, as far as memory is concerned. After `place`: as one that
 * follows the answer there will.
 */
export function aheadOf(session: SessionState, place?: { branch: number; position: number }): SessionState {
  if (!place) return { ...session, tipPosition: session.tipPosition + 1 };
  const tipPosition = place.position + 1;
  const memoryFrom = session.memoryFrom > tipPosition ? 0 : session.memoryFrom;
  return { ...session, tipBranch: place.branch, tipPosition, memoryFrom };
}

/** A turn may make its calls so long after it was planned, with its retries: other prices may hold then. */
const longestTurnMs = 20 * 60_000;
/** An answer that must be shorter is of no use, unless the caller asked for a shorter one. */
const leastUsefulTokens = 256;

/** What the turn asks of its budgets. `call: null`: its model has no price. */
export function askFor(
  { chooser, books }: Pick<TurnTools, "chooser" | "books">,
  choice: ModelChoice,
  plan: MemoryPlan,
  at: number,
): Ask {
  const { models, outputTokens } = chooser.limitsOf(choice);
  const prices = books.listPrices(models, at, at + longestTurnMs);
  const schema = choice.params.response_schema;
  // Where the vendor counted less than we did, the last time, that is no promise for this time.
  const text = Math.max(plan.estimate, plan.promptEstimate) + (schema ? estimateTokens(JSON.stringify(schema)) : 0);
  return {
    model: models[0]!,
    call: prices ? findWorstCall(prices, { input: { text } }) : null,
    tokens: outputTokens,
    leastTokens: Math.min(leastUsefulTokens, choice.params.max_output_tokens ?? leastUsefulTokens),
  };
}
