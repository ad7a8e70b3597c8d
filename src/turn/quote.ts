// A message priced before it is sent: decided and planned as a turn is, counted by the vendor where that is cheap, and nothing is written.

import { createHash } from "node:crypto";
import { type MemoryPlan, requireFit, tokensAlone } from "../conversation/memory.ts";
import { messageTokens } from "../conversation/path.ts";
import { AppError, type ErrorCode, notFound } from "../errors.ts";
import type { Catalogue } from "../model/model.ts";
import { mergeParams } from "../model/params.ts";
import type { Ask, Budget } from "../money/budget.ts";
import type { Pico } from "../money/money.ts";
import { floorCost, likelyAnswerTokens, likelyCachedTokens, likelyCost } from "../money/quote/quote.ts";
import type { QuoteBasis } from "../money/quote/quote-store.ts";
import { noUsage } from "../money/usage.ts";
import { worstCost } from "../money/worst-case.ts";
import type { ProviderRequest } from "../provider.ts";
import type { SessionFields, SessionState } from "../store.ts";
import { type ModelChoice, requireModel } from "./model-choice.ts";
import type { StartTurn } from "./opening/opening.ts";
import { aheadOf, askFor, planWay } from "./opening/plan.ts";
import type { TurnTools } from "./tools.ts";

export type AskQuote = Pick<
  StartTurn,
  "owner" | "content" | "model" | "params" | "parentId" | "user" | "keyId" | "models" | "ifBusy"
> & {
  /** A session's id, or what one would be made with whose first message it is. */
  session: string | Pick<SessionFields, "model" | "system" | "params">;
};

export interface Quote {
  inputTokens: number;
  cachedTokensLikely: number;
  answerTokensLikely: number;
  maxAnswerTokens: number;
  /** Null where the model has no price. */
  floor: Pico | null;
  likely: Pico | null;
  worst: Pico | null;
  /** Of the input: counted by the vendor, or estimated by us. */
  accuracy: "exact" | "estimated";
  /** Those that concern it, as they stand. */
  budgets: Budget[];
  /** Why the message would be refused as things are; null: it would not. */
  refusal: AppError | null;
}

/** A count sends all that the message would send: what is longer than this is estimated, by the last count. */
const mostCountedBytes = 64 * 1024;
/** Whoever types waits no longer for it. */
const countMs = 2_000;
const mostRemembered = 500;
/** Of all who type at the same moment; the others get the estimate. */
const mostCountsAtOnce = 16;

interface Planned {
  plan: MemoryPlan;
  request: Pick<ProviderRequest, "system" | "memory" | "question">;
}

interface WeighedInput extends Pick<MemoryPlan, "estimate" | "promptEstimate"> {
  inputTokens: number;
  cachedTokens: number;
  /** By the vendor. */
  counted: number | undefined;
}

export class Quotes {
  private readonly tools: TurnTools;
  private readonly catalogue: Pick<Catalogue, "find">;
  /** Counts of requests that were asked for again, by a digest of them. */
  private readonly counted = new Map<string, number>();
  private counting = 0;

  constructor(tools: TurnTools, catalogue: Pick<Catalogue, "find">) {
    this.tools = tools;
    this.catalogue = catalogue;
  }

  /** Throws not_found, and invalid_request for what is wrong with the request itself; what else speaks against it is the quote's `refusal`. */
  async quote(asked: AskQuote): Promise<Quote> {
    const { store, chooser, books, now } = this.tools;
    const { owner, parentId } = asked;
    const session =
      typeof asked.session === "string" ? await store.peekSession(owner, asked.session) : notBegun(asked.session);
    if (!session) throw notFound("session");
    const choice = chooser.choose(asked.model, session.model, mergeParams(session.params, asked.params));
    const basis = await store.readQuoteBasis({
      owner,
      sessionId: session.id,
      session,
      parentId,
      model: choice.requested,
    });
    const refusal = this.findRefusal(asked, session, choice);
    const input = await this.weigh(asked, session, choice, basis, refusal);
    const ask = askFor(this.tools, choice, input, now(), input.counted);
    const holder = {
      project: owner,
      sessionId: session.id,
      user: asked.user ?? session.user,
      keyId: asked.keyId ?? null,
      at: now(),
    };
    const { budgets, grant, refusal: overBudget } = await store.readQuoteBudgets(holder, ask);
    const maxAnswerTokens = grant?.tokens ?? ask.tokens;
    const answerTokensLikely = likelyAnswerTokens(basis.here, basis.elsewhere, maxAnswerTokens);
    const { inputTokens, cachedTokens } = input;
    const price = books.findPrice(choice.model, now());
    return {
      ...{ inputTokens, cachedTokensLikely: cachedTokens, answerTokensLikely, maxAnswerTokens },
      floor: price ? floorCost(price, inputTokens) : null,
      likely: price ? likelyCost(price, { inputTokens, cachedTokens, answerTokens: answerTokensLikely }) : null,
      worst: grant?.pico ?? this.findWorst(choice, ask),
      accuracy: input.counted === undefined ? "estimated" : "exact",
      budgets,
      refusal: refusal ?? overBudget ?? null,
    };
  }

