// One title being made: the model is asked, what it says is read within a bound, and every call is booked.

import { cleanTitle, mostAnswerCharacters, titleInstruction } from "../../conversation/title.ts";
import type { TitleSource } from "../../conversation/title-store.ts";
import { AppError } from "../../errors.ts";
import type { Ask, Grant } from "../../money/budget.ts";
import type { BegunCall, LedgerEntry } from "../../money/ledger.ts";
import { estimateTokens } from "../../money/tokens.ts";
import { findWorstCall } from "../../money/worst-case.ts";
import { type Attempt, type ProviderCall, ProviderError } from "../../provider.ts";
import type { Idempotency } from "../../store.ts";
import { Answer } from "../answer.ts";
import { bookTurn } from "../books.ts";
import { isBillable, noMoreCalls } from "../opening/grant.ts";
import type { TurnTools } from "../tools.ts";
import type { CheapModels, TitleModel } from "./cheap-model.ts";

export interface TitleToMake {
  owner: string;
  source: TitleSource & { turn: number };
  /** What is said in the conversation, as the model is shown it. */
  said: string;
  ifVersion: number | undefined;
  models: TitleModel[];
  leaseMs: number;
  idempotency: Idempotency | undefined;
}

/** What came of it: calls to book, where any were made, and a title or why there is none. */
export interface TitleOutcome {
  begun: boolean;
  entries: LedgerEntry[];
  title: string | null;
  failure: unknown;
}

const nothing = new Uint8Array();

export class TitleCall {
  private readonly tools: TurnTools;
  private readonly cheap: CheapModels;
  private readonly asked: TitleToMake;
  private readonly calls: ProviderCall[] = [];
  private answer = new Answer();
  private begun = false;
  private grant: Grant | null = null;
  /** Whether the last answer came to its end. */
  private isWhole = false;

  constructor(tools: TurnTools, cheap: CheapModels, asked: TitleToMake) {
    this.tools = tools;
    this.cheap = cheap;
    this.asked = asked;
  }

  /** Never throws. The signal ends it, whatever it is at. */
  async run(signal: AbortSignal): Promise<TitleOutcome> {
    let title: string | null = null;
    let failure: unknown;
    try {
      title = cleanTitle(await this.askEach(signal));
      if (title === null) failure = new ProviderError("provider_error", "The model gave no title.");
    } catch (cause) {
      failure = cause;
    }
    const entries = bookTurn(this.tools.books, {
      purpose: "title",
      outcome: this.isWhole ? "finished" : "broken",
      attempts: this.attempts,
      promptEstimate: this.promptEstimate,
      textEstimate: this.answer.words.estimate,
      thoughtEstimate: this.answer.thoughts.estimate,
    });
    return { begun: this.begun, entries, title, failure };
  }

  /** One model after another, as long as the vendor has no such model; and without its thinking, where that was refused. */
  private async askEach(signal: AbortSignal): Promise<string> {
    for (const [index, { model, params }] of this.asked.models.entries()) {
      try {
        return await this.ask({ model, params }, signal);
      } catch (cause) {
        if (!(cause instanceof ProviderError) || signal.aborted) throw cause;
        if (cause.thinkingRefused && params.thinking !== undefined)
          return await this.ask({ model, params: { max_output_tokens: params.max_output_tokens! } }, signal);
        if (!cause.modelGone && cause.code !== "model_not_found") throw cause;
        this.cheap.forget(model);
        if (index === this.asked.models.length - 1) throw cause;
      }
    }
    throw new AppError("internal", "No model was asked for the title.");
  }

  private async ask({ model, params }: TitleModel, signal: AbortSignal): Promise<string> {
    const request = { model, params, system: titleInstruction, memory: nothing, question: this.asked.said };
    const call = this.tools.provider.stream(request, signal, (attempt) => this.note(attempt));
    this.calls.push(call);
    this.answer = new Answer();
    for await (const events of call) {
      for (const event of events) if (event.type !== "usage") this.answer.add(event);
      const [text, thought] = [this.answer.words.text, this.answer.thoughts.text];
      if (text.length > mostAnswerCharacters || thought.length > 16 * mostAnswerCharacters) return text; // which cuts the call
    }
    this.isWhole = true;
    return this.answer.words.text;
  }

  /** Before each request is sent it is written down, with all before it. */
  private async note(attempt: Attempt): Promise<void> {
    const { store, processId } = this.tools;
    const { owner, source, ifVersion, leaseMs, idempotency } = this.asked;
    const attempts = [...this.attempts, attempt];
    const calls: BegunCall[] = attempts.map(({ at, model, status, errorCode }) => ({ at, model, status, errorCode }));
    const { session, turn } = source;
    const { grant, promptEstimate } = this;
    if (grant && attempts.slice(0, -1).filter(isBillable).length >= grant.calls) throw noMoreCalls();
    if (this.begun) return store.noteTitleCalls(session, processId, calls);
    const how = { ifVersion, processId, leaseMs, idempotency, at: attempt.at };
    const ask = this.askBudgets(attempt.at);
    this.grant = await store.beginTitle({ owner, session, turn, promptEstimate, ask, calls, ...how });
    this.begun = true;
  }

  /** All of the dearest of the models that may be asked, or nothing: a title that is cut short is none. */
  private askBudgets(at: number): Ask {
    const { models } = this.asked;
    const names = models.map(({ model }) => model);
    const prices = this.tools.books.listPrices(names, at, at + this.asked.leaseMs);
    const tokens = Math.max(...models.map(({ params }) => params.max_output_tokens!));
    const call = prices ? findWorstCall(prices, { input: { text: this.promptEstimate } }) : null;
    return { model: names[0]!, call, tokens, leastTokens: tokens };
  }

  private get attempts(): Attempt[] {
    return this.calls.flatMap((call) => [...call.attempts]);
  }

  private get promptEstimate(): number {
    return estimateTokens(titleInstruction) + estimateTokens(this.asked.said);
  }
}
