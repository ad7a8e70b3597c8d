// What a key press means, whatever the reader's keyboard puts together from it.

/**
 * Whether the key belongs to an input method that is composing a character: its Enter chooses a word, its Escape drops one.
 * Safari tells of the Enter after the composition has ended (isComposing is false then); its code is 229 all the same.
 */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}

/** The letter of a single key: by its place where the keyboard is one of another script, whose letters no shortcut has. */
export function keyOf({ key, code }: KeyboardEvent): string {
  return key.length === 1 && key > "\x7f" && code.startsWith("Key") ? code.slice(3).toLowerCase() : key;
}
