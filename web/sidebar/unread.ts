// Answers that ended where the reader did not look: a mark in the list, a count in the title, a note, and, where asked for, a notification.

import { effect, signal } from "@preact/signals";
import type { Session } from "../api/wire.ts";
import { goTo, route, showToast, text } from "../shell/state.ts";
import { stored } from "../shell/stored.ts";

const mostKept = 200;

/** Conversations with an answer that was not looked at; kept for the next visit. */
export const unread = signal<ReadonlySet<string>>(new Set((stored.get("unread") ?? "").split(" ").filter(Boolean)));
/** Whether the browser may be asked to show a notification of its own. */
export const notifying = signal(stored.get("notify") === "yes" && isAllowed());

function isAllowed(): boolean {
  return typeof Notification !== "undefined" && Notification.permission === "granted";
}

/** Resolves with whether notifications are shown from now on. */
export async function toggleNotifying(): Promise<boolean> {
  const on =
    !notifying.value && typeof Notification !== "undefined" && (await Notification.requestPermission()) === "granted";
  notifying.value = on;
  stored.set("notify", on ? "yes" : null);
  return on;
}

function keep(ids: Iterable<string>): void {
  unread.value = new Set([...ids].slice(-mostKept));
  stored.set("unread", unread.value.size === 0 ? null : [...unread.value].join(" "));
}

/** An answer has ended. Says so unless the reader is looking at it. */
export function answerEnded(session: Session): void {
  const open = route.value === session.id;
  if (open && !document.hidden) return;
  keep([...unread.value, session.id]);
  const title = session.title ?? text.value.untitled;
  if (!open) showToast(`${text.value.answerReady} ${title}`, { label: text.value.open, run: () => goTo(session.id) });
  if (!notifying.value || !document.hidden) return;
  const notification = new Notification(text.value.answerReady, { body: title, tag: session.id });
  notification.onclick = () => {
    window.focus();
    goTo(session.id);
  };
}

function noteSeen(): void {
  const id = route.value;
  if (id === null || document.hidden || !unread.value.has(id)) return;
  keep([...unread.value].filter((other) => other !== id));
}

effect(() => {
  void route.value;
  noteSeen();
});
document.addEventListener("visibilitychange", noteSeen);
