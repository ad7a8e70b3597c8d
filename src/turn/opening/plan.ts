// A turn planned before it is opened: what of the conversation the model is shown, and what its calls may cost at most.

import { type MemoryPlan, planMemory } from "../../conversation/memory.ts";
import type { PrintedPath } from "../../conversation/path.ts";
import type { Ask, Held, StandingBudgets } from "../../money/budget.ts";
import type { BudgetAsker } from "../../money/budget-store.ts";
import { printUsd } from "../../money/money.ts";
import { estimateTokens } from "../../money/tokens.ts";
import { findWorstCall } from "../../money/worst-case.ts";
import type { SessionState } from "../../store.ts";
import type { ModelChoice } from "../model-choice.ts";
import type { TurnTools } from "../tools.ts";
import { isShort, type Known, KnownBudgets } from "./known-budgets.ts";

/** `session`: as it is with the turn in it. `most`: the tokens that memory may take, where that is less than the model's window. */
export function planWay(
  { chooser }: Pick<TurnTools, "chooser">,
  way: PrintedPath,
  session: SessionState,
  choice: ModelChoice,
  alone: number,
  most?: number,
): MemoryPlan {
  return planMemory({
    path: way,
    alone,
    room: chooser.roomOf(choice.model, choice.params),
    usualRoom: chooser.roomOf(session.model ?? chooser.defaultModel, session.params),
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

/** What the turn asks of its budgets. `call: null`: its model has no price. `counted`: the vendor's own count of the prompt. */
export function askFor(
  { chooser, books }: Pick<TurnTools, "chooser" | "books">,
  choice: ModelChoice,
  plan: Pick<MemoryPlan, "estimate" | "promptEstimate">,
  at: number,
  counted = 0,
): Ask {
  const { models, outputTokens } = chooser.limitsOf(choice);
  const prices = books.listPrices(models, at, at + longestTurnMs);
  const schema = choice.params.response_schema;
  // Where the vendor counted less than we did, the last time, that is no promise for this time.
  const text =
    Math.max(plan.estimate, plan.promptEstimate, counted) + (schema ? estimateTokens(JSON.stringify(schema)) : 0);
  return {
    model: models[0]!,
    call: prices ? findWorstCall(prices, { input: { text } }) : null,
    tokens: outputTokens,
    leastTokens: Math.min(leastUsefulTokens, choice.params.max_output_tokens ?? leastUsefulTokens),
  };
}

/** What a turn is planned by: the session as it is known, and where in it the turn goes on. */
export interface TurnToPlan {
  asker: BudgetAsker;
  session: SessionState;
  parentId: string | null | undefined;
  choice: ModelChoice;
  /** What is sent even without memory. */
  alone: number;
}

export interface PlannedTurn extends Pick<TurnToPlan, "asker" | "session"> {
  /** The turn's own until it is given back. */
  way: PrintedPath;
  /** Whether it follows the newest message: then the way is the session's own. */
  isTip: boolean;
  plan: MemoryPlan;
  ask: Ask;
  known: Known;
}

/** Plans turns for the budgets that concern them. Where none does, it says so at once, and the turn plans its memory while it runs. */
export class TurnPlanner {
  private readonly tools: Pick<TurnTools, "store" | "memories" | "chooser" | "books" | "now" | "log">;
  private readonly known: KnownBudgets;

  constructor(tools: Pick<TurnTools, "store" | "memories" | "chooser" | "books" | "now" | "log">) {
    this.tools = tools;
    this.known = new KnownBudgets(tools.store);
  }

  /** What stands where there are no budgets at all, as far as it is known. */
  get none(): StandingBudgets | undefined {
    return this.known.none?.budgets;
  }

  /** Those that are known not to concern whoever asks: nothing is waited for. Undefined where some may. */
  recallNone(asker: BudgetAsker): StandingBudgets | undefined {
    const budgets = this.known.recall(asker)?.budgets;
    return budgets?.limits.length === 0 ? budgets : undefined;
  }

  /** The budgets have changed, here or elsewhere. */
  forget(): void {
    this.known.forget();
  }

  /** What a turn was told of the budgets when it was opened. */
  learn({ known, ask }: PlannedTurn, { budgetVersion, grant, soft }: Held): void {
    this.known.expect(budgetVersion);
    known.isTight = isShort(grant, ask);
    for (const { scope, window, settled, limit } of soft)
      this.tools.log.warn(
        { scope, window, settled_usd: printUsd(settled), limit_usd: printUsd(limit) },
        "a budget has passed its soft limit",
      );
  }

  /** The turn, planned. Undefined: no budget concerns it, or it cannot be opened as things are, which its opening will say. */
  async plan({ asker, session, parentId, choice, alone }: TurnToPlan): Promise<PlannedTurn | undefined> {
    const { store, memories, now } = this.tools;
    const known = this.known.recall(asker) ?? (await this.known.read(asker));
    if (known.budgets.limits.length === 0 || session.runningTurnId !== null) return undefined;
    const { project, sessionId } = asker;
    const place = typeof parentId === "string" ? await store.findPlace(project, sessionId, parentId) : undefined;
    if (typeof parentId === "string" && place?.role !== "assistant") return undefined;
    const ahead = aheadOf(session, parentId === null ? { branch: 0, position: -1 } : place);
    const way = await memories.take(ahead, choice.model);
    try {
      const plan = planWay(this.tools, way, ahead, choice, alone);
      const ask = askFor(this.tools, choice, plan, now());
      return { asker, session, way, isTip: parentId === undefined, plan, ask, known };
    } catch (cause) {
      memories.letGo(way);
      throw cause;
    }
  }

  /** The turn was not opened: what was remembered for it is remembered again. */
  giveBack({ asker, session, way, isTip }: PlannedTurn): void {
    const { memories } = this.tools;
    if (isTip) memories.keep(asker.project, session, way);
    else memories.letGo(way);
  }
}
