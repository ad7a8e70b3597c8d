// Both stores for contract tests: `describe.each(storeEngines)("on %s", (_, openFixture) => ...)`.

import { afterAll } from "bun:test";
import { openStore, type StoreOptions } from "../src/database/open.ts";
import type { Store } from "../src/store.ts";
import { engines } from "./engines.ts";
import { processId } from "./store-inputs.ts";

export interface StoreFixture {
  store: Store;
  url: string;
}

const opened = new Set<Store>();
afterAll(async () => {
  for (const store of opened) await store.close();
  opened.clear();
});

/** Opens a store that is closed, at the latest, when the file's tests are over. */
export async function openTestStore(url: string, options: Partial<StoreOptions> = {}): Promise<Store> {
  const store = await openStore(url, { processId, ...options });
  opened.add(store);
  return store;
}

/** A store over an empty database, for each engine. */
export const storeEngines: [string, () => Promise<StoreFixture>][] = engines.map(([name, createDatabase]) => [
  name,
  async () => {
    const url = await createDatabase();
    return { store: await openTestStore(url), url };
  },
]);

/** The code of the AppError that a promise ends with; fails the test when it ends well. */
export async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(
        `expected a refusal, got ${JSON.stringify(value, (_, part) => (typeof part === "bigint" ? `${part}` : part))}`,
      );
    },
    (cause: { code?: unknown }) => {
      if (cause.code === undefined) throw cause;
      return cause.code;
    },
  );
}
