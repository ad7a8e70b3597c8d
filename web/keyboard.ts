// The page's shortcuts: what each key does wherever the reader is; `shell/shortcuts.tsx` is the sheet that names them.

import { stopAnswer } from "./conversation/composer.tsx";
import { chat, startAnew } from "./conversation/current.ts";
import { closeInspector, inspectorTab } from "./inspector/inspector.ts";
import { isComposing, keyOf } from "./shell/keys.ts";
import { drawerOpen, folded, narrow, paletteOpen, sheetOpen, toggleList } from "./shell/state.ts";

/** Ctrl or Cmd with a key, by its place on the keyboard, so that it works in every layout. */
const withControl: Readonly<Record<string, (() => void) | undefined>> = {
  KeyK: () => {
    paletteOpen.value = !paletteOpen.value;
  },
  KeyB: toggleList,
  "Shift KeyO": startAnew,
};

/** Single keys, only while nothing is being written. */
const alone: Readonly<Record<string, (() => void) | undefined>> = {
  "?": () => {
    sheetOpen.value = true;
  },
  j: () => moveTurn(1),
  k: () => moveTurn(-1),
  "/": () => {
    if (narrow.value ? !drawerOpen.value : folded.value) toggleList();
    // When it is shown, and before the next key.
    queueMicrotask(() => document.getElementById("search")?.focus());
  },
};

export function onShortcut(event: KeyboardEvent): void {
  if (isComposing(event) || event.defaultPrevented) return;
  if (event.ctrlKey || event.metaKey) {
    const act = withControl[event.shiftKey ? `Shift ${event.code}` : event.code];
    if (!act || event.altKey) return;
    event.preventDefault();
    act();
  } else if (event.key === "Escape") closeTop(event);
  else if (!event.altKey && !isWriting(event.target)) {
    const act = alone[keyOf(event)];
    if (!act) return;
    event.preventDefault();
    act();
  }
}

/** Closes what lies on top; with nothing on top it stops the running answer. */
function closeTop(event: KeyboardEvent): void {
  if (document.querySelector("dialog[open]")) return; // the dialog's own
  if (narrow.value && drawerOpen.value) drawerOpen.value = false;
  else if (inspectorTab.value !== null) closeInspector();
  else if (chat.value.running.value) stopAnswer(chat.value);
  else return;
  event.preventDefault();
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input, textarea, select, dialog") !== null;
}

/** Goes to the next or the previous question. */
function moveTurn(step: 1 | -1): void {
  const scroller = document.querySelector(".scroller");
  if (!scroller) return;
  const top = scroller.getBoundingClientRect().top + 24;
  const questions = [...scroller.querySelectorAll<HTMLElement>(".question")];
  const places = questions.map((question) => question.getBoundingClientRect().top - top);
  const at = step > 0 ? places.findIndex((place) => place > 4) : places.findLastIndex((place) => place < -4);
  const place = places[at];
  if (place !== undefined) scroller.scrollBy({ top: place });
}
