// Where the focus goes when the button that had it is gone.

/** On a touch keyboard there is no Shift+Enter: there Enter is a new line, and the button sends. */
export const touchOnly = matchMedia("(pointer: coarse) and (hover: none)").matches;

/** To the field where one writes, but not where that brings up a keyboard over what is read. */
export function focusField(): void {
  if (!touchOnly) document.getElementById("composer")?.focus();
}
