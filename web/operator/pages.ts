// A list of the server's, page by page.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { ApiError } from "../api/api.ts";
import type { List } from "../api/wire.ts";
import { asApiError } from "../shell/errors.ts";

export interface Pages<T> {
  items: readonly T[];
  hasMore: boolean;
  error: ApiError | null;
  /** The first page has come, or was refused. */
  ready: boolean;
  more(): void;
  reload(): void;
  change(change: (items: readonly T[]) => readonly T[]): void;
}

/** Begins anew when `key` changes. `placeOf`: what the next page comes after. */
export function usePages<T>(
  key: string,
  ask: (after: string | undefined, signal?: AbortSignal) => Promise<List<T>>,
  placeOf: (item: T) => string,
): Pages<T> {
  const items = useSignal<readonly T[]>([]);
  const hasMore = useSignal(false);
  const ready = useSignal(false);
  const error = useSignal<ApiError | null>(null);
  const last = items.value.at(-1);
  const read = async (after: string | undefined, signal?: AbortSignal) => {
    try {
      const page = await ask(after, signal);
      if (signal?.aborted) return;
      items.value = after === undefined ? page.data : [...items.value, ...page.data];
      hasMore.value = page.has_more;
      error.value = null;
    } catch (cause) {
      if (!signal?.aborted) error.value = asApiError(cause);
    } finally {
      ready.value = true;
    }
  };
  useEffect(() => {
    const gone = new AbortController();
    void read(undefined, gone.signal);
    return () => gone.abort();
  }, [key]);
  return {
    ...{ items: items.value, hasMore: hasMore.value, error: error.value, ready: ready.value },
    more: () => void read(last && placeOf(last)),
    reload: () => void read(undefined),
    change: (change) => {
      items.value = change(items.value);
    },
  };
}
