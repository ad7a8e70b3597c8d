// The list of conversations, by their last message: pages, pins, search, trash, rename, delete with undo, and news from other tabs.

import { batch, effect, signal, untracked } from "@preact/signals";
import { type ApiError, api } from "../api/api.ts";
import type { Session } from "../api/wire.ts";
import { asApiError, describe } from "../shell/errors.ts";
import { goTo, keyNeeded, locale, route, showToast, text, trashShown } from "../shell/state.ts";
import { printShort, subtractUsd } from "../text/money.ts";
import { fill } from "../text/text.ts";
import { answerEnded } from "./unread.ts";

const pageSize = 30;
const mostPins = 100;

export const sessions = signal<readonly Session[]>([]);
/** They stand above all others. */
export const pinned = signal<readonly Session[]>([]);
export const query = signal("");
/** What the list is the answer to, behind `query` while one writes; "" is the whole list. */
export const searched = signal("");
export const moreSessions = signal(false);
export const listState = signal<"loading" | "ready" | "failed">("loading");
export const listError = signal<ApiError | null>(null);

/** The row that a key leads to, until it has the focus: it comes onto the page wherever it is. */
export const wanted = signal<string | null>(null);

/** A row with the focus has it again where it is drawn anew; one that goes leaves it to its neighbour. */
export function keepFocus(id: string, goes = false): void {
  const row = document.activeElement?.closest(".session-row > :is(a, .row-tools)")?.parentElement;
  if (row?.dataset.id !== id) return;
  const neighbour = (row.nextElementSibling ?? row.previousElementSibling) as HTMLElement | null;
  wanted.value = goes ? (neighbour?.dataset.id ?? null) : id;
  if (wanted.value === null) document.querySelector<HTMLElement>(".new-conversation")?.focus();
}

let current: AbortController | undefined;

/** Loads the list anew, as `query` and `trashShown` say. */
export function reloadSessions(): Promise<void> {
  listState.value = "loading";
  void loadPins();
  return loadPage(undefined);
}

async function loadPins(): Promise<void> {
  const page = await api.listSessions({ limit: mostPins, pinned: "true" }).catch(() => null);
  if (page) pinned.value = page.data;
}

export function loadMoreSessions(): Promise<void> {
  if (listState.value === "loading" || !moreSessions.value || query.value.trim() !== searched.value)
    return Promise.resolve();
  listState.value = "loading";
  return loadPage(sessions.value.at(-1));
}

async function loadPage(last: Session | undefined): Promise<void> {
  current?.abort();
  current = new AbortController();
  const { signal } = current;
  try {
    const q = query.value.trim() || undefined;
    const deleted = trashShown.value ? "true" : undefined;
    const at = last && q === undefined ? placeOf(last) : undefined;
    const page = await api.listSessions({ limit: pageSize, after: last?.id, at, q, deleted }, signal);
    batch(() => {
      sessions.value = last === undefined ? page.data : mergeSessions(sessions.value, page.data);
      searched.value = q ?? "";
      moreSessions.value = page.has_more;
      listState.value = "ready";
      listError.value = null;
    });
  } catch (error) {
    if (signal.aborted) return;
    listState.value = "failed";
    listError.value = asApiError(error);
    if (listError.value.status === 401) keyNeeded.value = true;
  }
}

/** What the list is in the order of. */
function placeOf(session: Session): string {
  return session.deleted_at ?? session.active_at;
}

function isBefore(one: Session, other: Session): boolean {
  return placeOf(one) > placeOf(other) || (placeOf(one) === placeOf(other) && one.id > other.id);
}

/** Loads the list, and anew whenever the address makes it the trash or the conversations again. */
export function keepList(): void {
  effect(() => {
    trashShown.value;
    sessions.value = [];
    void untracked(reloadSessions);
  });
}

function mergeSessions(known: readonly Session[], more: readonly Session[]): Session[] {
  const ids = new Set(known.map((session) => session.id));
  return [...known, ...more.filter((session) => !ids.has(session.id))];
}

/** Quietly brings the top of the list up to date. */
export async function refreshSessions(): Promise<void> {
  if (query.value.trim() !== "" || trashShown.value || listState.value !== "ready") return;
  const page = await api.listSessions({ limit: pageSize }).catch(() => null);
  if (!page || query.value.trim() !== "" || trashShown.value) return;
  noteEnded(page.data);
  void loadPins();
  const last = page.data.at(-1);
  const rest = page.has_more && last ? sessions.value.filter((session) => isBefore(last, session)) : [];
  sessions.value = mergeSessions(page.data, rest);
}

