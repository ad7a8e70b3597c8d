// Titles made by a model: on request, and by itself after a session's first answer where the operator wants that.

import { type Drawn, RateLimited, turnRateOf } from "../../caller/rate.ts";
import type { Session } from "../../conversation/session.ts";
import { printExcerpts } from "../../conversation/title.ts";
import type { DeadTitle, TitleSource } from "../../conversation/title-store.ts";
import { AppError, notFound } from "../../errors.ts";
import type { Catalogue } from "../../model/model.ts";
import { type LedgerEntry, sumUsage } from "../../money/ledger.ts";
import { estimateTokens } from "../../money/tokens.ts";
import { type Attempt, ProviderError } from "../../provider.ts";
import type { ClosedTurn, Idempotency } from "../../store.ts";
import { bookTurn } from "../books.ts";
import { asUnknown, Insistence, isStorageFailure } from "../close.ts";
import type { AskedRate } from "../rate.ts";
import type { TurnTools } from "../tools.ts";
import { pause } from "../wait.ts";
import { CheapModels } from "./cheap-model.ts";
import { TitleCall, type TitleOutcome } from "./title-call.ts";

export interface MakeTitle {
  owner: string;
  sessionId: string;
  /** Whoever asks may be answered by these models alone. */
  models: readonly string[] | null;
  /** Only of the session as it is at this version. */
  ifVersion?: number | undefined;
  /** The same key: one title, and the session as it is now. */
  idempotency?: Idempotency | undefined;
  /** The limits of the key that it is asked for with. */
  rate?: AskedRate | undefined;
}

export interface TitleSettings {
  /** How long a title may take, with all tries. */
  titleMs: number;
  /** How long a process that shares the database is believed to live without a word; what dead ones left is looked for as often. */
  leaseMs: number;
}

/** What is stored after the call must be stored within this, before another process may take it over. */
const storingMs = 30_000;
/** Titles under way in this process, at most: each is a request to the vendor. */
const mostAtOnce = 64;

/** Tokens of the instruction and of a title, before anything is known of it. */
const usualTokens = 150;

/** A first turn, as far as a title needs it. */
export interface FirstTurn {
  owner: string;
  models: readonly string[] | null;
  rate: AskedRate | undefined;
  /** The session's version when the turn had been opened: nobody has touched it meanwhile if it is one higher afterwards. */
  version: number;
  ended: Promise<ClosedTurn | undefined>;
  /** Nothing of the turn is under way any more. */
  done: Promise<void>;
}

/** Where a title's end is stored. */
interface StoreTo {
  owner: string;
  session: number;
  insistence: Insistence;
  /** The idempotency key that it was asked with. */
  key: string | undefined;
  /** What it has drawn on the limits of the key that asks. */
  drawn: readonly Drawn[];
}

export class Titles {
  private readonly tools: TurnTools;
  private readonly settings: TitleSettings;
  private readonly cheap: CheapModels;
  /** By the session's row. */
  private readonly making = new Map<number, { done: Promise<unknown>; insistence: Insistence }>();
  private readonly cut = new AbortController();
  private timer: ReturnType<typeof setInterval> | undefined;
  private recovering: Promise<void> | undefined;
  private draining = false;

  constructor(tools: TurnTools, catalogue: Catalogue, settings: TitleSettings) {
    this.tools = tools;
    this.settings = settings;
    this.cheap = new CheapModels(catalogue, tools.books);
  }

  /**
   * Has a title made and returns the session, with it or with the one that somebody gave it meanwhile. Throws not_found, conflict (nothing to name yet,
   * one is being made, in the trash), version_mismatch, forbidden, unpriced_model, rate_limited, or the vendor's failure: then the old title stays,
   * and what was called is booked.
   */
  async make({ owner, sessionId, models, ifVersion, idempotency, rate }: MakeTitle): Promise<Session> {
    const { store, chooser, now } = this.tools;
    const source = await store.readTitleSource(owner, sessionId);
    if (!source) throw notFound("session");
    if (idempotency && !this.making.has(source.session) && (await store.findIdempotent(owner, idempotency)))
      return (await store.findSession(owner, sessionId)) ?? Promise.reject(notFound("session"));
    const said = printExcerpts(source.excerpts);
    requireNameable(source, said);
    this.refuseBusy(source.session);
    const asked = {
      ...{ owner, source, said, ifVersion, idempotency, leaseMs: this.settings.titleMs + storingMs },
      models: this.cheap.list(source.model ?? chooser.defaultModel, models, now()),
    };
    const drawn = await this.draw(rate, source.user, said);
    const { promise: gaveUp, reject: giveUp } = Promise.withResolvers<never>();
    gaveUp.catch(() => {}); // told to whoever still waits
    const insistence = new Insistence(this.tools, sessionId, () => giveUp(notStored()));
    const to = { owner, session: source.session, insistence, key: idempotency?.key, drawn };
    const making = this.run(new TitleCall(this.tools, this.cheap, asked), to);
    this.making.set(source.session, { done: making.catch(() => {}), insistence });
    void making.catch(() => {}).then(() => this.making.delete(source.session));
    return Promise.race([making, gaveUp]);
  }

