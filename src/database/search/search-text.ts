// What the search index holds of a text, and under which number.

import { isPlain, listWords } from "../../conversation/search-words.ts";

/** Titles stand above all messages in the index: 2^52 is more turns than a database will ever hold. */
export const titleBase = 2 ** 52;

/** The index row of a session's title. */
export function titleRow(sessionRow: number): number {
  return titleBase + sessionRow;
}

/** A word that every text of a project has, so that the index itself keeps projects apart. U+E002 occurs in no other word. */
export function projectWord(project: string): string {
  return `\ue002${Buffer.from(project).toString("hex")}`;
}

/** Stands between a question and its answer, so that no phrase goes on from one into the other. */
const divider = "\ue003";

/** What is indexed of a turn, or of a title. */
export function indexedWords(project: string, texts: readonly string[]): string[] {
  const words = [projectWord(project)];
  for (const [index, text] of texts.entries()) {
    if (index > 0) words.push(divider);
    words.push(...listWords(text));
  }
  return words;
}

/** The same for FTS5, whose tokenizer cuts plain text alike. */
export function indexedText(project: string, texts: readonly string[]): string {
  const printed = texts.map((text) => (isPlain(text) ? text.toLowerCase() : listWords(text).join(" ")));
  return `${projectWord(project)} ${printed.join(` ${divider} `)}`;
}
