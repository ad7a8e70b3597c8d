// Temporary conversations: not in the list, and erased with every word when the reader leaves them, or at the next visit.

import { signal } from "@preact/signals";
import { ApiError, api } from "../api/api.ts";
import type { Session } from "../api/wire.ts";
import { asApiError, describe } from "../shell/errors.ts";
import { route, showToast, text } from "../shell/state.ts";
import { stored } from "../shell/stored.ts";

/** Whether the next conversation is one. */
export const nextIsTemporary = signal(false);

export const temporaryMark = { temporary: true } as const;

export function isTemporary(session: Pick<Session, "metadata">): boolean {
  return session.metadata.temporary === true;
}

const known = () => new Set((stored.get("temporary") ?? "").split(" ").filter(Boolean));

function keepKnown(ids: ReadonlySet<string>): void {
  stored.set("temporary", ids.size === 0 ? null : [...ids].join(" "));
}

/** This tab has it open until it lets go: no other tab erases it meanwhile. */
const held = new Map<string, () => void>();

function hold(id: string): void {
  if (held.has(id)) return;
  held.set(id, () => {});
  void navigator.locks?.request(`rozmova-temporary-${id}`, () => new Promise<void>((done) => held.set(id, done)));
}

/** One that was begun, or is opened again, here. */
export function noteTemporary(id: string): void {
  keepKnown(known().add(id));
  hold(id);
}

/** It is an ordinary conversation from now on. */
export function noteKept(id: string): void {
  const rest = known();
  rest.delete(id);
  keepKnown(rest);
  held.get(id)?.();
  held.delete(id);
}

/** Erases one for good; said when it could not be, and then tried again at the next visit. */
export async function eraseTemporary(id: string): Promise<void> {
  if (!known().has(id)) return;
  try {
    await api.purgeSession(id);
    noteKept(id);
    showToast(text.value.erased);
  } catch (error) {
    const gone = error instanceof ApiError && error.status === 404;
    if (gone) noteKept(id);
    else showToast(describe(asApiError(error)));
  }
}

/** What earlier visits left behind and no tab has open. */
export async function eraseLeft(): Promise<void> {
  for (const id of known()) {
    if (id === route.value) noteTemporary(id);
    else if (navigator.locks)
      await navigator.locks.request(`rozmova-temporary-${id}`, { ifAvailable: true }, (lock) =>
        lock ? eraseTemporary(id) : undefined,
      );
  }
}
