// What a key press means, whatever the reader's keyboard puts together from it.

/**
 * Whether the key belongs to an input method that is composing a character: its Enter chooses a word, its Escape drops one.
 * Safari tells of the Enter after the composition has ended (isComposing is false then); its code is 229 all the same.
 */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}
