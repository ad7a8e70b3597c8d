// A text that grows: finished blocks are rendered once, only the last one again, at most once a frame.

import { type Signal, signal } from "@preact/signals";
import type { Token } from "marked";
import { type Block, languageOf, readBlocks, renderBlock, renderText, renderTogether } from "./markdown.ts";

/** A code block whose end has not come yet: its text is only ever appended to, never parsed again. */
interface OpenFence {
  closing: RegExp;
  /** What the fence is indented by, and with it every line inside. */
  indent: RegExp;
  language: string;
  code: string;
}

const fenceStart = /^(?:[ \t]*\n)*( {0,3})(`{3,}|~{3,})([^\n]*)\n/;
/** A link definition gives a meaning to what was rendered before it, so such a text is rendered anew at its end. */
const definition = /^ {0,3}\[[^\]\n]+\]:/m;

export class Prose {
  /** Blocks that will not change any more. */
  readonly finished: Signal<readonly Block[]> = signal([]);
  /** The block that is being written. */
  readonly last: Signal<Block | null> = signal(null);
  #text = "";
  /** What comes after the finished blocks (and after the code already taken into the open fence). */
  #rest = "";
  #fence: OpenFence | null = null;
  #timer: number | undefined;
  #nextAt = 0;

  constructor(text = "") {
    if (text !== "") this.#replace(text);
  }

  get text(): string {
    return this.#text;
  }

  append(text: string): void {
    const clean = text.replaceAll("\r", "");
    this.#text += clean;
    this.#rest += clean;
    this.#schedule();
  }

  /** No more will come. `text`, when given, is the whole text as the server keeps it: it wins. */
  finish(text?: string): void {
    if (this.#timer !== undefined) cancelAnimationFrame(this.#timer);
    this.#timer = undefined;
    const whole = text?.replaceAll("\r", "") ?? this.#text;
    if (whole !== this.#text || definition.test(whole)) {
      this.#replace(whole);
      return;
    }
    this.#advance();
    if (this.#fence) {
      this.#rest += "\n"; // completes the last line, so that a closing fence counts
      this.#advance();
    }
    const { finished, last } = this;
    const ending = this.#fence ? [last.value].flatMap(close) : renderText(this.#rest, finished.value.length);
    finished.value = [...finished.value, ...ending];
    this.last.value = null;
    this.#rest = "";
    this.#fence = null;
  }

  #replace(text: string): void {
    this.#text = text;
    this.#rest = "";
    this.#fence = null;
    this.finished.value = renderText(text);
    this.last.value = null;
  }

  /** Rendering never takes more than about a fifth of the time, however long the last block grows. */
  #schedule(): void {
    if (this.#timer !== undefined) return;
    const frame = () => {
      const start = performance.now();
      if (start < this.#nextAt) {
        this.#timer = requestAnimationFrame(frame);
        return;
      }
      this.#timer = undefined;
      this.#advance();
      const end = performance.now();
      this.#nextAt = end + (end - start) * 4;
    };
    // Frames stop in a hidden tab; there the text waits in memory until it is looked at or finished.
    this.#timer = requestAnimationFrame(frame);
  }

  #advance(): void {
    const done: Block[] = [];
    while (this.#step(done));
    if (done.length > 0) this.finished.value = [...this.finished.value, ...done];
  }

  /** Moves what is finished from the rest to `done`. False when nothing is; then `last` shows what is left. */
  #step(done: Block[]): boolean {
    const key = this.finished.value.length + done.length;
    this.#fence ??= this.#openFence();
    if (this.#fence) return this.#readCode(this.#fence, done, key);
    // A line that is not complete may yet become anything, and with it what stands before it: it ends no block.
    const tokens = readBlocks(this.#rest.slice(0, this.#rest.lastIndexOf("\n") + 1));
    const before = tokens.slice(0, Math.max(0, tokens.findLastIndex(isShown)));
    const finished = before.filter(isShown);
    if (finished.length > 0) {
      for (const token of finished) done.push(renderBlock(token, this.finished.value.length + done.length));
      this.#rest = this.#rest.slice(before.reduce((sum, token) => sum + token.raw.length, 0));
      return true;
    }
    const all = readBlocks(this.#rest);
    this.last.value = all.some(isShown) ? renderTogether(all, key) : null;
    return false;
  }

  #openFence(): OpenFence | null {
    const match = fenceStart.exec(this.#rest);
    const [start = "", indent = "", marker = "", info = ""] = match ?? [];
    if (!match || (marker[0] === "`" && info.includes("`"))) return null;
    this.#rest = this.#rest.slice(start.length);
    const closing = new RegExp(`^ {0,3}${marker[0]}{${marker.length},} *$`); // no tab: as marked reads it
    return { closing, indent: new RegExp(`^ {0,${indent.length}}`, "gm"), language: languageOf(info), code: "" };
  }

  /** Takes the complete lines into the code. True when the closing fence was among them. */
  #readCode(fence: OpenFence, done: Block[], key: number): boolean {
    let from = 0;
    for (let end = this.#rest.indexOf("\n"); end >= 0; end = this.#rest.indexOf("\n", from)) {
      const closed = fence.closing.test(this.#rest.slice(from, end));
      if (closed) {
        done.push(codeBlock(fence, this.#rest.slice(0, from), key, true));
        this.#rest = this.#rest.slice(end + 1);
        this.#fence = null;
        return true;
      }
      from = end + 1;
    }
    fence.code += this.#rest.slice(0, from).replace(fence.indent, "");
    this.#rest = this.#rest.slice(from);
    const maybeClosing = /^ {0,3}(?:`+|~+) *$/.test(this.#rest);
    this.last.value = codeBlock(fence, maybeClosing ? "" : this.#rest, key, false);
    return false;
  }
}

function isShown(token: Token): boolean {
  return token.type !== "space";
}

function close(block: Block | null): Block[] {
  return block?.kind === "code" ? [{ ...block, closed: true }] : [];
}

function codeBlock(fence: OpenFence, more: string, key: number, closed: boolean): Block {
  const code = (fence.code + more.replace(fence.indent, "")).replace(/\n$/, "");
  return { key, kind: "code", language: fence.language, code, closed };
}
