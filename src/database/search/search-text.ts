// What the search index holds of a text, and under which number.

import { listWords, printPlain } from "../../conversation/search-words.ts";

/** Titles stand above all messages in the index: 2^52 is more turns than a database will ever hold. */
export const titleBase = 2 ** 52;

/** The index row of a session's title. */
export function titleRow(sessionRow: number): number {
  return titleBase + sessionRow;
}

const projectSign = "\ue002";

/** A word that every text of a project has, so that the index itself keeps projects apart. U+E002 occurs in no other word. */
export function projectWord(project: string): string {
  return `${projectSign}${Buffer.from(project).toString("hex")}`;
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

/** The same for FTS5, of one text; as SQL of a row, its project and its texts, which so stay apart until SQLite has them in UTF-8. */
export function indexedText(text: string): string {
  return printPlain(text) ?? listWords(text).join(" ");
}

const insertText = `INSERT INTO turn_search (rowid, words) VALUES ($1, '${projectSign}' || hex($2) || ' ' || $3`;
export const insertTitle = `${insertText})`;
export const insertTurn = `${insertText} || ' ${divider} ' || $4)`;
