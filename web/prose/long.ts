// What is long is cut: a text where Markdown cannot reach across, so that one hostile passage costs no more than itself; lists, tables and
// paragraphs into pieces, so that none costs the page long at once and what is written of them can be left alone.

import type { Token, Tokens } from "marked";

/** What the text after a cut has to be read with. */
export interface GoesOn {
  /** What stands before it, so that it is read as what it is: the header of a table. */
  head: string;
  /** The number that a list goes on with. */
  start?: number;
}

export interface Piece {
  token: Token;
  /** Its part of the text. */
  raw: string;
  /** What it was read with; null where the block begins. */
  goesOn: GoesOn | null;
}

/** Sizes in elements, about; a table's pieces are larger, since each has the header again. */
const listNodes = 160;
const tableNodes = 360;
const paragraphCharacters = 3_000;
/** A rest of up to half a piece stays with the last one. */
const rest = 1.5;

const sentenceEnd = /[.!?…]["”»)]?\s+(?=\p{L})/gu;

/** The pieces of a block. Where more text comes at its end, all but the last stay what they are. */
export function cutLong(token: Token, goesOn: GoesOn | null = null): Piece[] {
  if (token.type === "list") return cutList(token as Tokens.List, goesOn);
  if (token.type === "table") return cutTable(token as Tokens.Table, goesOn);
  if (token.type === "paragraph") return cutParagraph(token as Tokens.Paragraph, goesOn);
  return [{ token, raw: token.raw, goesOn: null }];
}

/** Where to cut so that each part costs about `size`: the first index of each part. */
function cutsOf(costs: readonly number[], size: number): number[] {
  const starts = [0];
  let left = costs.reduce((sum, cost) => sum + cost, 0);
  let part = 0;
  for (const [index, cost] of costs.entries()) {
    if (part >= size && left > (rest - 1) * size) {
      starts.push(index);
      part = 0;
    }
    part += cost;
    left -= cost;
  }
  return starts;
}

const costOf = (raw: string): number => 2 * raw.split("\n").length + raw.length / 50;

function cutList(list: Tokens.List, goesOn: GoesOn | null): Piece[] {
  const first = goesOn?.start ?? list.start;
  const starts = cutsOf(
    list.items.map(({ raw }) => costOf(raw)),
    listNodes,
  );
  return starts.map((from, index) => {
    const items = list.items.slice(from, starts[index + 1]);
    const start = typeof first === "number" ? first + from : first;
    const raw = items.map((item) => item.raw).join("");
    const goes: GoesOn | null = from === 0 ? goesOn : typeof start === "number" ? { head: "", start } : { head: "" };
    return { token: { ...list, items, start, raw }, raw, goesOn: goes };
  });
}

function cutTable(table: Tokens.Table, goesOn: GoesOn | null): Piece[] {
  const lines = table.raw.split("\n");
  const head = `${lines.slice(0, 2).join("\n")}\n`;
  const starts = cutsOf(
    table.rows.map((row, index) => 1 + 2 * row.length + (lines[index + 2] ?? "").length / 50),
    tableNodes,
  );
  return starts.map((from, index) => {
    const to = starts[index + 1];
    const rows = table.rows.slice(from, to);
    // The header is of the text only where the table begins.
    const first = from === 0 && goesOn === null ? 0 : from + 2;
    const raw = lines.slice(first, to === undefined ? undefined : to + 2).join("\n") + (to === undefined ? "" : "\n");
    return { token: { ...table, rows }, raw, goesOn: from === 0 ? goesOn : { head } };
  });
}

/** Cut between sentences, where no mark is open. */
function cutParagraph(paragraph: Tokens.Paragraph, goesOn: GoesOn | null): Piece[] {
  const whole: Piece = { token: paragraph, raw: paragraph.raw, goesOn };
  const inline = paragraph.tokens ?? [];
  if (paragraph.raw.length <= rest * paragraphCharacters) return [whole];
  if (!paragraph.raw.startsWith(inline.map(({ raw }) => raw).join(""))) return [whole];
  const pieces: Piece[] = [];
  let tokens: Token[] = [];
  let raw = "";
  let left = paragraph.raw.length;
  const end = (last: string) => {
    const text = raw + last;
    pieces.push({
      token: { ...paragraph, tokens, raw: text },
      raw: text,
      goesOn: pieces.length === 0 ? goesOn : { head: "" },
    });
    left -= text.length;
    tokens = [];
    raw = "";
  };
  const add = (token: Token) => {
    tokens.push(token);
    raw += token.raw;
  };
  for (const token of inline) {
    let words = token.raw;
    while (token.type === "text" && left > rest * paragraphCharacters) {
      const cut = sentenceAfter(words, paragraphCharacters - raw.length);
      if (cut === 0) break;
      const text = words.slice(0, cut);
      add({ type: "text", raw: text, text, escaped: false });
      end("");
      words = words.slice(cut);
    }
    if (words !== token.raw) add({ type: "text", raw: words, text: words, escaped: false });
    else add(token);
  }
  end(paragraph.raw.slice(paragraph.raw.length - left + raw.length));
  return pieces;
}

/** Where the next sentence begins, but not before `from`; 0 where none does. */
function sentenceAfter(words: string, from: number): number {
  if (words.length < from) return 0;
  sentenceEnd.lastIndex = Math.max(0, from);
  const found = sentenceEnd.exec(words);
  return found ? found.index + found[0].length : 0;
}

/** Shorter texts are read as one. */
const segmentCharacters = 8_000;
/** A link definition gives a meaning to what stands anywhere else, so such a text is read as a whole. */
export const definition = /^ {0,3}\[(?!\^[^\]\s]{1,40}\]:)[^\]\n]{1,1000}\]:/m;
const longestWithDefinitions = 200_000;

/**
 * The pieces of a text, in order; together they are the text. A cut lies after an empty line, outside of fences, before a line
 * that begins with a letter or a heading: no list, quote or table of Markdown goes on there.
 */
export function cutSegments(text: string): string[] {
  if (text.length <= segmentCharacters) return [text];
  if (text.length <= longestWithDefinitions && definition.test(text)) return [text];
  const segments: string[] = [];
  let from = 0;
  let fence = "";
  let empty = false;
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\n", at);
    const next = end < 0 ? text.length : end + 1;
    const line = text.slice(at, Math.min(next, at + 200));
    if (fence === "" && empty && at - from >= segmentCharacters && /^(?:\p{L}|#|\*\*)/u.test(line)) {
      segments.push(text.slice(from, at));
      from = at;
    }
    const [, marks = ""] = /^ {0,3}(`{3,}|~{3,})/.exec(line) ?? [];
    if (fence === "") fence = marks;
    else if (marks.startsWith(fence) && line.trim() === marks) fence = "";
    empty = line.trim() === "";
    at = next;
  }
  segments.push(text.slice(from));
  return segments;
}
