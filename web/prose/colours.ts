// The highlighter with the languages people usually ask about, loaded when the first code is shown. Runs in a worker.

import hljs from "highlight.js/lib/common";
import type { Branch, Tree } from "./tree.ts";

const mark = /<span class="([^"]*)">|<\/span>|&(amp|lt|gt|quot|#x27);/g;
const characters: Readonly<Record<string, string | undefined>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#x27": "'" };
const deepest = 60;

/** Pieces of code as text in spans with the highlighter's classes; null when the language is not known. */
export function colourAs(pieces: readonly string[], language: string): Tree[][] | null {
  if (!hljs.getLanguage(language)) return null;
  const { value } = hljs.highlight(pieces.join("\n"), { language, ignoreIllegals: true });
  return readSpans(
    value,
    pieces.map(({ length }) => length),
  );
}

/** The highlighter writes nothing but spans and escaped text. A span that goes on in the next piece is opened there again. */
function readSpans(html: string, lengths: readonly number[]): Tree[][] {
  const roots: Tree[][] = [[]];
  let open: Tree[][] = [...roots];
  let names: string[] = [];
  let room = lengths[0] ?? 0;
  let from = 0;
  const put = (text: string) => {
    const here = open.at(-1) ?? [];
    const last = here.at(-1);
    if (text === "") return;
    if (typeof last === "string") here[here.length - 1] = last + text;
    else here.push(text);
  };
  const begin = (name: string) => {
    const span: Branch & { kids: Tree[] } = { tag: "span", name, kids: [] };
    open.at(-1)?.push(span);
    open.push(open.length < deepest ? span.kids : (open.at(-1) ?? []));
  };
  const say = (text: string) => {
    let rest = text;
    while (rest.length > room && roots.length < lengths.length) {
      put(rest.slice(0, room));
      rest = rest.slice(room + 1); // without the end of the line between the two
      const root: Tree[] = [];
      roots.push(root);
      open = [root];
      for (const name of names) begin(name);
      room = lengths[roots.length - 1] ?? 0;
    }
    room -= rest.length;
    put(rest);
  };
  for (const found of html.matchAll(mark)) {
    say(html.slice(from, found.index));
    from = found.index + found[0].length;
    if (found[2] !== undefined) say(characters[found[2]] ?? "");
    else if (found[1] === undefined) {
      names = names.slice(0, -1);
      if (open.length > 1) open.pop();
    } else {
      names.push(found[1]);
      begin(found[1]);
    }
  }
  say(html.slice(from));
  return roots;
}
