// Several conversations at once: which are chosen, and what is done with them.

import { batch, effect, signal } from "@preact/signals";
import { api } from "../api/api.ts";
import { asApiError, describe } from "../shell/errors.ts";
import { goTo, locale, route, showToast, text, trashShown } from "../shell/state.ts";
import { count } from "../text/text.ts";
import { forgetSession, pinned, reloadSessions, tellOtherTabs } from "./sessions.ts";

/** Null: rows are links, and nothing is being chosen. */
export const selected = signal<ReadonlySet<string> | null>(null);

// What is chosen in one list is not there in the other.
effect(() => {
  trashShown.value;
  selected.value = null;
});

export function toggleSelecting(): void {
  selected.value = selected.value === null ? new Set() : null;
}

export function toggleSelected(id: string): void {
  const chosen = new Set(selected.value);
  if (!chosen.delete(id)) chosen.add(id);
  selected.value = chosen;
}

const atOnce = 6;

/** Some at a time; stops at the first that is refused. Resolves with those that are done, and the refusal. */
async function forEach(ids: readonly string[], act: (id: string) => Promise<unknown>) {
  const done: string[] = [];
  const waiting = [...ids];
  let refusal: unknown;
  const work = async () => {
    for (let id = waiting.shift(); id !== undefined && refusal === undefined; id = waiting.shift()) {
      try {
        await act(id);
        done.push(id);
      } catch (error) {
        refusal = error;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return { done, refusal };
}

/** Does it to all that are chosen, which leave the list unless they stay; says what went wrong. Returns those that are done. */
async function doToSelected(act: (id: string) => Promise<unknown>, stay = false): Promise<string[]> {
  const { done, refusal } = await forEach([...(selected.value ?? [])], act);
  for (const id of done) tellOtherTabs(id);
  batch(() => {
    if (!stay) for (const id of done) forgetSession(id);
    selected.value = null;
  });
  if (refusal !== undefined) showToast(describe(asApiError(refusal)));
  return done;
}

export async function trashSelected(): Promise<void> {
  const done = await doToSelected((id) => api.trashSession(id));
  if (route.value !== null && done.includes(route.value)) goTo(null);
  const undo = async () => {
    await forEach(done, (id) => api.restoreSession(id));
    await reloadSessions();
  };
  if (done.length > 0)
    showToast(count(text.value, locale.value, "trashed", done.length), {
      label: text.value.undo,
      run: () => void undo(),
    });
}

export async function restoreSelected(): Promise<void> {
  const done = await doToSelected((id) => api.restoreSession(id));
  if (done.length > 0) showToast(text.value.restored);
}

export async function eraseSelected(): Promise<void> {
  const done = await doToSelected((id) => api.purgeSession(id));
  if (route.value !== null && done.includes(route.value)) goTo(null);
  if (done.length > 0) showToast(count(text.value, locale.value, "erasedCount", done.length));
}

/** Pins them; lets go of them where all are pinned. */
export async function pinSelected(): Promise<void> {
  const pins = new Set(pinned.value.map(({ id }) => id));
  const all = [...(selected.value ?? [])].every((id) => pins.has(id));
  await doToSelected((id) => api.changeSession(id, { pinned: !all }), true);
  await reloadSessions();
}
