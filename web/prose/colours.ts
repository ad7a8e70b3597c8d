// The highlighter with the languages people usually ask about, loaded when the first code is shown. Runs in a worker.

import hljs from "highlight.js/lib/common";
import type { Branch, Tree } from "./tree.ts";

const mark = /<span class="([^"]*)">|<\/span>|&(amp|lt|gt|quot|#x27);/g;
const characters: Readonly<Record<string, string | undefined>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#x27": "'" };
const deepest = 60;

/** Code as text in spans with the highlighter's classes; null when the language is not known. */
export function colourAs(code: string, language: string): Tree[] | null {
  if (!hljs.getLanguage(language)) return null;
  return readSpans(hljs.highlight(code, { language, ignoreIllegals: true }).value);
}

/** The highlighter writes nothing but spans and escaped text. */
function readSpans(html: string): Tree[] {
  const root: Tree[] = [];
  const open: Tree[][] = [root];
  let from = 0;
  const say = (text: string) => {
    const here = open.at(-1) ?? root;
    const last = here.at(-1);
    if (text === "") return;
    if (typeof last === "string") here[here.length - 1] = last + text;
    else here.push(text);
  };
  for (const found of html.matchAll(mark)) {
    say(html.slice(from, found.index));
    from = found.index + found[0].length;
    if (found[2] !== undefined) say(characters[found[2]] ?? "");
    else if (found[1] === undefined) open.length > 1 && open.pop();
    else {
      const span: Branch & { kids: Tree[] } = { tag: "span", name: found[1], kids: [] };
      (open.at(-1) ?? root).push(span);
      open.push(open.length < deepest ? span.kids : (open.at(-1) ?? root));
    }
  }
  say(html.slice(from));
  return root;
}
