// What a person types into the search field, understood; and the piece of a text that shows why it was found.

import { cutWords, listWords, mostIndexedWords, type Word } from "./search-words.ts";

/** Words that must stand next to each other in a text; the last one may go on when `prefix`. */
export interface SearchPhrase {
  words: string[];
  prefix: boolean;
}

/** A byte order mark is a space in JavaScript only. */
const space = /[^\S\ufeff]+/g;
const mostPhrases = 16;
const mostWords = 64;

/** All phrases must occur. What stands together without a space is one phrase ("中文", "a-b"); the last word may be unfinished. */
export function parseQuery(query: string): SearchPhrase[] {
  const phrases: SearchPhrase[] = [];
  for (const piece of query.split(space)) {
    const words = listWords(piece).slice(0, mostWords);
    if (words.length > 0 && phrases.length < mostPhrases) phrases.push({ words, prefix: false });
  }
  const last = phrases.at(-1);
  // One letter or one character of a script without spaces is taken as it is: as a prefix it would find nearly everything.
  if (last && !/\s$/.test(query)) last.prefix = [...last.words.at(-1)!].length > 1;
  return phrases;
}

const markStart = "\ue000";
const markEnd = "\ue001";
const snippetBefore = 60;
const snippetLength = 200;

/** The text around the first match, matches between U+E000 and U+E001, on one line; where it is cut, an ellipsis. */
export function cutSnippet(whole: string, phrases: readonly SearchPhrase[]): string {
  const text = whole.replace(/[\ue000\ue001]/g, "\ufffd"); // nobody marks anything but us
  const words = listWordsAround(text, phrases);
  const first = words.findIndex((_, index) => matchLength(words, index, phrases) > 0);
  const matchStart = words[Math.max(first, 0)]?.start ?? 0;
  const start =
    matchStart <= snippetBefore ? 0 : (words.find((word) => word.start >= matchStart - snippetBefore)?.start ?? 0);
  return markWords(text, words, phrases, start, cutEnd(text, words, start));
}

/** How many of the phrases stand in a text, as far as the index has seen it. */
export function countPhrases(text: string, phrases: readonly SearchPhrase[]): number {
  const words = [...cutWords(text)].slice(0, mostIndexedWords);
  return phrases.filter((phrase) => words.some((_, index) => matchLength(words, index, [phrase]) > 0)).length;
}

/** The words up to the end of the snippet; of a text in which nothing is found, those that the index has seen. */
function listWordsAround(text: string, phrases: readonly SearchPhrase[]): Word[] {
  const longest = Math.max(...phrases.map((phrase) => phrase.words.length));
  const words: Word[] = [];
  let matched: Word | undefined;
  for (const word of cutWords(text)) {
    words.push(word);
    if (!matched && matchLength(words, words.length - longest, phrases) > 0) matched = word;
    if (words.length >= mostIndexedWords || (matched && word.start > matched.end + snippetLength)) break;
  }
  return words;
}

/** After the last whole word that fits, or where the text ends. */
function cutEnd(text: string, words: readonly Word[], start: number): number {
  const limit = start + snippetLength;
  if (text.length <= limit) return text.length;
  const last = words.findLast((word) => word.end <= limit && word.end > start);
  return last ? last.end : limit;
}

function markWords(
  text: string,
  words: readonly Word[],
  phrases: readonly SearchPhrase[],
  start: number,
  end: number,
): string {
  let snippet = start > 0 ? "…" : "";
  let copied = start;
  for (let index = 0; index < words.length; index++) {
    const length = words[index]!.start < copied ? 0 : matchLength(words, index, phrases);
    const last = words[index + length - 1];
    if (length === 0 || !last || last.end > end) continue;
    snippet += `${text.slice(copied, words[index]!.start)}${markStart}${text.slice(words[index]!.start, last.end)}${markEnd}`;
    copied = last.end;
    index += length - 1;
  }
  return (snippet + text.slice(copied, end) + (end < text.length ? "…" : "")).replace(space, " ").trim();
}

/** How many words from `index` on are one of the phrases; 0 when none begins there. */
function matchLength(words: readonly Word[], index: number, phrases: readonly SearchPhrase[]): number {
  let longest = 0;
  for (const { words: wanted, prefix } of phrases) {
    const matches = wanted.every((want, offset) => {
      const word = words[index + offset]?.text;
      return word === want || (prefix && offset === wanted.length - 1 && word?.startsWith(want));
    });
    if (matches) longest = Math.max(longest, wanted.length);
  }
  return longest;
}
