// What a turn asks of the vendor: the memory, the model, the form of its params; and after a refusal, what it asks instead.

import { type MemoryPlan, planMemory } from "../conversation/memory.ts";
import type { Params } from "../model/params.ts";
import { type CallRecord, type ProviderCall, ProviderError, type ProviderRequest } from "../provider.ts";
import type { OpenedTurn } from "../store.ts";
import type { ModelChoice } from "./model-choice.ts";
import type { TurnTools } from "./tools.ts";
import type { Notice } from "./turn.ts";

export type OpenedRecord = Extract<OpenedTurn, { kind: "opened" }>;

export class Asking {
  /** What there is to say of how the turn is served; it grows. */
  readonly notices: Notice[];
  private readonly tools: TurnTools;
  private readonly opened: OpenedRecord;
  private readonly params: Params;
  private choice: ModelChoice;
  private memory: Omit<MemoryPlan, "messages"> | undefined;
  /** Until the vendor's first words: with the whole memory in it, it may be long. */
  private request: Pick<ProviderRequest, "system" | "messages"> | undefined;
  private current: ProviderCall | undefined;
  private readonly earlier: CallRecord[] = [];
  private readonly shortened: Notice[] = [];

  constructor(tools: TurnTools, opened: OpenedRecord, choice: ModelChoice, params: Params) {
    this.tools = tools;
    this.opened = opened;
    this.choice = choice;
    this.params = params;
    this.notices = [...choice.notices];
  }

  /** How much of the memory is shown; undefined before it is composed. */
  get plan(): Omit<MemoryPlan, "messages"> | undefined {
    return this.memory;
  }

  /** Of the call under way, or the last one. */
  get record(): CallRecord | undefined {
    return this.current?.record;
  }

  /** Of all calls, oldest first. */
  get records(): CallRecord[] {
    return this.current ? [...this.earlier, this.current.record] : this.earlier;
  }

  /** Whether a request is with the vendor now. */
  get isInFlight(): boolean {
    return this.current?.isInFlight ?? false;
  }

  /** What to add to "there is no such model". */
  get hint(): string {
    return this.tools.chooser.hint(this.choice);
  }

  /** Plans the memory. `most`: the tokens that it may take, where that is less than the model's window. */
  async compose(most?: number): Promise<void> {
    const { opened, choice } = this;
    const { chooser, store } = this.tools;
    const { memory, session } = opened;
    const rows = await store.readMemory(session.id, memory.branch, memory.position, memory.from);
    const plan = planMemory({
      rows,
      from: memory.from,
      system: session.system,
      content: opened.userMessage.content,
      window: chooser.windowOf(choice.model, choice.params),
      usualWindow: chooser.windowOf(session.model ?? chooser.defaultModel, session.params),
      most,
      calibration: memory,
      model: choice.model,
    });
    const { messages, from, estimate, promptEstimate } = plan;
    this.memory = { from, estimate, promptEstimate }; // without the messages, which may be long
    this.request = { system: session.system, messages };
  }

  /** The next call; it begins when it is iterated. Throws when the signal is aborted already. */
  call(signal: AbortSignal): ProviderCall {
    if (signal.aborted || !this.request) throw new Error("stopped before it began");
    const { model, params, formOf } = this.choice;
    const call = this.tools.provider.stream({ ...this.request, model, params, formOf }, signal);
    this.current = call;
    return call;
  }

  /** The vendor has begun to answer: nothing else will be asked. */
  settle(): void {
    this.request = undefined;
  }

  /** Whether there is something else to ask for after this failure; then the next call asks for it. */
  async change(failure: unknown): Promise<boolean> {
    if (!(failure instanceof ProviderError) || !this.request || !(await this.changeRequest(failure))) return false;
    if (this.current) this.earlier.push(this.current.record);
    this.current = undefined;
    this.notices.splice(0, this.notices.length, ...this.choice.notices, ...this.shortened);
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
    const shown = this.request?.messages.length ?? 0;
    if (this.shortened.length > 0 || shown <= 1 || !this.memory) return false;
    await this.compose(Math.floor(this.memory.estimate / 2));
    const left = this.request?.messages.length ?? 0;
    if (left >= shown) return false;
    const detail = `The vendor found the conversation too long: the model was shown its last ${left} messages instead of ${shown}.`;
    this.shortened.push({ code: "memory_shortened", detail });
    return true;
  }
}

/** What an answer says beside its text, as notices of its turn. */
export function listAnswerNotices({ notShown, finishDetail }: Pick<CallRecord, "notShown" | "finishDetail">): Notice[] {
  const notices: Notice[] = [];
  if (notShown.length > 0) {
    const detail = `The answer also held what cannot be shown yet: ${notShown.join(", ")}.`;
    notices.push({ code: "content_not_shown", detail });
  }
  if (finishDetail !== null) notices.push({ code: "finish_detail", detail: `The provider said: ${finishDetail}` });
  return notices;
}
