// The plot of a turn: open it in one transaction, let the provider speak, close it in one transaction, whoever listens.

import { type MemoryPlan, planMemory } from "../conversation/memory.ts";
import type { Failure } from "../conversation/message.ts";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Params } from "../model/params.ts";
import type { LedgerEntry } from "../money/ledger.ts";
import { sumCost } from "../money/ledger.ts";
import { TokenTally } from "../money/tokens.ts";
import type { CallRecord, Provider, ProviderCall, ProviderEvent, ProviderRequest } from "../provider.ts";
import { ProviderError } from "../provider.ts";
import type { ClosedTurn, CloseTurn, OpenedTurn, Store } from "../store.ts";
import { type Books, bookTurn, usageSoFar } from "./books.ts";
import { closeInAnyCase, closeOrFind, isStorageFailure, settleInAnyCase } from "./close.ts";
import { readStored } from "./follow.ts";
import { GrowingText } from "./growing-text.ts";
import { LiveTurn } from "./live.ts";
import type { ModelChoice, ModelChooser } from "./model-choice.ts";
import type { EndStatus, Notice } from "./turn.ts";
import { pause } from "./wait.ts";

export interface TurnTools {
  store: Store;
  provider: Provider;
  chooser: ModelChooser;
  books: Books;
  log: Log;
  now: () => number;
  processId: number;
  /** How long a stopped turn's stream is read on, for its bill. */
  readOnMs: number;
  /** How often a text reader is told what the turn has cost so far, at most. */
  usageEveryMs: number;
  /**
   * Waits between tries to store an end; after the last of them readers are sent away, and it goes on in the background
   * with the last. Default 0.1, 0.5, 2 and 5 s.
   */
  storeRetryMs?: readonly number[] | undefined;
}

/** `key`: the idempotency key that it was asked with. */
type Opened = Extract<OpenedTurn, { kind: "opened" }> & { owner: string; key: string | null };
/** Why the turn is being ended from outside. The first word wins, except that `hard` may follow `soft`. */
type StopWord = "soft" | "hard" | "interrupted";

const defaultStoreRetryMs = [100, 500, 2_000, 5_000];
/** A batch is a row: a fast answer has several for a tick, and none grows with it. */
const batchCharacters = 256 * 1024;

/** One turn from its opened record to its stored end. Made by `turns.ts`, which knows all that run in this process. */
export class RunningTurn {
  readonly live: LiveTurn;
  /** Settles when nothing is left to do: closed and booked. */
  readonly done: Promise<void>;
  private readonly abort = new AbortController();
  private readonly notices: Opened["turn"]["notices"];
  private call: ProviderCall | undefined;
  private readonly earlier: CallRecord[] = [];
  private readonly shortened: Notice[] = [];
  private plan: Omit<MemoryPlan, "messages"> | undefined;
  /** Until the vendor's first words: with the whole memory in it, it may be long. */
  private request: Pick<ProviderRequest, "system" | "messages"> | undefined;
  private readonly text = new GrowingText();
  private readonly thought = new GrowingText();
  private readonly textTally = new TokenTally();
  private readonly thoughtTally = new TokenTally();
  private firstTokenAt: number | null = null;
  private lastUsageAt = 0;
  private flushed = 2;
  private flushing: Promise<void> | undefined;
  private stopWord: StopWord | undefined;
  /** Ends the pause before another try to store something. */
  private endPause: (() => void) | undefined;
  private closing: Promise<ClosedTurn | undefined> | undefined;
  private readonly tools: TurnTools;
  private readonly opened: Opened;
  private readonly params: Params;
  private choice: ModelChoice;

  constructor(tools: TurnTools, opened: Opened, choice: ModelChoice, params: Params) {
    this.tools = tools;
    this.opened = opened;
    this.choice = choice;
    this.params = params;
    this.notices = [...choice.notices];
    const { turn, session, userMessage, owner } = opened;
    this.live = new LiveTurn({ ...turn, notices: this.notices }, session, userMessage, (after) =>
      readStored(tools.store, owner, turn.id, after),
    );
    this.done = this.run();
  }

