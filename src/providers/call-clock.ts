// The deadlines of one provider call: first byte, silence, total. One timer, re-armed when it fires and never per chunk.

export interface Deadlines {
  /** From sending a request to the first byte of its answer. */
  firstByteMs: number;
  /** Between two reads, counted only while we wait for the vendor and not while our reader is slow. */
  idleMs: number;
  /** The whole call, with its retries. */
  totalMs: number;
}

export type Expired = "first-byte" | "idle" | "total";

/** Ends a call by `onExpire`, at most once, when one of its deadlines passes. Must be closed. */
export class CallClock {
  /** Which deadline passed, if any. */
  expired: Expired | null = null;
  readonly #deadlines: Deadlines;
  readonly #onExpire: () => void;
  readonly #startedAt = performance.now();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waitingSince = 0;
  #waitingFor: "first-byte" | "idle" | null = null;

  constructor(deadlines: Deadlines, onExpire: () => void) {
    this.#deadlines = deadlines;
    this.#onExpire = onExpire;
    this.#check();
  }

  /** We now wait for the vendor. Costs one reading of the clock. */
  startWaiting(what: "first-byte" | "idle"): void {
    this.#waitingSince = performance.now();
    this.#waitingFor = what;
  }

  stopWaiting(): void {
    this.#waitingFor = null;
  }

  /** Milliseconds left of the total. */
  leftMs(): number {
    return this.#startedAt + this.#deadlines.totalMs - performance.now();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #check = (): void => {
    const { firstByteMs, idleMs, totalMs } = this.#deadlines;
    const now = performance.now();
    const totalAt = this.#startedAt + totalMs;
    const waitMs = this.#waitingFor === "first-byte" ? firstByteMs : idleMs;
    const waitAt = this.#waitingFor === null ? Number.POSITIVE_INFINITY : this.#waitingSince + waitMs;
    if (now >= totalAt || now >= waitAt) {
      this.expired = now >= totalAt ? "total" : this.#waitingFor;
      this.#onExpire();
      return;
    }
    // A wait that starts after this moment cannot end before `now` plus the shorter of the two limits.
    const nextAt = Math.min(totalAt, waitAt, now + Math.min(firstByteMs, idleMs));
    this.#timer = setTimeout(this.#check, Math.min(Math.ceil(nextAt - now), maxTimerMs));
  };
}

/** The longest delay a timer can have (2^31 - 1 ms). */
const maxTimerMs = 2_147_483_647;
