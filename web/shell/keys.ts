// What a key press means, whatever the reader's keyboard puts together from it.

import { language } from "./state.ts";

/**
 * Whether the key belongs to an input method that is composing a character: its Enter chooses a word, its Escape drops one.
 * Safari tells of the Enter after the composition has ended (isComposing is false then); its code is 229 all the same.
 */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}

const otherLetter = /^[^\p{ASCII}\p{Script=Latin}]$/u;
const otherSlash = /^(?:\.|[^\p{ASCII}\p{Script=Latin}])$/u;

/**
 * The letter of a single key, and the slash: by its place where the keyboard is one of another script, whose letters no shortcut has.
 * On Cyrillic and Hebrew keyboards a full stop is where the slash is on an English one, as it is on a Turkish: there a full stop is
 * the slash for those who read such a script. Latin keyboards keep the slash elsewhere, with Shift.
 */
export function keyOf({ key, code, shiftKey }: KeyboardEvent): string {
  if (code === "Slash" && !shiftKey && (readsOtherScript() ? otherSlash : otherLetter).test(key)) return "/";
  return code.startsWith("Key") && otherLetter.test(key) ? code.slice(3).toLowerCase() : key;
}

function readsOtherScript(): boolean {
  return [language.value, ...navigator.languages].some((tag) => {
    try {
      return new Intl.Locale(tag).maximize().script !== "Latn";
    } catch {
      return false; // some systems name locales that are none, e.g. en-US@posix
    }
  });
}