  /** The prompt, in tokens: counted where it can be, and how much of it likely comes from the cache. */
  private async weigh(
    asked: AskQuote,
    session: SessionState,
    choice: ModelChoice,
    basis: QuoteBasis,
    refusal: AppError | null,
  ): Promise<WeighedInput> {
    const question = messageTokens(asked.content);
    const alone = tokensAlone(session.system, question);
    if (refusal?.code === "context_too_long")
      return { inputTokens: alone, cachedTokens: 0, counted: undefined, estimate: alone, promptEstimate: alone };
    const { plan, request } = await this.plan(asked, session, choice, basis);
    const counted = await this.count(request, choice);
    const inputTokens = counted ?? plan.estimate;
    const cachedTokens = likelyCachedTokens({
      here: basis.here,
      unchangedTokens: plan.first === 0 ? Math.max(0, inputTokens - question) : 0,
      cachesFrom: this.catalogue.find(choice.model)?.cachesFrom ?? null,
      at: this.tools.now(),
    });
    return { inputTokens, cachedTokens, counted, estimate: plan.estimate, promptEstimate: plan.promptEstimate };
  }

  private findRefusal(
    { models, ifBusy, content }: AskQuote,
    session: SessionState,
    choice: ModelChoice,
  ): AppError | null {
    const { chooser, books } = this.tools;
    try {
      if (session.deletedAt !== null) throw new AppError("conflict", "The session is in the trash; restore it first.");
      if (session.runningTurnId !== null && ifBusy === "reject")
        throw new AppError("turn_in_progress", "Another turn is running in this session.");
      requireModel(choice.model, models);
      books.requirePrice(choice.model);
      const alone = tokensAlone(session.system, messageTokens(content));
      requireFit(alone, chooser.roomOf(choice.model, choice.params));
      return null;
    } catch (cause) {
      if (cause instanceof AppError && foreseen.has(cause.code)) return cause;
      throw cause;
    }
  }

  private plan(
    { owner, content, parentId }: AskQuote,
    session: SessionState,
    choice: ModelChoice,
    { place }: QuoteBasis,
  ): Promise<Planned> {
    const ahead = aheadOf(session, place);
    const isTip = parentId === undefined && session.runningTurnId === null && session.row !== notStored;
    return this.tools.memories.look(owner, isTip ? session : undefined, ahead, choice.model, (way) => {
      const plan = planWay(this.tools, way, ahead, choice, tokensAlone(session.system, messageTokens(content)));
      const question = (plan.showsWaiting ? way.waiting : "") + content;
      return { plan, request: { system: session.system, memory: way.printFrom(plan.first), question } };
    });
  }

  /** By the vendor, who is told all that the message would tell it; undefined where that is too long, or no count came. */
  private async count(request: Planned["request"], { model, formOf }: ModelChoice): Promise<number | undefined> {
    const { system, memory, question } = request;
    if (memory.length + Buffer.byteLength(question) + Buffer.byteLength(system ?? "") > mostCountedBytes)
      return undefined;
    const digest = createHash("sha256")
      .update(`${model}\n${JSON.stringify([system, question])}\n`)
      .update(memory)
      .digest("base64");
    const known = this.counted.get(digest);
    if (known !== undefined) return known;
    if (this.counting >= mostCountsAtOnce) return undefined;
    this.counting++;
    try {
      // A count knows of no params: none of them is in the prompt.
      const asked = { system, memory: memory.slice(), question, model, formOf, params: {} };
      const tokens = await this.tools.provider.countTokens(asked, AbortSignal.timeout(countMs));
      if (!Number.isSafeInteger(tokens) || tokens <= 0) return undefined;
      const [oldest] = this.counted.keys();
      if (this.counted.size >= mostRemembered && oldest !== undefined) this.counted.delete(oldest);
      this.counted.set(digest, tokens);
      return tokens;
    } catch {
      return undefined; // a quote is not refused for this: ours stands, and says that it is an estimate
    } finally {
      this.counting--;
    }
  }

  /**
   * Without a budget: the answer comes once, and each request before it that may have reached the vendor is booked as its prompt. After a
   * refusal, which costs nothing, something else may be asked, with tries of its own.
   */
  private findWorst(choice: ModelChoice, { call, tokens }: Ask): Pico | null {
    if (!call) return null;
    const asked = 1 + choice.otherForms.length + (choice.named ? 0 : 1) + 1; // itself, other forms, a successor, a shorter memory
    const lost = asked * this.tools.provider.mostAttempts - 1;
    return worstCost(call, tokens, 1) + BigInt(lost) * call.promptPico;
  }
}

/** Of no session in the database. */
const notStored = -1;

/** A session before it is made: nothing was said in it, and nothing is known of it. */
function notBegun(fields: Pick<SessionFields, "model" | "system" | "params">): SessionState {
  return {
    ...{ id: "", title: null, metadata: {}, user: null, pinned: false, messageCount: 0, imported: null, version: 0 },
    ...{ createdAt: 0, updatedAt: 0, activeAt: 0, deletedAt: null, runningTurnId: null },
    ...{ usage: noUsage, cost: { total: 0n, accuracy: "exact", unpricedTurns: 0 } },
    ...{ row: notStored, tipBranch: 0, tipPosition: -1, tipRow: null, tipMessageId: null, branchCount: 1 },
    ...{ memoryFrom: 0, memoryEstimate: 0, memoryTokens: 0 },
    ...fields,
  };
}

const foreseen = new Set<ErrorCode>([
  "conflict",
  "turn_in_progress",
  "forbidden",
  "unpriced_model",
  "context_too_long",
]);
