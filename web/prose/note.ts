// Footnotes, as GitHub's Markdown has them: `[^1]` in the words, `[^1]: its words` at the beginning of a line. A reference shows
// its own mark, not a number counted from the beginning: so it stays what it is wherever its note stands, and before that has come.

import type { TokenizerExtension, Tokens } from "marked";

/** A note goes on in the lines after it that begin with a letter, and in those that are indented, also after an empty one. */
const note = /^ {0,3}(\[\^[^\]\s]{1,40}\]):(.*(?:\n(?:\p{L}|\n*(?: {4}|\t)).*)*)\n*/u;
/** A word in such brackets may be something else (`[^a-z]`), unless it follows a word at once. */
const reference = /^\[\^(?:\d{1,3}|[\p{L}\d_-]{1,40})\](?!\()/u;

const markOf = (raw: string): Tokens.Generic => ({ type: "note", raw, text: raw.replace("^", "") });

export const noteExtensions: TokenizerExtension[] = [
  {
    name: "notes",
    level: "block",
    /** Notes one after the other are one list; each of its items begins with its mark, and has paragraphs and nothing else. */
    tokenizer(source) {
      const items: Tokens.Generic[] = [];
      let raw = "";
      for (let found = note.exec(source); found; found = note.exec(source.slice(raw.length))) {
        const [whole, mark = "", words = ""] = found;
        const paragraphs = words.split(/\n\n+/).map((text) => ({
          type: "paragraph",
          tokens: this.lexer.inline(text.trim()),
        }));
        items.push({ type: "list_item", raw: whole, tokens: [markOf(mark), ...paragraphs] as Tokens.Generic[] });
        raw += whole;
      }
      return raw ? { type: "list", raw, items, notes: true } : undefined;
    },
  },
  {
    name: "note",
    level: "inline",
    tokenizer(source, tokens) {
      const [mark = ""] = reference.exec(source) ?? [];
      return /^\[\^\d+\]/.test(mark) || (mark && /\S$/.test(tokens.at(-1)?.raw ?? "")) ? markOf(mark) : undefined;
    },
  },
];