  /**
   * Ends the turn at a caller's word; returns what was stored. Soft: the bill is read on; hard: the call is cut. Where nothing is
   * with the vendor, before a call or between two tries, soft is hard: there is no bill yet, and none must come about.
   */
  async stop(hard: boolean): Promise<ClosedTurn | undefined> {
    if (hard || this.stopWord === undefined) this.sayStop(hard || !this.call?.isInFlight ? "hard" : "soft");
    return this.live.ended;
  }

  /** Ends the turn because the process must go. */
  interrupt(): void {
    this.sayStop("interrupted");
    this.endPause?.();
  }

  /** Writes the events that are not in the log yet, unless a write is under way. Called by the one ticker of the process. */
  flush(): void {
    if (this.flushing || this.closing || this.live.nextNumber === this.flushed) return;
    const batch = this.takeBatch(batchCharacters);
    const cut = this.flushed < this.live.nextNumber;
    this.flushing = this.tools.store
      .appendEvents(batch)
      .then(() => {
        this.live.letGo(batch.firstNumber + batch.events.length);
        return cut;
      })
      .catch((cause) => {
        this.flushed = batch.firstNumber; // the closing transaction, or the next tick, brings them again
        this.tools.log.error({ turn_id: this.live.turn.id, cause }, "events could not be stored");
        if (cause instanceof AppError && cause.code === "conflict") this.interrupt(); // another process took the turn over
        return false;
      })
      .then((more) => {
        this.flushing = undefined;
        if (more) this.flush(); // they come faster than the ticker
      });
  }

  private sayStop(word: StopWord): void {
    this.stopWord = word;
    if (word !== "soft") this.abort.abort();
    else {
      const cut = setTimeout(() => this.abort.abort(), this.tools.readOnMs);
      void this.done.finally(() => clearTimeout(cut));
      this.close("stopped", null, false).catch(() => {}); // told when the turn is settled, which waits for this
    }
  }

  private async run(): Promise<void> {
    let status: EndStatus = "complete";
    let error: Failure | null = null;
    try {
      await this.composeRequest();
      await this.listen();
    } catch (cause) {
      ({ status, error } = this.explain(cause));
    }
    try {
      if (this.closing) await this.settle();
      else if (this.stopWord === undefined) await this.close(status, error, true);
      else await this.close(this.stopWord === "interrupted" ? "interrupted" : "stopped", null, true);
    } catch (cause) {
      this.tools.log.error({ turn_id: this.live.turn.id, cause }, "a turn could not be stored");
      this.live.end(undefined);
    }
  }

  /** `most`: the tokens that the memory may take, where that is less than the model's window. */
  private async composeRequest(most?: number): Promise<void> {
    const { opened, choice } = this;
    const { chooser } = this.tools;
    const { memory, session } = opened;
    const rows = await this.tools.store.readMemory(session.id, memory.branch, memory.position, memory.from);
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
    this.plan = { from, estimate, promptEstimate }; // without the messages, which may be long
    this.request = { system: session.system, messages };
  }

  /** Takes in the whole answer; after a refusal for which there is another choice, that one's. Each call is one of the turn's. */
  private async listen(): Promise<void> {
    for (;;) {
      try {
        for await (const events of this.callProvider()) {
          this.request = undefined;
          if (!this.closing) this.takeAll(events);
          else this.tallyAll(events); // it was stopped: the rest is read for its bill only
        }
        return;
      } catch (cause) {
        const isRefused = cause instanceof ProviderError && this.request && this.stopWord === undefined;
        if (!isRefused || !(await this.changeRequest(cause))) throw cause;
        if (this.call) this.earlier.push(this.call.record);
        this.call = undefined;
        this.notices.splice(0, this.notices.length, ...this.choice.notices, ...this.shortened);
      }
    }
  }

  /** Whether there is something else to ask for after a refusal. */
  private async changeRequest(refusal: ProviderError): Promise<boolean> {
    if (refusal.code === "context_too_long") return this.shortenMemory();
    const next = this.tools.chooser.reconsider(this.choice, this.params, refusal);
    this.choice = next ?? this.choice;
    return next !== undefined;
  }

