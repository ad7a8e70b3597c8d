// Markdown to blocks of our own tree: marked reads it, what nests too deep or grows too large stays text. Runs in the worker.

import { Marked, type Token, Tokenizer, type Tokens } from "marked";
import { begins, extensions, type MathToken } from "./extension.ts";
import { cutLong, type GoesOn, type Piece } from "./long.ts";
import { completeMarks } from "./marks.ts";
import { characterOf, reference, resolve, safeAddress } from "./references.ts";
import { type Block, type Branch, formulaNodes, plainBlocks, type Tag, type Tree } from "./tree.ts";

/** Quotes and lists inside each other are read this deep; deeper ones are text. */
const deepestBlocks = 16;
const deepestTree = 40;
/** A block of more elements than this costs the page too long at once: long lists and tables are cut, the rest stays text. */
const mostNodes = 1_200;
/** One run of text longer than this is shown in pieces, as it came: a browser lays out such a line for a quarter of a second. */
const longestText = 10_000;

const bareTag = /^<(\/?)(br|sub|sup|kbd)\s*(\/?)>$/i;
const inlineImage = /^data:image\/(?:png|jpeg|gif|webp);base64,[a-z0-9+/=]+$/i;

let depth = 0;
/** Calls the tokenizer of a block that holds blocks, but not deeper than allowed. */
function deeper<T>(read: () => T): T | undefined {
  if (depth >= deepestBlocks) return undefined;
  depth++;
  try {
    return read();
  } finally {
    depth--;
  }
}

const marked = new Marked({
  gfm: true,
  breaks: true,
  extensions,
  tokenizer: {
    // No blocks of HTML: inside them Markdown would not be read. Tags within a line are seen to below.
    html: () => undefined,
    blockquote(source) {
      return deeper(() => Tokenizer.prototype.blockquote.call(this, source));
    },
    /** Where a formula or a note begins, words above it are no heading, however the lines after it look. */
    lheading(source) {
      const found = Tokenizer.prototype.lheading.call(this, source);
      return found && begins.test(found.raw) ? undefined : found;
    },
    list(source) {
      return deeper(() => Tokenizer.prototype.list.call(this, source));
    },
  },
});

/** Splits a text into its top-level blocks; their `raw` put together is the text again. Throws RangeError where it nests too deep. */
export function readBlocks(text: string): Token[] {
  depth = 0;
  return marked.lexer(text);
}

export const isShown = (token: Token): boolean => token.type !== "space" && token.type !== "def";

/** One top-level block as it is shown; several where it is long. */
export function renderBlock(token: Token, firstKey: number, goesOn: GoesOn | null = null): Block[] {
  return renderPieces(cutLong(token, goesOn), firstKey);
}

export function renderPieces(pieces: readonly Piece[], firstKey: number): Block[] {
  const blocks: Block[] = [];
  for (const { token, raw, goesOn } of pieces) {
    const branches = new Branches();
    const kids = branches.blocks([token], 0);
    const key = firstKey + blocks.length;
    if (branches.nodes > mostNodes) blocks.push(...plainBlocks(raw, key));
    else blocks.push(branches.toBlock(key, kids, goesOn !== null));
  }
  return blocks;
}

/** Several blocks shown as one, while it is not yet sure where one ends and the next begins. */
export function renderTogether(tokens: Token[], key: number, goesOn: boolean): Block {
  const branches = new Branches();
  const kids = branches.blocks(tokens.filter(isShown), 0);
  if (branches.nodes <= mostNodes) return branches.toBlock(key, kids, goesOn);
  const raw = tokens.map((token) => token.raw).join("");
  return { key, kids: plainBlocks(raw, 0).flatMap((block) => block.kids), nodes: 1 };
}

/** A whole text at once. `open`: it broke off, so that its last marks may have no end. `goesOn`: its first block began before it. */
export function renderText(text: string, firstKey = 0, open = false, goesOn: GoesOn | null = null): Block[] {
  const blocks: Block[] = [];
  for (const [index, token] of readShown(open ? completeMarks(text) : text, goesOn).entries())
    blocks.push(...renderBlock(token, firstKey + blocks.length, index === 0 ? goesOn : null));
  return blocks;
}

/** The blocks of a text that are seen. */
export function readShown(text: string, goesOn: GoesOn | null): Token[] {
  return readBlocks((goesOn?.head ?? "") + text).filter(isShown);
}

