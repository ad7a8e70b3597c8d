// The conversation that is open now, kept in step with the address and with other tabs.

import { effect, signal, untracked } from "@preact/signals";
import { focusField } from "../shell/focus.ts";
import { drawerOpen, goTo, isTrashAlone, route } from "../shell/state.ts";
import { listenToOtherTabs, refreshSessions, sessionChanged } from "../sidebar/sessions.ts";
import { Chat } from "./chat.ts";

export const chat = signal<Chat>(new Chat(route.value));

effect(() => {
  const id = route.value;
  untracked(() => {
    drawerOpen.value = isTrashAlone();
    if (chat.value.id.value === id) return;
    chat.value.leave();
    chat.value = new Chat(id);
  });
});

effect(() => {
  const session = sessionChanged.value;
  untracked(() => {
    if (session && session.id === chat.value.id.value) chat.value.session.value = session;
  });
});

/** A conversation without messages, ready to begin, also when one is open already. */
export function beginAnew(): void {
  drawerOpen.value = false;
  if (route.value === null && chat.value.id.value !== null) {
    chat.value.leave();
    chat.value = new Chat(null);
  }
}

/** Goes there, and to its field: once it is shown, and before the next key. */
export function startAnew(): void {
  goTo(null);
  beginAnew();
  queueMicrotask(focusField);
}

/** Keeps what is shown up to date with other tabs, and when the reader comes back to this one. */
export function keepUpToDate(): void {
  listenToOtherTabs((id) => {
    void refreshSessions();
    if (chat.value.id.value === id) void chat.value.refresh();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    void refreshSessions();
    void chat.value.refresh();
  });
}