  /** The vendor's count is above what we thought: half of the conversation is tried, once. */
  private async shortenMemory(): Promise<boolean> {
    const shown = this.request?.messages.length ?? 0;
    if (this.shortened.length > 0 || shown <= 1 || !this.plan) return false;
    await this.composeRequest(Math.floor(this.plan.estimate / 2));
    const left = this.request?.messages.length ?? 0;
    if (left >= shown) return false;
    const detail = `The vendor found the conversation too long: the model was shown its last ${left} messages instead of ${shown}.`;
    this.shortened.push({ code: "memory_shortened", detail });
    return true;
  }

  private callProvider(): ProviderCall {
    if (this.stopWord === "hard" || this.stopWord === "interrupted" || !this.request)
      throw new Error("stopped before it began");
    const { model, params, formOf } = this.choice;
    const call = this.tools.provider.stream({ ...this.request, model, params, formOf }, this.abort.signal);
    this.call = call;
    return call;
  }

  private takeAll(events: readonly ProviderEvent[]): void {
    for (const event of events) {
      if (event.type === "usage") this.reportUsage();
      else if (event.text !== "") this.take(event);
    }
    this.live.wake();
  }

  private take(event: Extract<ProviderEvent, { text: string }>): void {
    this.firstTokenAt ??= this.tools.now();
    const { type, text } = event;
    if (type === "text-delta") this.text.add(text);
    else this.thought.add(text);
    this.tally(event);
    this.live.append(event);
  }

  private tallyAll(events: readonly ProviderEvent[]): void {
    for (const event of events) if (event.type !== "usage") this.tally(event);
  }

  private tally({ type, text }: Extract<ProviderEvent, { text: string }>): void {
    if (type === "text-delta") this.textTally.add(text);
    else this.thoughtTally.add(text);
  }

  private reportUsage(): void {
    const now = this.tools.now();
    if (this.lastUsageAt === 0) this.lastUsageAt = now; // the first second needs no report
    if (now - this.lastUsageAt < this.tools.usageEveryMs || !this.record) return;
    this.lastUsageAt = now;
    const seen = usageSoFar(this.tools.books, this.bookable("broken"));
    if (seen) this.live.append({ type: "usage", usage: seen.usage, cost: seen.cost });
  }

  private explain(cause: unknown): { status: EndStatus; error: Failure } {
    if (cause instanceof ProviderError || cause instanceof AppError) {
      const successor = cause instanceof ProviderError && cause.modelGone ? this.tools.chooser.hint(this.choice) : "";
      if (this.stopWord === undefined)
        this.tools.log.warn({ turn_id: this.live.turn.id, code: cause.code, cause: cause.cause }, "a turn failed");
      return { status: "failed", error: { code: cause.code, detail: cause.message + successor } };
    }
    if (this.stopWord === undefined) this.tools.log.error({ turn_id: this.live.turn.id, cause }, "a turn failed");
    return {
      status: "failed",
      error: { code: "internal", detail: "Something went wrong on our side; the log has the details." },
    };
  }

  private bookable(outcome: "finished" | "broken") {
    return {
      turn: this.opened.turn,
      outcome,
      records: this.record ? [...this.earlier, this.record] : this.earlier,
      promptEstimate: this.plan?.estimate ?? 0,
      textEstimate: this.textTally.estimate,
      thoughtEstimate: this.thoughtTally.estimate,
    };
  }

  private close(status: EndStatus, error: Failure | null, settled: boolean): Promise<ClosedTurn | undefined> {
    this.closing ??= this.storeEnd(status, error, settled);
    return this.closing;
  }

  private async storeEnd(status: EndStatus, error: Failure | null, settled: boolean): Promise<ClosedTurn | undefined> {
    if (this.flushing) await this.flushing;
    const entries = bookTurn(this.tools.books, this.bookable(status === "complete" ? "finished" : "broken"));
    const end = this.describeEnd(status, error, settled, entries);
    const write = (less: CloseTurn) => this.insist(() => closeOrFind(this.tools.store, less));
    const closed = await closeInAnyCase(end, write, this.tools.log);
    if (!closed)
      this.tools.log.warn(
        { turn_id: this.live.turn.id },
        "a turn was taken over by another process before it ended here",
      );
    this.live.end(closed);
    return closed;
  }

