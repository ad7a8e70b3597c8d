// All turns of this process: starting them, joining them, stopping them, and one ticker that serves them all.

import { requireFit, tokensAlone } from "../conversation/memory.ts";
import { messageTokens } from "../conversation/path.ts";
import { AppError, notFound } from "../errors.ts";
import { newId } from "../id.ts";
import { mergeParams } from "../model/params.ts";
import type { OpenedTurn, SessionState } from "../store.ts";
import { type EndTools, waitUntilSettled, waitUntilStopped } from "./ending.ts";
import { requireModel } from "./model-choice.ts";
import { type Decided, Opening, type StartTurn } from "./opening/opening.ts";
import { SessionQueue } from "./queue.ts";
import { followDrawn } from "./rate.ts";
import { type FollowedTurn, followStored } from "./reader/follow.ts";
import { Recovery } from "./recover.ts";
import { RunningTurn } from "./running.ts";
import type { FirstTurn } from "./title/titles.ts";
import type { TurnTools } from "./tools.ts";
import type { Turn } from "./turn.ts";
import { oneAtATime, pause, untilAborted } from "./wait.ts";

export type { StartTurn } from "./opening/opening.ts";

export interface TurnSettings {
  leaseMs: number;
  /** Events are written this often; words left by other processes are read this often. */
  tickMs: number;
  queueLimit: number;
  /** Whether other processes may work on the same database. */
  shared: boolean;
  /** Hears of the first turn of each session that nobody has named. */
  onFirst?: ((turn: FirstTurn) => void) | undefined;
}

export class Turns {
  private readonly running = new Map<string, RunningTurn>();
  private readonly queue: SessionQueue;
  private readonly tools: TurnTools;
  private readonly settings: TurnSettings;
  private readonly recovery: Recovery;
  private readonly opener: Opening;
  private timers: ReturnType<typeof setInterval>[] = [];
  /** Opens under way, by the turn's id: each becomes a running turn, or a refusal. Theirs is a lease that a slow disk may outlast. */
  private readonly opening = new Map<string, Promise<unknown>>();
  /** Work of the timers that is under way. */
  private readonly working = new Set<Promise<unknown>>();
  private draining = false;
  /** Patience is over: what is opened from now on is closed before it calls anybody. */
  private leaving = false;

  constructor(tools: TurnTools, settings: TurnSettings) {
    this.tools = tools;
    this.settings = settings;
    this.queue = new SessionQueue(settings.queueLimit);
    this.opener = new Opening(tools, settings);
    this.recovery = new Recovery(tools, settings.leaseMs, () => [...this.running.keys(), ...this.opening.keys()]);
  }

  /** How many turns run, or are being booked, in this process. */
  get count(): number {
    return this.running.size;
  }

  /** Where a message that names no model goes now. */
  get defaultModel(): string {
    return this.tools.chooser.defaultModel;
  }

  /** How many readers wait for the next event of a turn that runs in this process. */
  get waitingReaders(): number {
    let waiting = 0;
    for (const turn of this.running.values()) waiting += turn.live.waiting;
    return waiting;
  }

  get isDraining(): boolean {
    return this.draining;
  }

  /** Takes over what dead processes left; returns how many turns it closed. Call before the first request; then it repeats itself. */
  recover(): Promise<number> {
    return this.recovery.run();
  }

  /** Starts a turn, or finds the one that this idempotency key started. Throws AppError; then nothing was written. */
  async start(input: StartTurn): Promise<FollowedTurn> {
    this.refuseWhileDraining();
    const known = input.idempotency && (await this.tools.store.findIdempotent(input.owner, input.idempotency));
    if (known) return this.follow(input.owner, known.targetId);
    // A line for each project: who waits where tells nobody of a session that is not theirs, and takes no place in it.
    const line = this.queues(input) ? `${input.owner} ${input.sessionId}` : undefined;
    const release = line === undefined ? undefined : await this.queue.wait(line, input.caller.left);
    try {
      while (true) {
        const turnId = newId();
        const opening = this.open(turnId, input);
        this.opening.set(turnId, opening);
        let opened: FollowedTurn | "busy" | "stale";
        try {
          opened = await opening;
        } finally {
          this.opening.delete(turnId);
        }
        if (opened === "busy") await this.makeRoom(input);
        else if (opened !== "stale") return opened;
      }
    } finally {
      release?.();
    }
  }

