// What a turn asks of the vendor: the memory, the model, the form of its params; and after a refusal, what it asks instead.

import type { MemoryPlan } from "../conversation/memory.ts";
import type { PrintedPath } from "../conversation/path.ts";
import type { Params } from "../model/params.ts";
import { type AnsweredAttempt, type Attempt, type CallSignal, type ProviderCall, ProviderError } from "../provider.ts";
import type { OpenedRecord } from "../store.ts";
import type { ModelChoice } from "./model-choice.ts";
import { isBillable, listBudgetNotices, noMoreCalls } from "./opening/grant.ts";
import type { Decided } from "./opening/opening.ts";
import { type PlannedTurn, planWay } from "./opening/plan.ts";
import type { TurnTools } from "./tools.ts";
import type { Notice } from "./turn.ts";

export class Asking {
  private readonly tools: TurnTools;
  private readonly opened: OpenedRecord;
  private readonly params: Params;
  private choice: ModelChoice;
  private memory: MemoryPlan | undefined;
  private way: PrintedPath | undefined;
  private readonly alone: number;
  private current: ProviderCall | undefined;
  /** Of the calls before it. */
  private earlier: readonly Attempt[] = [];
  /** The vendor has begun to answer. */
  private isSettled = false;
  private isShortened = false;
  /** Beside those of the model's choice. */
  private readonly others: Notice[];

  constructor(
    tools: TurnTools,
    opened: OpenedRecord,
    { choice, params, alone }: Decided,
    planned: PlannedTurn | undefined,
  ) {
    this.tools = tools;
    this.opened = opened;
    this.choice = choice;
    this.params = params;
    this.alone = alone;
    this.way = planned?.way;
    this.memory = planned?.plan;
    this.others = listBudgetNotices(opened, planned?.ask);
    this.say();
  }

  /** What there is to say of how the turn is served. */
  private say(): void {
    this.opened.turn.notices = [...this.choice.notices, ...this.others];
  }

  /** How much of the memory is shown; undefined before it is composed. */
  get plan(): MemoryPlan | undefined {
    return this.memory;
  }

  /** What its answer may have at most, thoughts included; undefined where nobody has said. */
  get mostAnswerTokens(): number | undefined {
    return this.tools.chooser.mostTokensOf(this.choice);
  }

  /** Of the call under way, or the last one: its last attempt, which speaks for it. */
  get record(): AnsweredAttempt | undefined {
    return this.current?.attempts.at(-1);
  }

  /** Every request of every call, oldest first. */
  get attempts(): readonly Attempt[] {
    const ofCurrent = this.current?.attempts ?? [];
    return this.earlier.length === 0 ? ofCurrent : [...this.earlier, ...ofCurrent];
  }

  /** Whether a request is with the vendor now. */
  get isInFlight(): boolean {
    return this.current?.isInFlight ?? false;
  }

  /** What to add to "there is no such model". */
  get hint(): string {
    return this.tools.chooser.hint(this.choice);
  }

  /** Plans the memory, unless it is planned. `most`: the tokens that it may take, where that is less than it was planned with. */
  async compose(most?: number): Promise<void> {
    const { choice } = this;
    const { session } = this.opened;
    if (this.way && !this.way.turnTo(choice.model)) this.leavePath();
    this.way ??= await this.tools.memories.take(session, choice.model);
    if (!this.memory || most !== undefined)
      this.memory = planWay(this.tools, this.way, session, choice, this.alone, most);
  }

  /** The way to this turn, to be given back with the turn on it; undefined where there was no room to keep it. Once. */
  takePath(): PrintedPath | undefined {
    const { way } = this;
    this.way = undefined;
    return way;
  }

  /** Nobody will give the path back. */
  leavePath(): void {
    if (this.way) this.tools.memories.letGo(this.way);
    this.way = undefined;
  }

  /** The next call; it begins when it is iterated. Throws when the signal is aborted already. */
  call(signal: CallSignal): ProviderCall {
    const { way, memory: plan } = this;
    if (signal.aborted || !way || !plan) throw new Error("stopped before it began");
    const { model, formOf } = this.choice;
    const { session, userMessage } = this.opened;
    const question = (plan.showsWaiting ? way.waiting : "") + userMessage.content;
    const memory = way.printFrom(plan.first);
    const request = { model, system: session.system, memory, question, params: this.limitParams(), formOf };
    this.current = this.tools.provider.stream(request, signal, (attempt) => this.note(attempt));
    return this.current;
  }

  /** What was granted is what is sent, whatever form the params are in by now. */
  private limitParams(): Params {
    const { params } = this.choice;
    const { grant } = this.opened;
    if (!grant) return params;
    return { ...params, max_output_tokens: Math.min(grant.tokens, params.max_output_tokens ?? grant.tokens) };
  }

  /** The first request is known to have been made by the turn itself; another one is written down before it is sent, with all before it. */
  private note(attempt: Attempt): Promise<void> | undefined {
    const before = this.attempts;
    if (before.length === 0) return undefined;
    const { grant } = this.opened;
    if (grant && before.filter(isBillable).length >= grant.calls) throw noMoreCalls();
    const calls = [...before, attempt].map(({ at, model, status, errorCode }) => ({ at, model, status, errorCode }));
    return this.tools.store.noteCalls(this.opened.turn.id, this.tools.processId, calls);
  }

  /** The vendor has begun to answer: nothing else will be asked. */
  settle(): void {
    if (this.isSettled) return;
    this.isSettled = true;
    if (this.way && !this.tools.memories.stays(this.way)) this.way = undefined;
  }

  /** Whether there is something else to ask for after this failure; then the next call asks for it. */
  async change(failure: unknown): Promise<boolean> {
    if (!(failure instanceof ProviderError) || this.isSettled || !(await this.changeRequest(failure))) return false;
    this.earlier = this.attempts;
    this.current = undefined;
    this.say();
    return true;
  }

  private async changeRequest(refusal: ProviderError): Promise<boolean> {
    if (refusal.code === "context_too_long") return this.shorten();
    const next = this.tools.chooser.reconsider(this.choice, this.params, refusal);
    this.choice = next ?? this.choice;
    return next !== undefined;
  }

  /** The vendor's count is above what we thought: half of the conversation is tried, once. */
  private async shorten(): Promise<boolean> {
    const { memory, way } = this;
    if (this.isShortened || !memory || !way) return false;
    await this.compose(Math.floor(memory.estimate / 2));
    const [shown, left] = [way.countFrom(memory.first), way.countFrom(this.memory?.first ?? 0)];
    if (left >= shown) return false;
    const detail = `The vendor found the conversation too long: the model was shown the last ${left} questions with their answers instead of ${shown}.`;
    this.isShortened = true;
    this.others.push({ code: "memory_shortened", detail });
    return true;
  }
}

/** The notices of a turn, with what its answer says beside its text. */
export function withAnswerNotices(before: readonly Notice[], { notShown, finishDetail }: AnsweredAttempt): Notice[] {
  const notices = [...before];
  if (notShown.length > 0) {
    const detail = `The answer also held what cannot be shown yet: ${notShown.join(", ")}.`;
    notices.push({ code: "content_not_shown", detail });
  }
  if (finishDetail !== null) notices.push({ code: "finish_detail", detail: `The provider said: ${finishDetail}` });
  return notices;
}
