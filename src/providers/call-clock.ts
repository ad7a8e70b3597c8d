// The deadlines of provider calls: first byte, silence, total. One timer looks after all calls, and no chunk touches it.

import type { CallSignal } from "../provider.ts";

export interface Deadlines {
  /** From sending a request to the first byte of its answer. */
  firstByteMs: number;
  /** Between two reads, counted only while we wait for the vendor and not while our reader is slow. */
  idleMs: number;
  /** The whole call, with its retries. */
  totalMs: number;
}

export type Expired = "first-byte" | "idle" | "total";

/** What can end a call from outside: its caller and, once, its deadlines. Must be closed. */
export class Line {
  /** Whether the call was ended. */
  isCut = false;
  /** Which deadline ended it, if any. */
  expired: Expired | null = null;
  readonly #deadlines: Deadlines;
  readonly #caller: CallSignal;
  readonly #startedAt = performance.now();
  #waitingSince = 0;
  #waitingFor: "first-byte" | "idle" | null = null;
  #act: (() => void) | null = null;

  constructor(deadlines: Deadlines, caller: CallSignal) {
    this.#deadlines = deadlines;
    this.#caller = caller;
    caller.addEventListener("abort", this.cut);
    running.add(this);
    wakeAt(this.check(this.#startedAt), this.#startedAt);
  }

  /** Calls `act`, and not the one before it, when the call is ended; at once where it was. */
  whenCut(act: () => void): void {
    if (this.isCut) act();
    else this.#act = act;
  }

  /** Ends the call now. */
  readonly cut = (): void => {
    this.isCut = true;
    const act = this.#act;
    this.#act = null;
    act?.();
  };

  /** We now wait for the vendor. Costs one reading of the clock. */
  startWaiting(what: "first-byte" | "idle"): void {
    this.#waitingSince = performance.now();
    this.#waitingFor = what;
  }

  stopWaiting(): void {
    this.#waitingFor = null;
  }

  close(): void {
    this.#caller.removeEventListener("abort", this.cut);
    running.delete(this);
    if (running.size === 0) stopTimer();
  }

  /** Ends the call if a deadline has passed by `now`. Returns when to look again. */
  check(now: number): number {
    if (this.expired !== null) return Number.POSITIVE_INFINITY;
    const { firstByteMs, idleMs, totalMs } = this.#deadlines;
    const totalAt = this.#startedAt + totalMs;
    const waitMs = this.#waitingFor === "first-byte" ? firstByteMs : idleMs;
    const waitAt = this.#waitingFor === null ? Number.POSITIVE_INFINITY : this.#waitingSince + waitMs;
    // A wait that starts after this moment cannot end before `now` plus the shorter of the two limits.
    if (now < totalAt && now < waitAt) return Math.min(totalAt, waitAt, now + Math.min(firstByteMs, idleMs));
    this.expired = now >= totalAt ? "total" : this.#waitingFor;
    this.cut();
    return Number.POSITIVE_INFINITY;
  }
}

const running = new Set<Line>();
let timer: ReturnType<typeof setTimeout> | undefined;
let timerAt = Number.POSITIVE_INFINITY;
/** When the timer should fire at the latest, and whether the last time it did so much later. */
let timerDue = 0;
let wasHeldUp = false;
/**
 * A timer that is so late was held up with the whole process (stopped, swapped out, a long task), and what the vendors sent
 * meanwhile lies unread: it is read before anybody is given up, which takes one more turn of the event loop.
 */
const heldUpMs = 50;
/** Between two looks at all calls: thousands that fall silent one by one must not cost a look each. */
const leastPauseMs = 10;
/** The longest delay a timer can have (2^31 - 1 ms). */
const maxTimerMs = 2_147_483_647;

function wakeAt(at: number, now: number): void {
  if (at >= timerAt) return;
  stopTimer();
  timerAt = at;
  const delayMs = Math.min(Math.max(Math.ceil(at - now), leastPauseMs), maxTimerMs);
  timerDue = now + delayMs;
  timer = setTimeout(checkAll, delayMs);
}

function checkAll(): void {
  timerAt = Number.POSITIVE_INFINITY;
  const now = performance.now();
  wasHeldUp = !wasHeldUp && now - timerDue > heldUpMs;
  if (wasHeldUp) {
    wakeAt(now + leastPauseMs, now);
    return;
  }
  let next = Number.POSITIVE_INFINITY;
  for (const line of running) next = Math.min(next, line.check(now));
  wakeAt(next, now);
}

function stopTimer(): void {
  clearTimeout(timer);
  timer = undefined;
  timerAt = Number.POSITIVE_INFINITY;
}
