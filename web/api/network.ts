// Whether the server answers: noted by every call, asked for until it does again, and told to whoever waits for that.

import { signal } from "@preact/signals";

/** Nobody answers at the server's address, or only the proxy before it. */
export const serverGone = signal(false);

const waiting = new Set<() => void>();
let asking = false;

/** Asks once whether the server answers; set by the client of the API, which knows how. */
export const probe: { ask: () => Promise<boolean> } = { ask: async () => false };

export function noteAnswer(): void {
  if (!serverGone.value) return;
  serverGone.value = false;
  for (const wake of [...waiting]) wake();
}

/** A call got no answer: from now on the server is asked every few seconds until it gives one. */
export function noteSilence(): void {
  serverGone.value = true;
  if (!asking) void askUntilBack();
}

async function askUntilBack(): Promise<void> {
  asking = true;
  for (let waitMs = 500; serverGone.value; waitMs = Math.min(5_000, waitMs * 1.5)) {
    await pause(waitMs);
    if (await probe.ask()) noteAnswer();
  }
  asking = false;
}

/** Waits, but not past the moment when the network or the server comes back, the reader looks at the page again, or `signal` says stop. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      waiting.delete(done);
      window.removeEventListener("online", done);
      document.removeEventListener("visibilitychange", done);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    waiting.add(done);
    window.addEventListener("online", done);
    document.addEventListener("visibilitychange", done);
    signal?.addEventListener("abort", done);
  });
}
