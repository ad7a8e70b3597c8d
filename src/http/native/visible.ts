// Which characters can be seen, as regular expressions that other languages' engines read the same way.

/**
 * Spaces, control characters, and what has no shape of its own (soft hyphens, zero-width signs, directions, fillers): Unicode's White_Space,
 * Cc and Default_Ignorable_Code_Point, written out because not every engine knows these names. A test holds them against the engine's own.
 */
const unseen: readonly (readonly [first: number, last: number])[] = [
  [0x00, 0x20],
  [0x7f, 0xa0],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x1680, 0x1680],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x2000, 0x200f],
  [0x2028, 0x202f],
  [0x205f, 0x206f],
  [0x3000, 0x3000],
  [0x3164, 0x3164],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xfff8],
  [0x1bca0, 0x1bca3],
  [0x1d173, 0x1d17a],
  [0xe0000, 0xe0fff],
];

const unseenClass = unseen.map(([first, last]) => `${print(first)}-${print(last)}`).join("");

/** Beyond the first plane the character itself: how it is escaped differs from language to language. */
function print(code: number): string {
  return code > 0xffff ? String.fromCodePoint(code) : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** Matches a text in which something can be seen. */
export const visible = new RegExp(`[^${unseenClass}]`, "u");
/** For the document: the same, and no U+0000, which nothing that is stored may hold. */
export const visiblePattern = `^[^\\u0000]*[^${unseenClass}][^\\u0000]*$`;
export const storablePattern = "^[^\\u0000]*$";
