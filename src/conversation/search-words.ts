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

/** Seen by nobody, and not a part of any word: soft hyphens, zero-width signs, byte order marks, directions (Unicode: Default_Ignorable_Code_Point). */
const unseen = /\p{DI}/gv;

/**
 * NFKC, without regard to case (straße as STRASSE, Σ as ς, İ as i: upper case first, because that is where letters become several, as in
 * Unicode's full case folding), every apostrophe U+02BC (before NFKC, which would make a space of some), and nothing that cannot be seen.
 */
function normalize(text: string): string {
  const composed = text.replace(unseen, "").replace(apostrophe, "ʼ").normalize("NFKC");
  const folded = composed.toUpperCase().toLowerCase().replaceAll("ς", "σ").replaceAll("i\u0307", "i");
  return folded.normalize("NFKC").replace(apostrophe, "ʼ").replace(stress, "");
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

// Most of what is written: ASCII, letters of Western Europe and Cyrillic ones, with the usual quotes, dashes and signs.
const signs = "¡«°±´·»¿×÷‐-‟•…€→−≈≤≥";
const plain = new RegExp(`^[\\t\\n\\r -~${signs}À-ÖØ-Þà-öø-ÿЀ-ҁҊ-ӿ]*$`);
const plainLetter = "[0-9a-zà-öø-ÿЀ-ҁҊ-ӿ]";
const innerApostrophe = new RegExp(`(?<=${plainLetter})['’‘\`´](?=${plainLetter})`, "g");
const sign = new RegExp(`[${signs}]`, "g");

/**
 * Such a text in its searchable form, character for character: cut at what is neither an ASCII letter or digit nor beyond ASCII, it gives
 * the words that `listWords` gives, a tenth as dear. Undefined where a text has to be normalized for that, or is too long.
 */
export function printPlain(text: string): string | undefined {
  if (text.length > mostIndexedWords || !plain.test(text)) return undefined;
  const printed = text.toLowerCase().replace(innerApostrophe, "ʼ").replace(sign, " ");
  return hasLongWord(printed) ? undefined : printed;
}

/** From the end of each stretch that would be a longer word, looks back for what parts it: the next one begins behind that. */
function hasLongWord(text: string): boolean {
  for (let start = 0, at = longestWord; at < text.length; at = start + longestWord) {
    while (at >= start && isInWord(text.charCodeAt(at))) at--;
    if (at < start) return true;
    start = at + 1;
  }
  return false;
}

/** In plain text that is printed. */
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

// A character with all that may melt into it: its marks, what is not seen, the parts of a Korean syllable, the half-width signs of voice.
const cluster = /[\s\S](?:[\p{M}\p{DI}\u1100-\u11ff\u3131-\u318e\uff9e\uff9f\uffa0-\uffdc])*/gv;

/** The tokens with their places, one at a time. A character that stands for several words (U+FDFA) gives each of them its place. */
export function* cutWords(text: string): Generator<Word, void, void> {
  for (const { 0: run, index } of text.matchAll(/[\S\ufeff]+/g)) {
    const printed = printPlain(run);
    yield* printed === undefined ? cutRun(run, index) : cutPlainRun(printed, index);
  }
}

/** The same, a letter at a time, where every letter stands for itself: of most text, and a search cuts every text it shows. */
function* cutPlainRun(printed: string, at: number): Generator<Word, void, void> {
  for (let start = 0, end = 0; start < printed.length; start = ++end) {
    while (isInWord(printed.charCodeAt(end))) end++;
    if (end > start) yield { text: printed.slice(start, end), start: at + start, end: at + end };
  }
}

/** Of text without a space; a byte order mark is none, whatever JavaScript says. What is searched is its normal form; each character of that knows where it came from. */
function* cutRun(run: string, at: number): Generator<Word, void, void> {
  let normal = "";
  const places: { start: number; end: number }[] = [];
  for (const { 0: piece, index } of run.matchAll(cluster)) {
    const form = normalize(piece);
    const place = { start: at + index, end: at + index + piece.length };
    for (let unit = 0; unit < form.length; unit++) places.push(place);
    normal += form;
  }
  for (const { 0: word, index } of normal.matchAll(pattern)) {
    if (word.length > longestWord) continue;
    yield { text: word, start: places[index]!.start, end: places[index + word.length - 1]!.end };
  }
}