/** The first word after the fence, as highlighters know it. */
export function languageOf(info: string | undefined): string {
  return (
    info
      ?.trim()
      .split(/[\s,{:]/, 1)[0]
      ?.replaceAll("\\", "")
      .toLowerCase() ?? ""
  ).slice(0, 40);
}

/** Tokens to branches, counting what they will cost the page. */
class Branches {
  nodes = 0;
  /** What the formulas cost besides. */
  #formulas = 0;

  toBlock(key: number, kids: Tree[], goesOn: boolean): Block {
    const block: Block = { key, kids, nodes: this.nodes + this.#formulas };
    if (goesOn) block.goesOn = true;
    if (this.#formulas > 0) block.math = true;
    return block;
  }

  #math(source: string, display: boolean): Branch {
    this.#formulas += formulaNodes(source);
    return this.#make({ tag: "math", text: source, on: display });
  }

  #make(branch: Branch): Branch {
    this.nodes++;
    return branch;
  }

  blocks(tokens: readonly Token[], level: number): Tree[] {
    return tokens.flatMap((token) => this.#block(token as Tokens.Generic, level));
  }

  #block(token: Tokens.Generic, level: number): Tree[] {
    if (level > deepestTree || this.nodes > mostNodes) return [this.#make({ tag: "plain", text: token.raw })];
    switch (token.type) {
      case "space":
      case "def":
        return [];
      case "hr":
        return [this.#make({ tag: "hr" })];
      case "code":
        return [this.#make({ tag: "fence", name: languageOf(token.lang), text: token.text })];
      case "math":
        return [this.#math((token as MathToken).text, true)];
      case "heading": {
        const tag = `h${Math.min(6, token.depth + 2)}` as Tag; // the page itself owns h1 and h2
        return [this.#make({ tag, kids: this.inline(token.tokens ?? [], level) })];
      }
      case "paragraph":
        return [this.#make({ tag: "p", kids: this.inline(token.tokens ?? [], level) })];
      case "blockquote":
        return [this.#make({ tag: "blockquote", kids: this.blocks(token.tokens ?? [], level + 1) })];
      case "list":
        return [this.#list(token as Tokens.List, level)];
      case "table":
        return [this.#table(token as Tokens.Table, level)];
      default: // a line of text in a list, or a kind that is not known
        return this.inline([token], level);
    }
  }

  #list({ ordered, start, items, notes }: Tokens.List & { notes?: true }, level: number): Branch {
    const kids = items.map((item) => this.#make({ tag: "li", kids: this.blocks(item.tokens, level + 1) }));
    const list: Branch = { tag: ordered ? "ol" : "ul", kids };
    if (ordered && typeof start === "number" && start !== 1) list.start = start;
    if (notes) list.name = "notes";
    return this.#make(list);
  }

  #table({ header, rows, align }: Tokens.Table, level: number): Branch {
    const row = (cells: Tokens.TableCell[]) =>
      cells.map((cell) => {
        this.nodes++;
        return this.inline(cell.tokens, level + 1);
      });
    return this.#make({ tag: "table", rows: [row(header), ...rows.map(row)], sides: align });
  }

  inline(tokens: readonly Token[], level: number): Tree[] {
    const out: Tree[][] = [[]];
    /** Tags that were opened in this line and not closed yet; what stands after them belongs to them. */
    const open: Tag[] = [];
    const close = () => {
      const kids = out.pop() ?? [];
      out.at(-1)?.push(this.#make({ tag: open.pop() ?? "span", kids }));
    };
    for (const token of tokens) {
      const [, slash, name] = token.type === "html" ? (bareTag.exec(token.raw) ?? []) : [];
      const tag = name?.toLowerCase() as Tag | undefined;
      if (tag === "br") out.at(-1)?.push(this.#make({ tag }));
      else if (tag && slash === "" && level + open.length < deepestTree) {
        open.push(tag);
        out.push([]);
      } else if (tag && slash === "/" && open.at(-1) === tag) close();
      else out.at(-1)?.push(...this.#span(token as Tokens.Generic, level + open.length));
    }
    while (open.length > 0) close();
    return this.#join(out[0] ?? []);
  }

  /** Words next to each other are one text on the page. */
  #join(trees: Tree[]): Tree[] {
    const joined: Tree[] = [];
    for (const tree of trees) {
      const last = joined.at(-1);
      if (typeof tree === "string" && typeof last === "string") joined[joined.length - 1] = last + tree;
      else joined.push(tree);
    }
    for (const tree of joined) {
      if (typeof tree !== "string") continue;
      this.nodes += 1 + tree.length / 100;
      if (tree.length > longestText) this.nodes = Number.POSITIVE_INFINITY;
    }
    return joined;
  }

  #span(token: Tokens.Generic, level: number): Tree[] {
    if (level > deepestTree || this.nodes > mostNodes) return [token.raw];
    const kids = () => this.inline(token.tokens ?? [], level + 1);
    switch (token.type) {
      case "strong":
      case "em":
      case "del":
        return [this.#make({ tag: token.type, kids: kids() })];
      case "note":
        return [this.#make({ tag: "sup", kids: [token.text] })];
      case "codespan":
        return [this.#make({ tag: "code", kids: [token.text] })];
      case "br":
        return [this.#make({ tag: "br" })];
      case "checkbox":
        return [this.#make({ tag: "task", on: token.checked === true })];
      case "math":
        return [this.#math((token as MathToken).text, (token as MathToken).display)];
      case "link":
        return this.#link(token as Tokens.Link, kids());
      case "image":
        return this.#image(token as Tokens.Image);
      case "escape":
        return [token.text];
      case "html": // what a model writes as HTML is text to be seen
        return [token.raw];
      default:
        if (token.tokens) return kids();
        return this.#text(token.text ?? token.raw);
    }
  }

  #link({ href, title, autolink }: Tokens.Link, kids: Tree[]): Tree[] {
    const address = safeAddress(autolink ? href.replaceAll("&", "&#38;") : href);
    if (address === null) return kids;
    const link: Branch = { tag: "a", href: address, kids };
    if (title) link.title = resolve(title);
    return [this.#make(link)];
  }

  /** A picture from elsewhere would tell its host who reads what: it becomes a link. */
  #image({ href, title, text }: Tokens.Image): Tree[] {
    const name = resolve(text) || href;
    if (inlineImage.test(href)) return [this.#make({ tag: "img", href, text: name })];
    return this.#link({ type: "link", raw: "", href, title, text, tokens: [] }, [name]);
  }

  /** Text with its character references read; the few hundred names nobody can keep in mind are the browser's to know. */
  #text(text: string): Tree[] {
    if (!text.includes("&")) return [text];
    const out: Tree[] = [];
    let from = 0;
    for (const found of text.matchAll(reference)) {
      const known = characterOf(found);
      out.push(text.slice(from, found.index), known ?? this.#make({ tag: "entity", text: found[3] ?? "" }));
      from = found.index + found[0].length;
    }
    out.push(text.slice(from));
    return out.filter((piece) => piece !== "");
  }
}
