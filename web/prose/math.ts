// Formulas in Markdown: $...$, $$...$$, \(...\) and \[...\], cut out before Markdown eats their backslashes.

import type { TokenizerExtension, Tokens } from "marked";

/** A formula as marked's token. */
export interface MathToken extends Tokens.Generic {
  type: "math";
  text: string;
  display: boolean;
}

/** Longer ones are prices, shell variables or an attack, not formulas. */
const maxCharacters = 3_000;

/** A formula of its own: fences on lines of their own or around the whole paragraph; no empty line inside, as in TeX. */
const block =
  /^ {0,3}(?:\$\$((?:(?!\$\$|\n[ \t]*\n)[\s\S])+)\$\$|\\\[((?:(?!\\\]|\n[ \t]*\n)[\s\S])+)\\\])[ \t]*(?:\n|$)/;
/** As Pandoc reads it: no space inside the dollars, no digit after them, so that "$5 and $10" are prices. */
const dollars = /^\$(?!\s|\$)((?:\\[^\n]|[^\\$\n])*?[^\s\\$]|\\[^\n])\$(?![\d$])/;
const inline =
  /^(?:\$\$((?:(?!\$\$|\n[ \t]*\n)[\s\S])+)\$\$|\\\[((?:(?!\\\]|\n[ \t]*\n)[\s\S])+)\\\]|\\\(((?:(?!\\\)|\n[ \t]*\n)[\s\S])+)\\\))/;

/** Where a formula of its own may begin after other lines, or a note (see `note.ts`). */
export const begins = /\n {0,3}(?:\$\$|\\\[|\[\^[^\]\s]{1,40}\]:)/;

function tokenOf(raw: string, text: string | undefined, display: boolean): MathToken | undefined {
  const formula = text?.trim() ?? "";
  if (formula === "") return undefined;
  return { type: "math", raw, text: formula, display };
}

export const mathExtensions: TokenizerExtension[] = [
  {
    name: "mathBlock",
    level: "block",
    start: (source) => {
      const at = begins.exec(source)?.index;
      return at === undefined ? undefined : at + 1;
    },
    tokenizer(source) {
      if (!/^ {0,3}(?:\$\$|\\\[)/.test(source)) return undefined;
      const found = block.exec(source.slice(0, maxCharacters));
      return found ? tokenOf(found[0], found[1] ?? found[2], true) : undefined;
    },
  },
  {
    name: "mathInline",
    level: "inline",
    start: (source) => {
      const at = source.search(/\$|\\[([]|\[\^/);
      return at < 0 ? undefined : at;
    },
    tokenizer(source) {
      if (source[0] !== "$" && source[0] !== "\\") return undefined;
      const near = source.slice(0, maxCharacters);
      const bracketed = inline.exec(near);
      if (bracketed)
        return tokenOf(bracketed[0], bracketed[1] ?? bracketed[2] ?? bracketed[3], bracketed[3] === undefined);
      const dollar = dollars.exec(near);
      return dollar ? tokenOf(dollar[0], dollar[1], false) : undefined;
    },
  },
];
