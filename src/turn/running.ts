// The plot of a turn: open it in one transaction, let the provider speak, close it in one transaction, whoever listens.

import type { Failure } from "../conversation/message.ts";
import { withOverhead } from "../conversation/path.ts";
import { AppError } from "../errors.ts";
import { type LedgerEntry, sumUsage } from "../money/ledger.ts";
import { ProviderError, type ProviderEvent } from "../provider.ts";
import type { ClosedTurn, CloseTurn, OpenedRecord, StoredEnd } from "../store.ts";
import { Answer, type WordEvent } from "./answer.ts";
import { Asking, withAnswerNotices } from "./asking.ts";
import { bookTurn, usageSoFar } from "./books.ts";
import { closeInAnyCase, Insistence, settleInAnyCase } from "./close.ts";
import type { EventBatch, LoggedEvent } from "./event.ts";
import type { Decided, StartTurn } from "./opening/opening.ts";
import type { PlannedTurn } from "./opening/plan.ts";
import { lengthOf } from "./reader/event-run.ts";
import { readStored } from "./reader/follow.ts";
import { LiveTurn } from "./reader/live.ts";
import type { TurnTools } from "./tools.ts";
import type { EndStatus } from "./turn.ts";
import { Stopper } from "./wait.ts";

/** Why the turn is being ended from outside. The first word wins, except that `hard` may follow `soft`. */
type StopWord = "soft" | "hard" | "interrupted";

/** A batch is a row: a fast answer has several for a tick, and none grows with it. */
const batchCharacters = 256 * 1024;
/** What an event counts as beside its words. */
const eventOverhead = 100;

/** One turn from its opened record to its stored end. Made by `turns.ts`, which knows all that run in this process. */
export class RunningTurn {
  readonly live: LiveTurn;
  /** Settles when nothing is left to do: closed and booked. */
  readonly done: Promise<void>;
  /** In and out, by its bill; 0 until it is over, and where nothing was used. */
  tokensUsed = 0;
  private readonly abort = new Stopper();
  private readonly asking: Asking;
  private readonly answer = new Answer();
  private readonly insistence: Insistence;
  private readonly questionTokens: number;
  private firstTokenAt: number | null = null;
  private lastUsageAt = 0;
  private flushed = 2;
  private flushing: Promise<void> | undefined;
  private stopWord: StopWord | undefined;
  private closing: Promise<ClosedTurn | undefined> | undefined;
  private readonly tools: TurnTools;
  private readonly opened: OpenedRecord;
  private readonly owner: string;
  /** The idempotency key that it was asked with. */
  private readonly key: string | null;

  /** `planned`: its memory, where it was planned before it was opened. */
  constructor(
    tools: TurnTools,
    { owner, idempotency }: StartTurn,
    decided: Decided,
    opened: OpenedRecord,
    planned?: PlannedTurn,
  ) {
    this.tools = tools;
    this.opened = opened;
    this.owner = owner;
    this.key = idempotency?.key ?? null;
    this.questionTokens = decided.questionTokens;
    this.asking = new Asking(tools, opened, decided, planned);
    const { turn, session, userMessage } = opened;
    this.live = new LiveTurn(turn, session, userMessage, (after) => readStored(tools.store, owner, turn.id, after));
    this.insistence = new Insistence(tools, turn.id, () => this.live.close(undefined));
    this.done = this.run();
  }

  /**
   * Ends the turn at a caller's word; returns what was stored. Soft: the bill is read on; hard: the call is cut. Where nothing is
   * with the vendor, before a call or between two tries, soft is hard: there is no bill yet, and none must come about.
   */
  async stop(hard: boolean): Promise<ClosedTurn | undefined> {
    if (hard || this.stopWord === undefined) this.sayStop(hard || !this.asking.isInFlight ? "hard" : "soft");
    return this.live.ended;
  }

  /** Ends the turn because the process must go. */
  interrupt(): void {
    this.sayStop("interrupted");
    this.insistence.hurry();
  }

