// What Markdown itself does not have: formulas ($...$, $$...$$, \(...\) and \[...\], cut out before it eats their backslashes), and
// footnotes as GitHub has them: `[^1]` in the words, `[^1]: its words` at the beginning of a line.

import type { TokenizerExtension, Tokens } from "marked";

/** A formula as marked's token. */
export interface MathToken extends Tokens.Generic {
  type: "math";
  text: string;
  display: boolean;
}

/** Longer ones are prices, shell variables or an attack, not formulas. */
const maxCharacters = 3_000;

/** A formula of its own: fences on lines of their own or around the whole paragraph; no empty line inside, as in TeX. One that is never closed ends before that line. */
const block =
  /^ {0,3}(\$\$|\\\[)((?:\\\\|(?!\\\\|\$\$|\\\]|\n[ \t]*\n)[\s\S])+)(?:(\$\$|\\\])[ \t]*(?:\n|$)|(?=\n[ \t]*\n|$))/;
/** After a sign that is never closed: words, or a bracket that was only escaped. */
export const prose = /^[^\n[(\\]*\]|^[^\\\n]*\p{L}\p{L} \p{L}{3}/mu;
/** As Pandoc reads it: no space inside the dollars, no digit after them, so that "$5 and $10" are prices. */
const dollars = /^\$(?!\s|\$)((?:\\[^\n]|[^\\$\n])*?[^\s\\$]|\\[^\n])\$(?![\d$])/;
const inline = /^(?:\$\$|\\([[(]))((?:\\\\|(?!\\\\|\$\$|\\[\])]|\n[ \t]*\n)[\s\S])+)(?:\$\$|\\[\])])/;

/** A note goes on in the lines after it that begin with a letter, and in those that are indented, also after an empty one. */
const note = /^ {0,3}(\[\^[^\]\s]{1,40}\]):(.*(?:\n(?:\p{L}|\n*(?: {4}|\t)).*)*)\n*/u;
/** A word in such brackets may be something else (`[^a-z]`), unless it follows a word at once. */
const reference = /^\[\^(?:\d{1,3}|[\p{L}\d_-]{1,40})\](?!\()/u;
/** Where a formula of its own may begin after other lines, or a note. */
export const begins = /\n {0,3}(?:\$\$|\\\[|\[\^[^\]\s]{1,40}\]:)/;

function mathOf(raw: string, source: string, display: boolean): MathToken | undefined {
  const text = source.trim();
  return text ? { type: "math", raw, text, display } : undefined;
}

/** It shows its own mark, not a number that is counted: so it stays what it is wherever its note stands, and before that has come. */
const markOf = (raw: string): Tokens.Generic => ({ type: "note", raw, text: raw.replace("^", "") });

export const extensions: TokenizerExtension[] = [
  {
    name: "block",
    level: "block",
    start: (source) => {
      const at = begins.exec(source)?.index;
      return at === undefined ? undefined : at + 1;
    },
    tokenizer(source) {
      const [raw = "", sign, words = "", end] = block.exec(source.slice(0, maxCharacters)) ?? [];
      if (end) return mathOf(raw, words, true);
      const alone = sign === "\\[" || /^[ \t]*\n/.test(words);
      return alone && raw.length < maxCharacters && !prose.test(words) ? mathOf(raw, words, true) : undefined;
    },
  },
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
    name: "inline",
    level: "inline",
    start: (source) => {
      const at = source.search(/\$|\\[([]|\[\^/);
      return at < 0 ? undefined : at;
    },
    tokenizer(source, tokens) {
      const near = source.slice(0, maxCharacters);
      const bracketed = inline.exec(near);
      if (bracketed) return mathOf(bracketed[0], bracketed[2] ?? "", bracketed[1] !== "(");
      const dollar = dollars.exec(near);
      if (dollar) return mathOf(dollar[0], dollar[1] ?? "", false);
      const [mark = ""] = reference.exec(near) ?? [];
      return /^\[\^\d+\]/.test(mark) || (mark && /\S$/.test(tokens.at(-1)?.raw ?? "")) ? markOf(mark) : undefined;
    },
  },
];
