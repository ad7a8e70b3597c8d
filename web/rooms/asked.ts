// What a room asks the server for: while it waits, when it has come, and when it was refused.

import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { ApiError } from "../api/api.ts";
import { asApiError } from "../shell/errors.ts";

export interface Asked<T> {
  value: T | null;
  error: ApiError | null;
  reload(): void;
}

/** Asks anew when `key` changes; what was there stays until the new is. */
export function useAsked<T>(key: string, ask: (signal: AbortSignal) => Promise<T>): Asked<T> {
  const value: Signal<T | null> = useSignal<T | null>(null);
  const error = useSignal<ApiError | null>(null);
  const times = useSignal(0);
  useEffect(() => {
    const gone = new AbortController();
    ask(gone.signal).then(
      (answer) => {
        if (gone.signal.aborted) return;
        value.value = answer;
        error.value = null;
      },
      (cause: unknown) => {
        if (!gone.signal.aborted) error.value = asApiError(cause);
      },
    );
    return () => gone.abort();
  }, [key, times.value]);
  return { value: value.value, error: error.value, reload: () => times.value++ };
}
