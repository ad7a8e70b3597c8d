// Opening a turn in the store: planned for its budgets where there are any, and asked for again where a line broke.

import { RateLimited } from "../../caller/rate.ts";
import { AppError } from "../../errors.ts";
import type { Params } from "../../model/params.ts";
import type { StandingBudgets } from "../../money/budget.ts";
import type { BudgetAsker } from "../../money/budget-store.ts";
import { type OpenedTurn, type OpenTurn, type SessionState, StaleSession } from "../../store.ts";
import type { ModelChoice } from "../model-choice.ts";
import { type AskedRate, rateOfTurn } from "../rate.ts";
import type { Caller } from "../reader/follow.ts";
import type { TurnTools } from "../tools.ts";
import { pause } from "../wait.ts";
import { noBudgets } from "./known-budgets.ts";
import { type PlannedTurn, TurnPlanner } from "./plan.ts";

export interface StartTurn
  extends Pick<OpenTurn, "owner" | "sessionId" | "content" | "parentId" | "ifVersion" | "idempotency" | "keyId"> {
  model: string | undefined;
  params: Params | undefined;
  ifBusy: "reject" | "queue" | "interrupt";
  /** Whom it is for; undefined: whom the session belongs to. */
  user?: string | undefined;
  /** Whoever asks may be answered by these models alone. */
  models?: readonly string[] | null;
  /** Undefined where nothing is limited. */
  rate?: AskedRate | undefined;
  /** Who waits: when the caller leaves, a queued message is withdrawn; a started turn goes on. */
  caller: Caller;
}

/** A turn as it will be asked for, by a state of its session. */
export interface Decided {
  session: SessionState;
  params: Params;
  choice: ModelChoice;
  /** What the message takes of the model's window. */
  questionTokens: number;
  /** The same with the system text: what is sent even without memory. */
  alone: number;
}

/** How long after a lost connection to the database its work is asked for again. */
const secondTryMs = 100;

export class Opening {
  private readonly tools: TurnTools;
  private readonly settings: { leaseMs: number; shared: boolean };
  private readonly planner: TurnPlanner;

  constructor(tools: TurnTools, settings: { leaseMs: number; shared: boolean }) {
    this.tools = tools;
    this.settings = settings;
    this.planner = new TurnPlanner(tools);
  }

  /** Undefined: no budget concerns it, or its opening will be refused. Waits for nothing where none is known to. */
  plan(input: StartTurn, { session, choice, alone }: Decided): Promise<PlannedTurn | undefined> | undefined {
    if (this.planner.none) return undefined;
    const asker = askerOf(input, session);
    if (this.planner.recallNone(asker)) return undefined;
    return this.planner.plan({ asker, session, parentId: input.parentId, choice, alone });
  }

  /**
   * "stale": the session, or the budgets, are not as they were known. What was planned is given back, unless the turn was opened with
   * it. Throws AppError.
   */
  async open(turnId: string, input: StartTurn, decided: Decided, planned?: PlannedTurn): Promise<OpenedTurn | "stale"> {
    let opened: OpenedTurn | undefined;
    try {
      opened = await this.ask(this.describe(turnId, input, decided, planned));
      if (planned && opened.kind === "opened") this.planner.learn(planned, opened);
      return opened;
    } catch (cause) {
      if (cause instanceof RateLimited) input.rate?.tell([cause.state]);
      if (planned && cause instanceof AppError && cause.code === "budget_exceeded") planned.known.isTight = true;
      if (!(cause instanceof StaleSession)) throw cause;
      this.planner.forget();
      return "stale";
    } finally {
      if (planned && opened?.kind !== "opened") this.planner.giveBack(planned);
    }
  }

  private describe(turnId: string, input: StartTurn, decided: Decided, planned?: PlannedTurn): OpenTurn {
    const { session, choice } = decided;
    const rate = input.rate && rateOfTurn(input.rate, input.user ?? session.user, decided);
    return {
      owner: input.owner,
      sessionId: input.sessionId,
      known: session,
      turnId,
      content: input.content,
      parentId: input.parentId,
      ifVersion: input.ifVersion,
      modelRequested: choice.requested,
      user: input.user ?? session.user,
      keyId: input.keyId ?? null,
      rate,
      idempotency: input.idempotency,
      ask: planned?.ask,
      budgets: this.budgetsFor(input, session, planned),
      at: this.tools.now(),
      processId: this.tools.processId,
      leaseMs: this.settings.leaseMs,
    };
  }

  /** As far as they are known to have room; where nothing was planned, those by which nothing had to be. */
  private budgetsFor(input: StartTurn, session: SessionState, planned?: PlannedTurn): StandingBudgets | undefined {
    if (!planned) return this.planner.none ?? this.planner.recallNone(askerOf(input, session)) ?? noBudgets;
    return planned.known.isTight || planned.ask.call === null ? undefined : planned.known.budgets;
  }

  /** A connection that broke may have kept no more than the answer from us: then the same question finds what was written. */
  private ask(asked: OpenTurn): Promise<OpenedTurn> {
    const opened = this.tools.store.openTurn(asked);
    return this.settings.shared ? opened.catch((cause) => this.askAgain(asked, cause)) : opened;
  }

  private async askAgain(asked: OpenTurn, cause: unknown): Promise<OpenedTurn> {
    if (!(cause instanceof AppError) || cause.code !== "storage_unavailable") throw cause;
    await pause(secondTryMs);
    return this.tools.store.openTurn(asked);
  }
}

function askerOf({ owner: project, sessionId, user, keyId = null }: StartTurn, session: SessionState): BudgetAsker {
  return { project, sessionId, user: user ?? session.user ?? null, keyId };
}
