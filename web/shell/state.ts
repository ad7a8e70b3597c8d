// What the whole page shares: language, colours, the address, the server's health, short notes to the reader.

import { batch, computed, effect, signal } from "@preact/signals";
import { api, untilAnswered } from "../api/api.ts";
import type { Health } from "../api/wire.ts";
import { en } from "../text/en.ts";
import { chooseLanguage, type Language, languages, loadText, localeOf } from "../text/language.ts";
import type { Text } from "../text/text.ts";
import { stored } from "./stored.ts";

export type Theme = "system" | "light" | "dark";

const savedLanguage = languages.find((language) => language === stored.get("language"));
export const language = signal<Language>(savedLanguage ?? chooseLanguage(navigator.languages));
/** The words of the page. English until those of the reader's language have come. */
export const text = signal<Text>(en);
/** How the reader writes dates and numbers. */
export const locale = computed(() => localeOf(language.value, navigator.languages));

/** Fetches the words of the chosen language; resolves when they are in use. */
export async function loadWords(): Promise<void> {
  const wanted = language.value;
  const words = await loadText(wanted);
  if (wanted !== language.value) return;
  text.value = words;
  // In a task of its own: it has all of the page styled and laid out anew.
  if (document.getElementById("app")?.firstChild) await new Promise((resolve) => setTimeout(resolve));
  if (wanted === language.value) document.documentElement.lang = wanted;
}

export function chooseLanguageByHand(choice: Language): void {
  language.value = choice;
  void loadWords();
  stored.set("language", choice);
}

const savedTheme = stored.get("theme");
export const theme = signal<Theme>(savedTheme === "light" || savedTheme === "dark" ? savedTheme : "system");

export function chooseTheme(choice: Theme): void {
  theme.value = choice;
  stored.set("theme", choice === "system" ? null : choice);
}

effect(() => {
  if (theme.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
});

/** The open conversation by the address: `#/s/<id>`; null is a new one. */
export const route = signal<string | null>(readPlace().id);
/** The message by the address, where one was found: `#/s/<id>/<message>`. */
export const sought = signal<string | null>(readPlace().message);
/** Whether the list is the trash, by the address: `#/trash`, with an open conversation `#/trash/<id>`. */
export const trashShown = signal(readPlace().inTrash);
/** Beside the conversations: usage, and what those who run the server look after. */
export const rooms = ["usage", "models", "keys", "budgets", "projects", "audit", "health"] as const;
export type Room = (typeof rooms)[number];
/** The room by the address, `#/usage`; null: conversations. */
export const room = signal<Room | null>(readRoom());
/** What the room is called, once its words have come. */
export const roomTitle = signal<string | null>(null);
function readRoom(): Room | null {
  const [, name] = /^#\/([a-z]+)$/.exec(location.hash) ?? [];
  return rooms.find((one) => one === name) ?? null;
}

/** The words that were looked for when it was found. */
export const foundWords = signal<readonly string[]>([]);

function readPlace(): { id: string | null; message: string | null; inTrash: boolean } {
  const [, list, id = null, message = null] =
    /^#\/(s(?=\/)|trash)(?:\/([\w-]+)(?:\/([\w-]+))?)?$/.exec(location.hash) ?? [];
  return { id, message, inTrash: list === "trash" };
}

export function addressOf(id: string | null, message: string | null = null, inTrash = false): string {
  const list = inTrash ? "#/trash" : "#/s";
  if (id === null) return inTrash ? list : "#/";
  return message === null ? `${list}/${id}` : `${list}/${id}/${message}`;
}

/** Within the open conversation the list beside it stays what it is. */
const staysInTrash = (id: string | null) => trashShown.value && id !== null && id === route.value;

/** Goes to a conversation, or to a message in it; `replace` when the address only catches up with what is shown already. */
export function goTo(
  id: string | null,
  replace = false,
  message: string | null = null,
  inTrash = staysInTrash(id),
): void {
  const same = route.value === id && sought.value === message && trashShown.value === inTrash;
  if (same && room.value === null) return;
  const address = addressOf(id, message, inTrash);
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  followAddress();
}

function followAddress(): void {
  const { id, message, inTrash } = readPlace();
  batch(() => {
    if (id !== route.value) foundWords.value = [];
    route.value = id;
    sought.value = message;
    trashShown.value = inTrash;
    room.value = readRoom();
    if (room.value !== null) drawerOpen.value = false;
    else if (isTrashAlone()) drawerOpen.value = true;
  });
}

/** The trash with nothing beside it: where the list is a drawer, it is what was asked for. */
export function isTrashAlone(): boolean {
  return trashShown.value && route.value === null;
}
window.addEventListener("popstate", followAddress);
window.addEventListener("hashchange", followAddress);

const narrowScreen = matchMedia("(max-width: 800px)");
/** Whether the list is a drawer over the page. The same width as in the style sheets. */
export const narrow = signal(narrowScreen.matches);
narrowScreen.addEventListener("change", () => {
  narrow.value = narrowScreen.matches;
});

const mediumScreen = matchMedia("(max-width: 1150px)");
/** Whether the inspector lies over the conversation instead of beside it. The same width as in the style sheets. */
export const medium = signal(mediumScreen.matches);
mediumScreen.addEventListener("change", () => {
  medium.value = mediumScreen.matches;
});

/** Whether the list of conversations is open where it covers the page (on narrow screens). */
export const drawerOpen = signal(isTrashAlone());
/** Whether the list is folded away on wide screens. */
export const folded = signal(stored.get("folded") === "yes");

export function toggleList(): void {
  if (narrow.value) {
    drawerOpen.value = !drawerOpen.value;
    return;
  }
  folded.value = !folded.value;
  stored.set("folded", folded.value ? "yes" : null);
}

/** While the page is printed everything is on it. */
export const printing = signal(false);
window.addEventListener("beforeprint", () => {
  printing.value = true;
});
window.addEventListener("afterprint", () => {
  printing.value = false;
});

export const paletteOpen = signal(false);
export const sheetOpen = signal(false);

/** Whether the reader has closed the banner of demo mode; a small mark stays. */
export const demoSeen = signal(stored.get("demo") === "seen");
export function closeDemo(): void {
  demoSeen.value = true;
  stored.set("demo", "seen");
}

export const health = signal<Health | null>(null);
/** The server wants a key, or refused the one it got. */
export const keyNeeded = signal(false);

/** Asks how the server is; whether it answers at all is known from every call. */
export async function checkHealth(): Promise<void> {
  health.value = await untilAnswered(() => api.health()).catch(() => null);
}

export interface Toast {
  id: number;
  message: string;
  /** `last`: can be had in another way too, and makes room for the next that is offered. */
  action?: { label: string; run(): void; last?: true };
}
export const toasts = signal<readonly Toast[]>([]);
let toastCount = 0;

/** A short note that goes away by itself, e.g. with an undo. */
export function showToast(message: string, action?: Toast["action"]): void {
  const toast: Toast = action ? { id: ++toastCount, message, action } : { id: ++toastCount, message };
  // The same words again are said once; those with an undo are each of something else.
  const others = toasts.value.filter((one) => (one.action ? !(action && one.action.last) : one.message !== message));
  toasts.value = [...others.slice(-2), toast];
}

export function dismissToast(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

/** What a screen reader says next; not shown. */
export const announcement = signal("");