  /** Follows a turn from anywhere: live here, running in another process, or over. Throws not_found. */
  async follow(owner: string, turnId: string): Promise<FollowedTurn> {
    await this.tools.store.getTurn(owner, turnId);
    const here = this.running.get(turnId);
    if (here) return here.live;
    return followStored(this.tools.store, owner, turnId, this.settings.tickMs);
  }

  /** Stops a turn wherever it runs and returns it as it is then; a turn that is over is returned as it is. */
  async stop(owner: string, turnId: string, hard: boolean): Promise<Turn> {
    const turn = await this.tools.store.getTurn(owner, turnId);
    const here = this.running.get(turnId);
    if (here) return (await here.stop(hard))?.turn ?? this.getEnded(owner, turnId);
    if (turn.status !== "running" && turn.settled) return turn;
    await this.tools.store.requestStop(owner, turnId, hard);
    return waitUntilStopped(this.endTools, owner, turn);
  }

  /** Cuts a turn wherever it runs, and resolves when nothing of it is left to be written, its bill included. Throws conflict when that takes too long. */
  async end(owner: string, turnId: string): Promise<void> {
    const here = this.running.get(turnId);
    if (here) void here.stop(true);
    else await this.tools.store.requestStop(owner, turnId, true);
    await waitUntilSettled(this.endTools, owner, turnId, here);
  }

  /** Begins the work that repeats itself. Each has a timer of its own: none waits for another. */
  begin(): void {
    if (this.timers.length > 0) return;
    const { shared, tickMs, leaseMs } = this.settings;
    const every = (ms: number, work: () => Promise<unknown>) =>
      this.timers.push(setInterval(oneAtATime(work, this.working), ms));
    every(tickMs, async () => this.flush());
    // Nobody but this process can leave a turn behind in a database that is its own: only what could not be closed comes again.
    every(shared ? leaseMs / 3 : leaseMs * 2, () => this.recovery.run());
    if (!shared) return;
    every(tickMs, () => this.attempt(() => this.takeStopRequests()));
    every(leaseMs / 2, () => this.attempt(() => this.renewLeases()));
  }

  /**
   * No new turns from now on; those that run may finish for `ms`, then they are interrupted and booked. After it nothing runs
   * here and nothing can begin, so that the store may be closed.
   */
  async drain(ms: number): Promise<void> {
    this.draining = true;
    if (ms > 0) {
      const patience = new AbortController();
      await Promise.race([this.finishAll(), pause(ms, patience.signal)]);
      patience.abort();
    }
    this.leaving = true;
    for (const turn of this.running.values()) turn.interrupt();
    await this.finishAll();
    for (const timer of this.timers.splice(0)) clearInterval(timer);
    await this.recovery.stop();
    await Promise.all(this.working);
  }

  /** Also what an open under way becomes. */
  private async finishAll(): Promise<void> {
    while (this.opening.size > 0 || this.running.size > 0)
      await Promise.allSettled([...this.opening.values(), ...[...this.running.values()].map((turn) => turn.done)]);
  }

  private get endTools(): EndTools {
    return { store: this.tools.store, tickMs: this.settings.tickMs };
  }

  private refuseWhileDraining(): void {
    if (this.draining)
      throw new AppError("draining", "The server is shutting down; try again in a moment.", { retryAfterSeconds: 5 });
  }

  /** By what is remembered of the session. Nothing is refused for that alone: another process may have changed it. */
  private decideAtOnce(input: StartTurn): Decided | undefined {
    const { memories } = this.tools;
    const known = memories.recall(input.owner, input.sessionId);
    try {
      return known && this.decide(input, known);
    } catch {
      memories.forget(input.sessionId);
      return undefined;
    }
  }

  /** Throws what speaks against the turn, by this state of the session. */
  private decide(input: StartTurn, session: SessionState | undefined): Decided {
    const { chooser, books } = this.tools;
    if (!session) throw notFound("session");
    const params = mergeParams(session.params, input.params);
    const choice = chooser.choose(input.model, session.model, params);
    requireModel(choice.model, input.models);
    books.requirePrice(choice.model);
    const questionTokens = messageTokens(input.content);
    const alone = tokensAlone(session.system, questionTokens);
    requireFit(alone, chooser.roomOf(choice.model, choice.params));
    return { session, params, choice, questionTokens, alone };
  }