/** Those that were running in the list and are not any more. */
function noteEnded(fresh: readonly Session[]): void {
  const running = new Set(sessions.value.filter((one) => one.running_turn_id !== null).map(({ id }) => id));
  for (const session of fresh) if (running.has(session.id) && session.running_turn_id === null) answerEnded(session);
}

/** Shows what is newly known of a session, in its place. */
export function noteSession(session: Session): void {
  keepFocus(session.id);
  const others = pinned.value.filter(({ id }) => id !== session.id);
  pinned.value = session.pinned && session.deleted_at === null ? inPlace(others, session) : others;
  const known = sessions.value.find(({ id }) => id === session.id);
  if (query.value.trim() !== "" || trashShown.value) {
    if (known) sessions.value = sessions.value.map((one) => (one === known ? { ...one, ...session } : one));
    return;
  }
  const rest = sessions.value.filter((one) => one !== known);
  // One that belongs below all that is loaded comes with its page.
  const below = moreSessions.value && !rest.some((other) => isBefore(session, other));
  if (known || !below) sessions.value = inPlace(rest, session);
}

function inPlace(others: readonly Session[], session: Session): Session[] {
  const place = others.findIndex((other) => isBefore(session, other));
  return others.toSpliced(place < 0 ? others.length : place, 0, session);
}

export function forgetSession(id: string): void {
  keepFocus(id, true);
  sessions.value = sessions.value.filter((session) => session.id !== id);
  pinned.value = pinned.value.filter((session) => session.id !== id);
}

export async function pinSession(id: string, pin: boolean): Promise<void> {
  try {
    const session = await api.changeSession(id, { pinned: pin });
    noteSession(session);
    sessionChanged.value = session;
    tellOtherTabs(id);
  } catch (error) {
    showToast(describe(asApiError(error)));
  }
}

/** Throws ApiError; the caller shows it where it happened. */
export async function renameSession(id: string, title: string): Promise<void> {
  const session = await api.changeSession(id, { title: title.trim() || null });
  noteSession(session);
  sessionChanged.value = session;
  tellOtherTabs(id);
}

/** Has a model make the title, and says what that cost. Throws ApiError. */
export async function makeTitle({ id }: Session): Promise<void> {
  const before = await api.getSession(id);
  const session = await api.makeTitle(id, crypto.randomUUID());
  noteSession(session);
  sessionChanged.value = session;
  tellOtherTabs(id);
  const [was, is] = [before.cost.total, session.cost.total];
  if (was !== null && is !== null)
    showToast(fill(text.value.titleMade, { cost: printShort(subtractUsd(is, was), locale.value) }));
}

/** The last session changed from outside its conversation view (a rename in the list, a restore). */
export const sessionChanged = signal<Session | null>(null);

export async function trashSession(id: string): Promise<void> {
  try {
    await api.trashSession(id);
  } catch (error) {
    showToast(describe(asApiError(error)));
    return;
  }
  forgetSession(id);
  if (route.value === id) goTo(null);
  tellOtherTabs(id);
  showToast(text.value.removed, { label: text.value.undo, run: () => void restoreSession(id, true) });
}

/** Back from the trash; `open` shows it at once. */
export async function restoreSession(id: string, open: boolean): Promise<void> {
  try {
    await api.restoreSession(id);
    const session = await api.getSession(id);
    if (trashShown.value) forgetSession(id);
    else noteSession(session);
    sessionChanged.value = session;
    tellOtherTabs(id);
    if (open) goTo(id, false, null, false);
    else showToast(text.value.restored);
  } catch (error) {
    showToast(describe(asApiError(error)));
  }
}

const channel = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel("rozmova");

/** Tells this page's other tabs that something happened in a session. */
export function tellOtherTabs(id: string): void {
  channel?.postMessage({ id });
}

/** Calls back for news of other tabs, with the session's id. */
export function listenToOtherTabs(onNews: (id: string) => void): void {
  channel?.addEventListener("message", (event: MessageEvent<{ id: string }>) => onNews(event.data.id));
}

/** While some answer is running elsewhere, its row must learn when it ends. */
export function watchRunning(): void {
  setInterval(() => {
    const elsewhere = sessions.value.some((session) => session.running_turn_id && session.id !== route.value);
    if (elsewhere) void refreshSessions();
  }, 4000);
}
