// Callers for tests: keys made as the command line makes them, and requests sent with them.

import { commandCaller } from "../src/caller/caller.ts";
import { hashSecret, type Key, makeSecret, type NewKey } from "../src/caller/key.ts";
import { newId } from "../src/id.ts";
import type { Store } from "../src/store.ts";
import { type Answered, call } from "./client.ts";

export interface MadeKey extends Key {
  secret: string;
}

/** A key that can chat and read in `default`, unless told otherwise; its project is made where there is none. */
export async function makeKey(store: Store, change: Partial<NewKey> = {}): Promise<MadeKey> {
  const secret = makeSecret();
  const key: NewKey = {
    ...{ project: "default", name: "a test's", scopes: ["chat", "read"], user: null, models: null },
    ...{ expiresAt: null, metadata: {}, ...change },
  };
  await store.createProject(commandCaller, {
    id: key.project,
    name: key.project,
    disabled: false,
    createdAt: Date.now(),
  });
  return { ...(await store.createKey(commandCaller, newId(), key, hashSecret(secret), Date.now())), secret };
}

export const bearing = (secret: string) => ({ authorization: `Bearer ${secret}` });

/** Sends with a key or token. */
export function callAs<T>(
  secret: string,
  url: string,
  method = "GET",
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answered<T>> {
  return call<T>(url, method, body, { ...headers, ...bearing(secret) });
}
