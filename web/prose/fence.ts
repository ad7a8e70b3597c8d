// A code block whose end has not come yet: its text is only ever appended to, never read again.

import type { Block } from "./tree.ts";

const start = /^( {0,3})(`{3,}|~{3,})(.*)$/;
const maybeClosing = /^ {0,3}(?:`+|~+) *$/;

/** What was read of a fence: the code, the text after it, and whether its end was there. */
export interface FenceRead {
  rest: string;
  closed: boolean;
}

export class Fence {
  readonly #closing: RegExp;
  /** What the fence is indented by, and with it every line inside. */
  readonly #indent: RegExp;
  readonly #language: string;
  #code = "";

  private constructor(indent: string, marker: string, language: string) {
    this.#closing = new RegExp(`^ {0,3}${marker[0]}{${marker.length},} *$`); // no tab: as marked reads it
    this.#indent = new RegExp(`^ {0,${indent.length}}`, "gm");
    this.#language = language;
  }

  /** The fence that a text begins with and the text after its first line; null when it begins with none. */
  static open(text: string): { fence: Fence; rest: string } | null {
    let from = 0;
    let end = text.indexOf("\n");
    while (end >= 0 && text.slice(from, end).trim() === "") {
      from = end + 1;
      end = text.indexOf("\n", from);
    }
    if (end < 0) return null;
    const [whole, indent = "", marker = "", info = ""] = start.exec(text.slice(from, end)) ?? [];
    if (whole === undefined || (marker[0] === "`" && info.includes("`"))) return null;
    const language =
      info
        .trim()
        .split(/[\s,{:]/, 1)[0]
        ?.replaceAll("\\", "")
        .toLowerCase() ?? "";
    return { fence: new Fence(indent, marker, language.slice(0, 40)), rest: text.slice(end + 1) };
  }

  /** Takes the complete lines of a text into the code, up to the closing fence. */
  take(text: string): FenceRead {
    let from = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
      const closed = this.#closing.test(text.slice(from, end));
      if (closed) {
        this.#add(text.slice(0, from));
        return { rest: text.slice(end + 1), closed: true };
      }
      from = end + 1;
    }
    this.#add(text.slice(0, from));
    return { rest: text.slice(from), closed: false };
  }

  /** The code so far; `more` is a last line that is not complete. `on`: its end has not come. */
  block(key: number, more: string, on: boolean): Block {
    const unfinished = maybeClosing.test(more) ? "" : more.replace(this.#indent, "");
    const text = (this.#code + unfinished).replace(/\n$/, "");
    return { key, kids: [{ tag: "fence", name: this.#language, text, on }], nodes: 1 + Math.ceil(text.length / 1_000) };
  }

  #add(lines: string): void {
    this.#code += lines.replace(this.#indent, "");
  }
}