  /** Writes the events that are not in the log yet, unless a write is under way. Called by the one ticker of the process. */
  flush(): void {
    if (this.flushing || this.closing || this.live.nextNumber === this.flushed) return;
    const batch = this.takeBatch(beginningOf(this.live.eventsFrom(this.flushed)));
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
      await this.asking.compose();
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
      this.live.close(undefined);
    } finally {
      this.asking.leavePath(); // where the end could not be stored
    }
  }

  /** Takes in the whole answer; after a refusal for which there is something else to ask, that one's. Each call is one of the turn's. */
  private async listen(): Promise<void> {
    for (;;) {
      try {
        for await (const events of this.asking.call(this.abort)) {
          this.asking.settle();
          if (!this.closing) this.takeAll(events);
          else this.countAll(events); // it was stopped: the rest is read for its bill only
        }
        return;
      } catch (cause) {
        if (this.stopWord !== undefined || !(await this.asking.change(cause))) throw cause;
      }
    }
  }

  private takeAll(events: readonly ProviderEvent[]): void {
    for (const event of events) {
      if (event.type === "usage") this.reportUsage();
      else this.take(event);
    }
    this.live.wake();
  }

  private take(event: WordEvent): void {
    const { type, pieces } = event;
    this.firstTokenAt ??= this.tools.now();
    this.answer.add(event);
    this.live.append(type === "text-delta" ? pieces : pieces.map((text) => ({ type, text })));
  }

  private countAll(events: readonly ProviderEvent[]): void {
    for (const event of events) if (event.type !== "usage") this.answer.count(event);
  }

  private reportUsage(): void {
    const now = this.tools.now();
    if (this.lastUsageAt === 0) this.lastUsageAt = now; // the first second needs no report
    if (now - this.lastUsageAt < this.tools.usageEveryMs || !this.asking.record) return;
    this.lastUsageAt = now;
    const seen = usageSoFar(this.tools.books, this.bookable("broken"));
    if (seen) this.live.append([{ type: "usage", usage: seen.usage, cost: seen.cost }]);
  }

  private explain(cause: unknown): { status: EndStatus; error: Failure } {
    if (cause instanceof ProviderError || cause instanceof AppError) {
      const successor = cause instanceof ProviderError && cause.modelGone ? this.asking.hint : "";
      if (this.stopWord === undefined)
        this.tools.log.warn({ turn_id: this.live.turn.id, code: cause.code, cause: cause.cause }, "a turn failed");
      const { retryAfterSeconds } = cause;
      return { status: "failed", error: { code: cause.code, detail: cause.message + successor, retryAfterSeconds } };
    }
    if (this.stopWord === undefined) this.tools.log.error({ turn_id: this.live.turn.id, cause }, "a turn failed");
    return {
      status: "failed",
      error: { code: "internal", detail: "Something went wrong on our side; the log has the details." },
    };
  }

  private bookable(outcome: "finished" | "broken") {
    return {
      outcome,
      attempts: this.asking.attempts,
      promptEstimate: this.asking.plan?.estimate ?? 0,
      mostAnswerTokens: this.asking.mostAnswerTokens,
      textEstimate: this.answer.words.estimate,
      thoughtEstimate: this.answer.thoughts.estimate,
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
    const closed = await closeInAnyCase(this.tools.store, end, this.tools.log, this.insistence);
    if (!closed)
      this.tools.log.warn(
        { turn_id: this.live.turn.id },
        "a turn was taken over by another process before it ended here",
      );
    this.keepMemory(closed, end);
    this.live.close(closed);
    return closed;
  }

  /** What the next turn will be shown of this one is printed now. */
  private keepMemory(closed: StoredEnd | undefined, end: CloseTurn): void {
    const path = this.asking.takePath();
    if (!path) return;
    if (!closed || !end.memory || !path.canCutBefore(end.memory.from)) {
      this.tools.memories.letGo(path);
      return;
    }
    const { content: answer, status } = closed.reply;
    const { finishReason, modelServed, vendorParts } = end;
    const tokens = { question: this.questionTokens, answer: withOverhead(this.answer.words.estimate) };
    path.cutBefore(end.memory.from);
    path.add(
      {
        position: this.opened.session.tipPosition,
        question: end.question,
        answer,
        status,
        finishReason,
        vendorParts,
        modelServed,
      },
      tokens,
    );
    this.tools.memories.keep(this.owner, closed.session, path);
  }

  private describeEnd(status: EndStatus, error: Failure | null, settled: boolean, entries: LedgerEntry[]): CloseTurn {
    const { turn, userMessage } = this.opened;
    const lastNumber = this.live.nextNumber;
    const { record } = this.asking;
    const { text } = this.answer.words;
    this.tokensUsed = sumUsage(entries)?.totalTokens ?? 0;
    return {
      owner: this.owner,
      opened: this.opened,
      question: userMessage.content,
      processId: this.tools.processId,
      status,
      text,
      thought: this.answer.thoughts.text,
      vendorParts: settled && status === "complete" ? (record?.printParts(text) ?? null) : null,
      modelServed: record?.modelServed ?? null,
      finishReason: record?.finishReason ?? null,
      error,
      notices: record ? withAnswerNotices(turn.notices, record) : turn.notices,
      firstTokenAt: this.firstTokenAt,
      endedAt: this.tools.now(),
      lastBatch: lastNumber === this.flushed ? null : this.takeBatch(this.live.eventsFrom(this.flushed)),
      lastNumber,
      entries,
      settled,
      releaseKey: status === "failed" && isForNothing(this.firstTokenAt, entries) ? this.key : null,
      memory: this.describeMemory(status, entries),
    };
  }

  /** Where memory begins moves only with an answer; how far our estimate was off is known only from an exact count. */
  private describeMemory(status: EndStatus, entries: readonly LedgerEntry[]): CloseTurn["memory"] {
    const { plan } = this.asking;
    const last = entries.at(-1);
    if (!plan) return null;
    return {
      from: status === "complete" || status === "stopped" ? plan.from : this.opened.session.memoryFrom,
      promptEstimate: plan.promptEstimate,
      promptTokens: status === "complete" && last?.accuracy === "exact" ? (last.usage?.inputTokens ?? null) : null,
    };
  }

  /** Books a turn whose reader was let go earlier, with what the vendor said until now. */
  private async settle(): Promise<void> {
    const closed = await this.closing;
    if (!closed) return;
    const outcome = this.asking.record?.finishReason && !this.abort.aborted ? "finished" : "broken";
    const entries = bookTurn(this.tools.books, this.bookable(outcome));
    this.tokensUsed = sumUsage(entries)?.totalTokens ?? 0;
    const { store, processId, log } = this.tools;
    const { id } = closed.turn;
    const write = (booked: LedgerEntry[]) => this.insistence.run(() => store.settleTurn(id, processId, booked));
    await settleInAnyCase(id, entries, write, log);
  }

  private takeBatch(events: LoggedEvent[]): EventBatch {
    const { usageRaw = null, counted = null, modelServed = null } = this.asking.record ?? {};
    const batch = { turnId: this.live.turn.id, firstNumber: this.flushed, events, usageRaw, counted, modelServed };
    this.flushed += events.length;
    return batch;
  }
}

/** As many of them as are a batch. */
function beginningOf(events: LoggedEvent[]): LoggedEvent[] {
  let count = 0;
  for (let characters = 0; count < events.length && characters < batchCharacters; count++)
    characters += eventOverhead + lengthOf(events[count]!);
  return events.slice(0, count);
}

/** No word came, and nothing is owed for it: whoever asks again with the same key is given a new try. */
function isForNothing(firstTokenAt: number | null, entries: readonly LedgerEntry[]): boolean {
  return firstTokenAt === null && entries.every(({ total }) => total === 0n);
}
