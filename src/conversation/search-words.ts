// Words for the search index: pure functions that cut text of any script into tokens, the same for texts and queries.

// Scripts that are written without spaces between words: there, every letter is a word (Unicode script properties).
const spaceless = ["Han", "Hiragana", "Katakana", "Hangul", "Thai", "Lao", "Khmer", "Myanmar"]
  .map((script) => `\\p{Script=${script}}`)
  .join("");
const apostrophes = "'’ʼ‘`´＇";
const letter = `[[\\p{L}\\p{N}]--[${spaceless}${apostrophes}]]`;
const letters = `${letter}[[\\p{L}\\p{N}\\p{M}]--[${spaceless}${apostrophes}]]*`;
// A word, with apostrophes only inside; or one letter of a spaceless script with its marks; or an emoji, a flag being two signs.
const pattern = new RegExp(
  `${letters}(?:[${apostrophes}]${letters})*|[${spaceless}]\\p{M}*|\\p{RI}{2}|[\\p{ExtPict}--[0-9]]`,
  "gv",
);
const apostrophe = new RegExp(`[${apostrophes}]`, "gv");
/** Stress marks, as in textbooks and dictionaries (за́мок), that belong to no letter of their own. */
const stress = /[\u0300\u0301]/g;

/** Longer than any word that a person would search for: encoded data, which would only swell the index. */
const longestWord = 64;
/**
 * At most this many words of one text are indexed. A question and its answer share a row of the index, and Postgres counts
 * positions in it to 16383 (documentation 8.11.1, read 2026-11-23).
 */
export const mostIndexedWords = 8_000;
/** And of at most this many characters: two texts of three bytes a letter fit into a Postgres text vector, which holds 1 MB (the same page). */
const mostIndexedCharacters = 100_000;

/** Lower case, NFKC, every apostrophe U+02BC (before NFKC, which would make a space of some). */
function normalize(text: string): string {
  return text.replace(apostrophe, "ʼ").normalize("NFKC").toLowerCase().replace(stress, "");
}

function matchWords(normal: string): string[] {
  return (normal.match(pattern) ?? []).filter((word) => word.length <= longestWord);
}

/** The tokens of a text, in order; of a very long text those of its beginning. */
export function listWords(text: string): string[] {
  // Cut before, to save the work, and after, because NFKC can make a text longer.
  const normal = normalize(text.slice(0, mostIndexedCharacters)).slice(0, mostIndexedCharacters);
  return matchWords(normal).slice(0, mostIndexedWords);
}

// What is written in ASCII, without the apostrophes, and Cyrillic letters.
const plain = /^[\t\n\r -&(-_a-~Ѐ-ҁҊ-ӿ]*$/;

/**
 * Whether `listWords` gives the words of a text as they are, in lower case, cut at what is neither an ASCII letter or digit nor
 * beyond ASCII. Such text, which is most of it, needs no cutting where the index does the same.
 */
export function isPlain(text: string): boolean {
  return text.length <= mostIndexedWords && plain.test(text) && !hasLongWord(text);
}

/** Looks at places so far apart that no longer word fits between them. */
function hasLongWord(text: string): boolean {
  for (let at = longestWord; at < text.length; at += longestWord + 1) {
    let [start, end] = [at, at];
    while (start > 0 && isInWord(text.charCodeAt(start - 1))) start--;
    while (end < text.length && isInWord(text.charCodeAt(end))) end++;
    if (end - start > longestWord) return true;
  }
  return false;
}

/** In plain text. */
function isInWord(code: number): boolean {
  const letter = code | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || (code >= 0x30 && code <= 0x39) || code >= 0x80;
}

/** A token in its searchable form, and where it stands in the text it was cut from. */
export interface Word {
  text: string;
  start: number;
  end: number;
}

/** The tokens with their places, one at a time. A character that stands for several words (U+FDFA) gives each of them its place. */
export function* cutWords(text: string): Generator<Word, void, void> {
  for (const match of text.matchAll(pattern)) {
    const place = { start: match.index, end: match.index + match[0].length };
    for (const word of matchWords(normalize(match[0]))) yield { text: word, ...place };
  }
}
