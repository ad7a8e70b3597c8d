// Waiting that can be called off, and leaves neither a timer nor a listener behind.

import type { CallSignal } from "../provider.ts";

/** Resolves after `ms`, or when the signal is aborted; leaves nothing behind. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });
}

/** Resolves when the promise does, or when the signal is aborted. The promise must not reject. */
export function untilAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      signal.removeEventListener("abort", end);
      resolve();
    };
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
    void promise.then(end);
  });
}

/** The work, left out where the last one has not come to its end; while it is under way it is in `working`. */
export function oneAtATime(work: () => Promise<unknown>, working: Set<Promise<unknown>>): () => void {
  let busy = false;
  return () => {
    if (busy) return;
    busy = true;
    const done = work().finally(() => {
      busy = false;
      working.delete(done);
    });
    working.add(done);
  };
}

/** Ends the one thing that listens: an AbortController takes ten times as long to make and to listen to, and every turn has one. */
export class Stopper implements CallSignal {
  aborted = false;
  private end: (() => void) | undefined;

  get reason(): Error {
    return new Error("the turn was ended");
  }

  abort(): void {
    this.aborted = true;
    this.end?.();
    this.end = undefined;
  }

  addEventListener(_type: "abort", end: () => void): void {
    this.end = end;
  }

  removeEventListener(): void {
    this.end = undefined;
  }
}
