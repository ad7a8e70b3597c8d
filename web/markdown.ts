// Markdown to safe HTML, block by block: marked reads it, our renderer narrows it, DOMPurify guards the result.

import DOMPurify from "dompurify";
import { Marked, type Token, type Tokens } from "marked";

/** A piece of an answer that is rendered once and then left alone. `key` is its place in the answer. */
export type Block =
  | { key: number; kind: "html"; html: string }
  | { key: number; kind: "code"; language: string; code: string; closed: boolean };

const bareTag = /^<(?:br\s*\/?|\/?(?:sub|sup|kbd))>$/i;
const safeAddress = /^(?:https?:|mailto:)/i;
const inlineImage = /^data:image\/(?:png|jpeg|gif|webp);base64,[a-z0-9+/=]+$/i;

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function link(href: string, title: string | null | undefined, inner: string): string {
  if (!safeAddress.test(href)) return inner;
  const hint = title ? ` title="${escapeHtml(title)}"` : "";
  return `<a href="${escapeHtml(href)}"${hint}>${inner}</a>`;
}

const marked = new Marked({
  gfm: true,
  breaks: true,
  // No blocks of HTML: inside them Markdown would not be read. Tags within a line are seen to below.
  tokenizer: { html: () => undefined },
  renderer: {
    // What a model writes as HTML is text to be seen, save for a few tags that Markdown has no sign for.
    html({ text }: Tokens.HTML | Tokens.Tag): string {
      return bareTag.test(text) ? text : escapeHtml(text);
    },
    heading({ tokens, depth }: Tokens.Heading): string {
      const level = Math.min(6, depth + 2); // the page itself owns h1 and h2
      return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>`;
    },
    link({ href, title, tokens }: Tokens.Link): string {
      return link(href, title, this.parser.parseInline(tokens));
    },
    // A picture from elsewhere would tell its host who reads what: it becomes a link.
    image({ href, title, text }: Tokens.Image): string {
      const name = escapeHtml(text || href);
      return inlineImage.test(href) ? `<img src="${href}" alt="${name}">` : link(href, title, name);
    },
    code({ text, lang }: Tokens.Code): string {
      return `<pre tabindex="0"><code data-language="${escapeHtml(languageOf(lang))}">${escapeHtml(text)}</code></pre>`;
    },
    table({ header, align, rows }: Tokens.Table): string {
      const row = (cells: Tokens.TableCell[], tag: "th" | "td") =>
        `<tr>${cells
          .map((cell, column) => {
            const side = align[column] ? ` align="${align[column]}"` : "";
            return `<${tag}${side}>${this.parser.parseInline(cell.tokens)}</${tag}>`;
          })
          .join("")}</tr>`;
      const body = rows.map((cells) => row(cells, "td")).join("");
      return `<div class="table" tabindex="0"><table><thead>${row(header, "th")}</thead><tbody>${body}</tbody></table></div>`;
    },
  },
});

/** The first word after the fence, as highlighters know it. */
export function languageOf(info: string | undefined): string {
  return (
    info
      ?.trim()
      .split(/[\s,{:]/, 1)[0]
      ?.replaceAll("\\", "")
      .toLowerCase() ?? ""
  );
}

const allowed = {
  ALLOWED_TAGS:
    "p br hr h3 h4 h5 h6 strong em del code pre blockquote ul ol li a img table thead tbody tr th td div input sub sup kbd".split(
      " ",
    ),
  ALLOWED_ATTR: "href title src alt align start type checked disabled class tabindex data-language target rel".split(
    " ",
  ),
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
};

let guarded = false;

function sanitize(html: string): string {
  if (!guarded) {
    guarded = true;
    DOMPurify.addHook("afterSanitizeAttributes", (node) => {
      if (node.nodeName === "A") {
        node.setAttribute("target", "_blank");
        node.setAttribute("rel", "noopener noreferrer nofollow");
      } else if (node.nodeName === "IMG" && !inlineImage.test(node.getAttribute("src") ?? "")) {
        node.remove();
      } else if (node.nodeName === "INPUT" && node.getAttribute("type") !== "checkbox") {
        node.remove();
      }
    });
  }
  return DOMPurify.sanitize(html, allowed);
}

/** Splits a text into its top-level blocks; their `raw` put together is the text again. */
export function readBlocks(text: string): Token[] {
  return marked.lexer(text);
}

/** One top-level block as it is shown. */
export function renderBlock(token: Token, key: number): Block {
  if (token.type === "code") {
    const { lang, text } = token as Tokens.Code;
    return { key, kind: "code", language: languageOf(lang), code: text, closed: true };
  }
  return { key, kind: "html", html: sanitize(marked.parser([token])) };
}

/** Several blocks shown as one, while it is not yet sure where one ends and the next begins. */
export function renderTogether(tokens: Token[], key: number): Block {
  const shown = tokens.filter((token) => token.type !== "space");
  if (shown.length === 1 && shown[0]) return renderBlock(shown[0], key);
  return { key, kind: "html", html: sanitize(marked.parser(shown)) };
}

/** A whole text at once; `firstKey` is the place of its first block. */
export function renderText(text: string, firstKey = 0): Block[] {
  return readBlocks(text)
    .filter((token) => token.type !== "space" && token.type !== "def")
    .map((token, index) => renderBlock(token, firstKey + index));
}