  /** A title for a session whose first answer this is, once it is whole. Never throws, and nobody waits for it. */
  async follow(turn: FirstTurn): Promise<void> {
    try {
      const closed = await turn.ended;
      await turn.done;
      if (closed?.turn.status !== "complete" || !closed.turn.settled || closed.session.version !== turn.version + 1)
        return;
      const { id: sessionId, version } = closed.session;
      const { owner, models, rate } = turn;
      await this.make({ owner, sessionId, models, rate, ifVersion: version });
    } catch (cause) {
      if (cause instanceof AppError && isExpected(cause)) return;
      this.tools.log.warn({ cause }, "no title was made for a session; its first words stay its title");
    }
  }

  /** Books what dead processes had begun; never throws: it will be tried again. Call before the first request. */
  recover(): Promise<void> {
    this.recovering ??= this.bookDead().finally(() => {
      this.recovering = undefined;
    });
    return this.recovering;
  }

  begin(): void {
    this.timer ??= setInterval(() => void this.recover(), this.settings.leaseMs);
  }

  /** No new ones; those under way may finish for `ms`, then they are cut and booked. */
  async drain(ms: number): Promise<void> {
    this.draining = true;
    const all = () => Promise.all([...this.making.values()].map(({ done }) => done));
    if (ms > 0 && this.making.size > 0) {
      const patience = new AbortController();
      await Promise.race([all(), pause(ms, patience.signal)]);
      patience.abort();
    }
    this.cut.abort(new AppError("draining", "The server is shutting down; try again in a moment."));
    for (const { insistence } of this.making.values()) insistence.hurry();
    await all();
    clearInterval(this.timer);
    await this.recovering;
  }

  private refuseBusy(session: number): void {
    if (this.draining)
      throw new AppError("draining", "The server is shutting down; try again in a moment.", { retryAfterSeconds: 5 });
    if (this.making.has(session))
      throw new AppError("conflict", "A title is being made for this session already.", { retryAfterSeconds: 1 });
    if (this.making.size >= mostAtOnce)
      throw new AppError("rate_limited", "Too many titles are being made at once; try again in a moment.", {
        retryAfterSeconds: 1,
      });
  }

  /** Its tokens count as a turn's do. */
  private async draw(rate: AskedRate | undefined, user: string | null, said: string): Promise<readonly Drawn[]> {
    const { draws } = rate
      ? turnRateOf(rate.limits, rate.keyId, user, { input: estimateTokens(said), answer: usualTokens })
      : { draws: [] };
    if (!rate || draws.length === 0) return [];
    try {
      const drawn = await this.tools.store.drawRates(draws);
      rate.tell(drawn);
      return drawn;
    } catch (cause) {
      if (cause instanceof RateLimited) rate.tell([cause.state]);
      throw cause;
    }
  }

  private correct(drawn: readonly Drawn[], entries: readonly LedgerEntry[]): void {
    if (drawn.length === 0) return;
    const used = sumUsage(entries)?.totalTokens ?? 0;
    this.tools.store
      .correctRates(drawn, used)
      .catch((cause) =>
        this.tools.log.warn({ cause }, "a title's tokens could not be counted against its key's limit"),
      );
  }

