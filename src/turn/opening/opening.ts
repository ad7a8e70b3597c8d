// Opening a turn in the store: planned for its budgets where there are any, and asked for again where a line broke.

import { RateLimited } from "../../caller/rate.ts";
import { AppError } from "../../errors.ts";
import { newTurnId } from "../../id.ts";
import type { Params } from "../../model/params.ts";
import { type Idempotency, type OpenedTurn, type OpenTurn, type SessionState, StaleSession } from "../../store.ts";
import type { ModelChoice } from "../model-choice.ts";
import { type AskedRate, rateOfTurn } from "../rate.ts";
import type { TurnTools } from "../tools.ts";
import { pause } from "../wait.ts";
import { noVersion, type PlannedTurn, TurnPlanner } from "./plan.ts";

export interface StartTurn {
  owner: string;
  sessionId: string;
  content: string;
  model: string | undefined;
  params: Params | undefined;
  parentId: string | null | undefined;
  ifBusy: "reject" | "queue" | "interrupt";
  ifVersion: number | undefined;
  idempotency: Idempotency | undefined;
  /** Whom it is for; undefined: whom the session belongs to. */
  user?: string | undefined;
  keyId?: string | null;
  /** Whoever asks may be answered by these models alone. */
  models?: readonly string[] | null;
  /** Undefined where nothing is limited. */
  rate?: AskedRate | undefined;
  /** Aborted when the caller leaves: a queued message is then withdrawn; a started turn goes on. */
  left: AbortSignal;
}

/** A turn as it will be asked for, by a state of its session. */
export interface Decided {
  session: SessionState;
  params: Params;
  choice: ModelChoice;
  /** What the message takes of the model's window. */
  questionTokens: number;
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

  /** Whether there may be budgets. Where there are none, nothing is waited for. */
  get needsPlan(): boolean {
    return this.planner.noBudgetAt === undefined;
  }

  plan({ owner, parentId }: StartTurn, { session, choice, questionTokens }: Decided): Promise<PlannedTurn | undefined> {
    return this.planner.plan({ owner, session, parentId, choice, questionTokens });
  }

  /**
   * "stale": the session, or the budgets, are not as they were known. What was planned is given back, unless the turn was opened with
   * it. Throws AppError.
   */
  async open(input: StartTurn, decided: Decided, planned: PlannedTurn | undefined): Promise<OpenedTurn | "stale"> {
    let opened: OpenedTurn | undefined;
    try {
      opened = await this.ask(this.describe(input, decided, planned));
      if (planned && opened.kind === "opened") this.planner.learn(opened);
      return opened;
    } catch (cause) {
      if (cause instanceof RateLimited) input.rate?.tell([cause.state]);
      if (!(cause instanceof StaleSession)) throw cause;
      this.planner.forget();
      return "stale";
    } finally {
      if (planned && opened?.kind !== "opened") this.planner.giveBack(planned);
    }
  }

  private describe(input: StartTurn, decided: Decided, planned: PlannedTurn | undefined): OpenTurn {
    const { session, choice } = decided;
    const rate = input.rate && rateOfTurn(input.rate, input.user ?? session.user, decided);
    return {
      owner: input.owner,
      sessionId: input.sessionId,
      known: session,
      turnId: newTurnId(),
      content: input.content,
      parentId: input.parentId,
      ifVersion: input.ifVersion,
      modelRequested: choice.requested,
      user: input.user ?? session.user,
      keyId: input.keyId ?? null,
      ...(rate && { rate }),
      idempotency: input.idempotency,
      ask: planned?.ask,
      noBudgetAt: planned ? undefined : (this.planner.noBudgetAt ?? noVersion),
      at: this.tools.now(),
      processId: this.tools.processId,
      leaseMs: this.settings.leaseMs,
    };
  }

  /** A connection that broke may have kept no more than the answer from us: then the same question finds what was written. */
  private async ask(asked: OpenTurn): Promise<OpenedTurn> {
    const { store } = this.tools;
    try {
      return await store.openTurn(asked);
    } catch (cause) {
      const connectionLost = this.settings.shared && cause instanceof AppError && cause.code === "storage_unavailable";
      if (!connectionLost) throw cause;
      await pause(secondTryMs);
      return store.openTurn(asked);
    }
  }
}