  /** "busy": what runs in the session is waited for, or ended. "stale": it is not as it was known. */
  private async open(turnId: string, input: StartTurn): Promise<FollowedTurn | "busy" | "stale"> {
    const { owner, sessionId } = input;
    const decided =
      this.decideAtOnce(input) ?? this.decide(input, await this.tools.store.peekSession(owner, sessionId));
    this.refuseWhileDraining();
    const planning = this.opener.plan(input, decided);
    const planned = planning && (await planning);
    let opened: OpenedTurn | "stale";
    try {
      opened = await this.opener.open(turnId, input, decided, planned);
    } catch (cause) {
      if (this.waits(input) && cause instanceof AppError && cause.code === "turn_in_progress") return "busy";
      throw cause;
    }
    if (opened === "stale") {
      this.tools.memories.forget(sessionId);
      return opened;
    }
    if (opened.kind === "replayed") return this.follow(owner, opened.turnId);
    const turn = new RunningTurn(this.tools, input, decided, opened, planned);
    if (this.leaving) turn.interrupt();
    this.running.set(turnId, turn);
    void turn.done.then(() => this.running.delete(turnId));
    const { onFirst } = this.settings;
    if (onFirst && isFirst(decided.session, opened.session))
      onFirst({
        ...{ owner, models: input.models ?? null, rate: input.rate && { ...input.rate, tell: () => {} } },
        version: opened.session.version,
        ended: turn.live.ended,
        done: turn.done,
      });
    if (opened.drawn) followDrawn(this.tools, input.rate, turn, opened.drawn, this.working);
    return turn.live;
  }

  /** Whether the caller asked to wait for a busy session, or to interrupt it. */
  private waits(input: StartTurn): boolean {
    return input.ifBusy === "interrupt" || this.queues(input);
  }

  /** With no place to wait, it is taken when the session is free, and refused when it is not. */
  private queues({ ifBusy }: StartTurn): boolean {
    return ifBusy === "queue" && this.settings.queueLimit > 0;
  }

  private async makeRoom(input: StartTurn): Promise<void> {
    this.refuseWhileDraining();
    if (input.caller.left.aborted) throw new AppError("bad_request", "The caller left before the turn began.");
    const session = await this.tools.store.findSession(input.owner, input.sessionId);
    const turnId = session?.runningTurnId;
    if (!turnId) return;
    if (input.ifBusy === "interrupt") await this.stop(input.owner, turnId, false);
    else await this.waitForEnd(turnId, input.caller.left);
  }

  private async waitForEnd(turnId: string, left: AbortSignal): Promise<void> {
    const here = this.running.get(turnId);
    if (!here) await pause(this.settings.tickMs, left);
    else await untilAborted(here.live.ended, left);
  }

  /** The turn as another process ended it. Throws storage_unavailable while its end is still to be stored here. */
  private async getEnded(owner: string, turnId: string): Promise<Turn> {
    const turn = await this.tools.store.findTurn(owner, turnId);
    if (turn && turn.status !== "running") return turn;
    const detail = "The turn is over, but its end could not be stored yet; look at it again later.";
    throw new AppError("storage_unavailable", detail, { members: { turn_id: turnId }, retryAfterSeconds: 5 });
  }

  private flush(): void {
    for (const turn of this.running.values()) turn.flush();
  }

  private async takeStopRequests(): Promise<void> {
    if (this.running.size === 0) return;
    for (const { turnId, hard } of await this.tools.store.listStopRequests(this.tools.processId))
      void this.running.get(turnId)?.stop(hard);
  }

  private async renewLeases(): Promise<void> {
    if (this.running.size === 0) return;
    await this.tools.store.renewLease(this.tools.processId, [...this.running.keys()], this.settings.leaseMs);
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      this.tools.log.warn({ cause }, "the shared database could not be asked; trying again");
    }
  }
}

/** Whether the session was empty and without a name, and nobody else has touched it. */
function isFirst(before: SessionState, after: SessionState): boolean {
  return before.title === null && before.tipPosition === -1 && after.version === before.version + 1;
}