  private describeEnd(status: EndStatus, error: Failure | null, settled: boolean, entries: LedgerEntry[]): CloseTurn {
    const { owner, turn, session, row, userMessage } = this.opened;
    const lastNumber = this.live.nextNumber;
    const usage = entries.at(-1)?.usage ?? null;
    return {
      owner,
      turn,
      question: userMessage.content,
      session,
      row,
      processId: this.tools.processId,
      status,
      text: this.text.text,
      thought: this.thought.text,
      vendorParts: settled && status === "complete" ? (this.record?.vendorParts ?? null) : null,
      modelServed: this.record?.modelServed ?? null,
      finishReason: this.record?.finishReason ?? null,
      error,
      notices: this.notices,
      firstTokenAt: this.firstTokenAt,
      endedAt: this.tools.now(),
      lastBatch: lastNumber === this.flushed ? null : this.takeBatch(),
      lastNumber,
      usage,
      cost: sumCost(entries),
      entries: settled ? entries : [],
      settled,
      releaseKey: status === "failed" && isForNothing(this.firstTokenAt, entries) ? this.opened.key : null,
      memory: this.plan
        ? {
            from: status === "complete" || status === "stopped" ? this.plan.from : this.opened.memory.from,
            promptEstimate: this.plan.promptEstimate,
            promptTokens:
              status === "complete" && entries.at(-1)?.accuracy === "exact" ? (usage?.inputTokens ?? null) : null,
          }
        : null,
    };
  }

  /** Books a turn whose reader was let go earlier, with what the vendor said until now. */
  private async settle(): Promise<void> {
    const closed = await this.closing;
    if (!closed) return;
    const outcome = this.record?.finishReason && !this.abort.signal.aborted ? "finished" : "broken";
    const entries = bookTurn(this.tools.books, this.bookable(outcome));
    const write = (booked: LedgerEntry[]) => this.insist(() => settleWith(this.tools, closed.turn.id, booked));
    await settleInAnyCase(closed.turn.id, entries, write, this.tools.log);
  }

  private get record(): CallRecord | undefined {
    return this.call?.record;
  }

  private takeBatch(most = Number.POSITIVE_INFINITY) {
    const batch = {
      turnId: this.live.turn.id,
      firstNumber: this.flushed,
      events: this.live.eventsFrom(this.flushed, most),
      usageRaw: this.record?.usageRaw ?? null,
      counted: this.record?.counted ?? null,
      modelServed: this.record?.modelServed ?? null,
    };
    this.flushed += batch.events.length;
    return batch;
  }

  /** Tries until it is stored: what the vendor was paid for must not be lost to a full disk. Readers wait only so long. */
  private async insist<T>(write: () => Promise<T>): Promise<T> {
    const waits = this.tools.storeRetryMs ?? defaultStoreRetryMs;
    for (let tries = 0; ; tries++) {
      try {
        return await write();
      } catch (cause) {
        if (!isStorageFailure(cause) || this.stopWord === "interrupted") throw cause;
        this.tools.log.error(
          { turn_id: this.live.turn.id, cause: (cause as AppError).cause },
          "storage is unavailable; trying again",
        );
        if (tries === waits.length) this.live.end(undefined);
        await this.pause(waits[Math.min(tries, waits.length - 1)]!);
      }
    }
  }

  /** Waits, unless the process must go. */
  private async pause(ms: number): Promise<void> {
    const over = new AbortController();
    this.endPause = () => over.abort();
    await pause(ms, over.signal);
    this.endPause = undefined;
  }
}

/** No word came, and nothing is owed for it: whoever asks again with the same key is given a new try. */
function isForNothing(firstTokenAt: number | null, entries: readonly LedgerEntry[]): boolean {
  return firstTokenAt === null && entries.every(({ total }) => total === 0n);
}

/** Books the bill of a turn that has ended. */
export function settleWith({ store, processId }: TurnTools, turnId: string, entries: LedgerEntry[]): Promise<boolean> {
  return store.settleTurn(turnId, processId, entries, entries.at(-1)?.usage ?? null, sumCost(entries));
}
