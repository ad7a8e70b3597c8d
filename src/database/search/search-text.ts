// What the search index holds of a text, and under which number.

import { isPlain, listWords } from "../../conversation/search-words.ts";

/** Titles stand above all messages in the index: 2^52 is more messages than a database will ever hold. */
export const titleBase = 2 ** 52;

/** The index row of a session's title. */
export function titleRow(sessionRow: number): number {
  return titleBase + sessionRow;
}

/** A token that every text of an owner has, so that the index itself keeps owners apart. U+E002 occurs in no word. */
export function ownerWord(owner: string): string {
  return `\ue002${owner.toLowerCase().replace(/[^0-9a-z]/g, "")}`;
}

/** What is indexed of a text. */
export function indexedWords(owner: string, text: string): string[] {
  return [ownerWord(owner), ...listWords(text)];
}

/** The same for FTS5, whose tokenizer cuts plain text alike. */
export function indexedText(owner: string, text: string): string {
  return `${ownerWord(owner)} ${isPlain(text) ? text.toLowerCase() : listWords(text).join(" ")}`;
}
