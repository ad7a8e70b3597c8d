// Words for the search index: one pure function that cuts text of any script into tokens, the same for texts and queries.

/** A token in its searchable form, and where it stands in the text it was cut from. */
export interface Word {
  text: string;
  start: number;
  end: number;
}

// One alternative per kind, in this order: a letter of a script that is written without spaces between words, which is
// a word of its own (Unicode script properties Han, Hiragana, Katakana, Hangul, Thai, Lao, Khmer, Myanmar); an emoji (two
// regional indicators make one flag); a word of letters, digits and marks, with apostrophes inside kept.
const spaceless =
  "[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}]\\p{M}*";
const emoji = "\\p{Regional_Indicator}{2}|(?![0-9])\\p{Extended_Pictographic}";
const letter = `(?!${spaceless})[\\p{L}\\p{N}]\\p{M}*`;
const apostrophes = "'’ʼ‘`´＇";
const pattern = new RegExp(`${spaceless}|${emoji}|(?:${letter})+(?:[${apostrophes}](?:${letter})+)*`, "gu");
const apostrophe = new RegExp(`[${apostrophes}]`, "gu");
/** Stress marks, as in textbooks and dictionaries (за́мок), that belong to no letter of their own. */
const stress = /[\u0300\u0301]/g;
const inside = /[\p{L}\p{N}\p{M}\p{Extended_Pictographic}\p{Regional_Indicator}]+/gu;

/** Longer than any word that a person would search for: encoded data, which would only swell the index. */
const longestWord = 64;

/** The tokens of a text in order. Lower case, NFKC; every apostrophe inside a word becomes U+02BC. */
export function* cutWords(text: string): Generator<Word, void, void> {
  for (const match of text.matchAll(pattern)) {
    const start = match.index;
    const end = start + match[0].length;
    const ascii = /^[0-9A-Za-z]+$/.test(match[0]);
    const plain = ascii ? match[0].toLowerCase() : normalize(match[0]);
    if (ascii) {
      if (plain.length <= longestWord) yield { text: plain, start, end };
      continue;
    }
    // Some single characters stand for several words (U+FDFA): all of them are found at its place.
    for (const part of plain.matchAll(inside)) if (part[0].length <= longestWord) yield { text: part[0], start, end };
  }
}

function normalize(word: string): string {
  return word.replace(apostrophe, "ʼ").normalize("NFKC").toLowerCase().replace(stress, "");
}

/** At most this many words of one text are indexed: Postgres counts positions to 16383 (documentation 8.11.1, read 2026-11-23). */
export const mostIndexedWords = 16_000;
/** And of at most this many characters together: a text vector holds 1 MB (the same page). */
const indexedCharacters = 200_000;

/** The words of a text for the index, in order, at most `mostIndexedWords` of them. */
export function listWords(text: string): string[] {
  const words: string[] = [];
  let budget = indexedCharacters;
  for (const word of cutWords(text)) {
    budget -= word.text.length;
    if (words.push(word.text) >= mostIndexedWords || budget < 0) break;
  }
  return words;
}
