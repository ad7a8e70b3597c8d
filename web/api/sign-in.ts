// Whose page this is: a key for this tab, or one that the browser was asked to remember.

import { stored } from "../shell/stored.ts";
import { ApiError, apiKey, send } from "./api.ts";

/** Whether there is anything to sign out of. The remembered key itself is in a cookie that no script reads. */
export function isSignedIn(): boolean {
  return apiKey.get() !== null || stored.get("remembered") !== null;
}

/** Resolves with whether the server knows the key; a key for the tab alone is found out by what follows. */
export async function signIn(key: string, remember: boolean): Promise<boolean> {
  await dropTalks();
  apiKey.set(remember ? null : key);
  stored.set("remembered", null);
  if (!remember) return true;
  try {
    await send("sign-in", { method: "POST", body: { key } });
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return false;
    throw error;
  }
  stored.set("remembered", "yes");
  return true;
}

export async function signOut(): Promise<void> {
  await send("sign-in", { method: "DELETE" });
  apiKey.set(null);
  stored.set("remembered", null);
  await dropTalks();
}

/** What the service worker kept was somebody's, who need not be the next one. */
async function dropTalks(): Promise<void> {
  if (!("caches" in globalThis)) return;
  for (const name of await caches.keys()) if (name.startsWith("rozmova-talks-")) await caches.delete(name);
}
