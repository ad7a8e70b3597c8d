// What an answer looks like once it is read: a tree of few kinds, made by us, so that no HTML of anybody is ever put on the page.

/** The elements that an answer may consist of; `prose-view.tsx` draws each. Anything else is shown as text. */
export type Tag =
  | "p"
  | "h3"
  | "h4"
  | "h5"
  | "h6"
  | "blockquote"
  | "ul"
  | "ol"
  | "li"
  | "hr"
  | "table"
  | "strong"
  | "em"
  | "del"
  | "sub"
  | "sup"
  | "kbd"
  | "code"
  | "br"
  | "a"
  | "img"
  | "span"
  | "fence"
  | "math"
  | "task"
  | "entity"
  | "plain";

/** One element. Which fields it has depends on its tag; text is never HTML. */
export interface Branch {
  tag: Tag;
  kids?: Tree[];
  /** fence: the code; math: LaTeX; entity: its name, e.g. "rarr"; plain: text shown as it came; img: what it shows. */
  text?: string;
  /** a, img */
  href?: string;
  title?: string;
  /** fence: the language. span: a class of the highlighter. ul: "notes". */
  name?: string;
  /** ol: its first number, where that is not 1. */
  start?: number;
  /** task: ticked. math: a formula of its own line. fence: its end has not come yet. */
  on?: boolean;
  /** table: header, then rows of cells; `sides` says how each column is aligned. */
  rows?: Tree[][][];
  sides?: (("left" | "center" | "right") | null)[];
}
export type Tree = string | Branch;

/** A piece of an answer that is drawn once and then left alone. `key` is its place in the answer. */
export interface Block {
  key: number;
  kids: Tree[];
  /** How many elements it becomes: what drawing it costs. */
  nodes: number;
  /** A piece of a long one that goes on where the block before it ends. */
  goesOn?: boolean;
  /** It has formulas. */
  math?: boolean;
}

/** What a formula costs to draw, by its length, in elements: about what KaTeX makes of it, half of them boxes with a place of their own. */
export const formulaNodes = (source: string): number => 40 + 2 * source.length;

/** Blocks that are drawn together and then left alone together. */
export interface Chapter {
  blocks: readonly Block[];
  nodes: number;
  math: boolean;
}
const chapterNodes = 400;

/** The chapters with blocks added: all but the last stay the very same objects. */
export function addToChapters(chapters: readonly Chapter[], blocks: readonly Block[]): Chapter[] {
  const result = [...chapters];
  for (const block of blocks) {
    const last = result.at(-1);
    const math = block.math === true;
    if (last && last.nodes < chapterNodes)
      result[result.length - 1] = {
        blocks: [...last.blocks, block],
        nodes: last.nodes + block.nodes,
        math: last.math || math,
      };
    else result.push({ blocks: [block], nodes: block.nodes, math });
  }
  return result;
}

/** Longest piece shown as it came: longer ones are cut, so that the browser need not lay all of it out. */
const plainCharacters = 4_000;

/** Text nobody can read as Markdown in reasonable time, or that nests too deep, as it came: in pieces, at the ends of lines where there are any. */
export function plainBlocks(text: string, firstKey: number): Block[] {
  const blocks: Block[] = [];
  for (let from = 0; from < text.length; ) {
    let to = Math.min(text.length, from + plainCharacters);
    if (to < text.length) {
      const line = text.slice(from, to).lastIndexOf("\n");
      if (line > plainCharacters / 2) to = from + line + 1;
      else if (isHighSurrogate(text, to - 1)) to--;
    }
    const piece = text.slice(from, to);
    if (piece.trim() !== "")
      blocks.push({
        key: firstKey + blocks.length,
        kids: [{ tag: "plain", text: piece.replace(/\n$/, "") }],
        nodes: 1,
      });
    from = to;
  }
  return blocks;
}

function isHighSurrogate(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0xd800 && code < 0xdc00;
}

/** The words of a tree, for those who hear it. */
export function wordsOf(trees: readonly Tree[]): string {
  return trees
    .map((tree) => {
      if (typeof tree === "string") return tree;
      const { tag, text = "", kids = [], rows } = tree;
      if (rows) return rows.map((row) => row.map(wordsOf).join(", ")).join(". ");
      const inner = `${tag === "entity" ? "" : text}${wordsOf(kids)}`;
      return tag === "li" || tag === "p" || tag === "br" ? ` ${inner} ` : inner;
    })
    .join("")
    .replace(/\s+/g, " ");
}