  private async run(call: TitleCall, to: StoreTo): Promise<Session> {
    const tooLong = AbortSignal.timeout(this.settings.titleMs);
    const outcome = await call.run(AbortSignal.any([this.cut.signal, tooLong]));
    this.correct(to.drawn, outcome.entries);
    const stored = outcome.begun ? await this.store(outcome, to) : undefined;
    if (!outcome.begun && isStorageFailure(outcome.failure)) this.withdraw(to);
    if (outcome.failure !== undefined) throw this.explain(outcome.failure, tooLong);
    if (!stored) throw notStored();
    if (!stored.session) throw notFound("session");
    if (stored.session.deletedAt !== null)
      throw new AppError("conflict", "The session was put into the trash before it had its title.");
    return stored.session;
  }

  /** What is refused for what is in it is booked as of unknown cost, without the title: money first. */
  private async store({ entries, title }: TitleOutcome, { owner, session, insistence, key }: StoreTo) {
    const { store, processId, now, log } = this.tools;
    const write = (booked: LedgerEntry[], named: string | null) => {
      const end = { owner, session, processId, entries: booked, title: named, at: now() };
      return insistence.run(() => store.endTitle({ ...end, releaseKey: named === null ? key : undefined }));
    };
    try {
      return await write(entries, title);
    } catch (cause) {
      if (isStorageFailure(cause)) throw cause;
      log.error({ cause }, "a title's calls were refused; they are booked as of unknown cost");
      return write(entries.map(asUnknown), null);
    }
  }

  /** Nothing was sent, and perhaps only the answer to its being written down was lost. */
  private withdraw({ owner, session, key }: StoreTo): void {
    const { store, processId, now, log } = this.tools;
    store
      .endTitle({ owner, session, processId, entries: [], title: null, releaseKey: key, at: now() })
      .catch((cause) =>
        log.debug({ cause }, "a title that was not asked for could not be withdrawn; its time will be over"),
      );
  }

  private explain(failure: unknown, tooLong: AbortSignal): unknown {
    if (this.cut.signal.aborted) return this.cut.signal.reason;
    if (tooLong.aborted) return new AppError("provider_timeout", "The model took too long to find a title.");
    if (!(failure instanceof ProviderError)) return failure;
    const { code, message, cause, retryAfterSeconds } = failure;
    this.tools.log.warn({ code, cause }, "a title could not be made");
    return new AppError(code, message, { cause, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) });
  }

  private async bookDead(): Promise<void> {
    const { store, processId, now, log } = this.tools;
    try {
      const dead = await store.claimDeadTitles(processId, [...this.making.keys()], this.settings.leaseMs);
      for (const one of dead) {
        const entries = bookBegun(this.tools, one);
        const end = { owner: one.owner, session: one.session, processId, title: null, at: now() };
        await store.endTitle({ ...end, entries }).catch((cause) => {
          if (isStorageFailure(cause)) throw cause;
          return store.endTitle({ ...end, entries: entries.map(asUnknown) });
        });
      }
      if (dead.length > 0) log.warn({ titles: dead.length }, "titles that a stopped process was making were booked");
    } catch (cause) {
      log.warn({ cause }, "titles that were left unfinished could not be booked; trying again");
    }
  }
}

function requireNameable(source: TitleSource, said: string): asserts source is TitleSource & { turn: number } {
  if (source.isTrashed) throw new AppError("conflict", "The session is in the trash; restore it first.");
  if (source.turn === null || said === "")
    throw new AppError("conflict", "There is nothing to name yet: no message of this session has been answered.");
}

/** What is no news to the operator where nobody has asked for a title. */
function isExpected({ code }: AppError): boolean {
  return [
    "not_found",
    "conflict",
    "version_mismatch",
    "draining",
    "forbidden",
    "budget_exceeded",
    "rate_limited",
  ].includes(code);
}

function notStored(): AppError {
  return new AppError("storage_unavailable", "The title could not be stored; look at the session again later.", {
    retryAfterSeconds: 5,
  });
}

/** As the dead process would have booked it, had the vendor never answered. */
function bookBegun({ books }: TurnTools, { promptEstimate, calls }: DeadTitle): LedgerEntry[] {
  const nothing = { vendor: books.provider.vendor, modelServed: null, usageRaw: null, counted: null };
  const attempts = calls.map((call): Attempt => ({ ...call, ...nothing }));
  const arrived = { textEstimate: 0, thoughtEstimate: 0 };
  return bookTurn(books, { purpose: "title", outcome: "broken", attempts, promptEstimate, ...arrived });
}
