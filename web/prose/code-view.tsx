// A block of code: its language, its colours once it is whole, a button that copies it and one that wraps its lines.

import { useSignal } from "@preact/signals";
import { Component, type ComponentChildren } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { CopyButton, IconButton } from "../shell/button.tsx";
import { text } from "../shell/state.ts";
import { drawSoon } from "./frames.ts";
import { Scrolling } from "./scrolling.tsx";
import type { Tree } from "./tree.ts";
import { readers } from "./workshop.ts";

/** Longer code is not worth the colours. */
const longestColoured = 60_000;
/** Code is laid out and coloured in pieces of so many characters, the first of a frame those that are looked at. */
const pieceCharacters = 2_000;

interface CodeProps {
  code: string;
  language: string;
  /** Its end has not come yet. */
  open: boolean;
}

export function CodeBlock({ code, language, open }: CodeProps) {
  const coloured = useSignal<readonly (readonly Tree[])[]>([]);
  const wrapped = useSignal(false);
  const pieces = useMemo(() => cutLines(code), [code]);
  useEffect(() => {
    coloured.value = [];
    if (open || language === "" || code.length > longestColoured) return;
    let current = true;
    void readers.colours.do("code", { pieces, language }).then((trees) => {
      for (const tree of trees ?? [])
        drawSoon(spansIn(tree), () => {
          if (current) coloured.value = [...coloured.value, tree];
        });
    });
    return () => {
      current = false;
    };
  }, [open, pieces, language]);
  return (
    <figure class="code" data-wrapped={wrapped.value}>
      <figcaption>
        <span class="language">{language || text.value.code}</span>
        <IconButton
          icon="wrap"
          label={text.value.wrapLines}
          pressed={wrapped.value}
          onClick={() => {
            wrapped.value = !wrapped.value;
          }}
        />
        <CopyButton read={() => code} label={text.value.copyCode} />
      </figcaption>
      <Scrolling class="lines" label={text.value.code}>
        <pre dir="ltr">
          <code>
            {pieces.map((piece, index) => (
              <Piece key={index} code={piece} spans={coloured.value[index]} alone={pieces.length === 1} />
            ))}
          </code>
        </pre>
      </Scrolling>
    </figure>
  );
}

interface PieceProps {
  code: string;
  spans: readonly Tree[] | undefined;
  alone: boolean;
}

class Piece extends Component<PieceProps> {
  override shouldComponentUpdate(next: PieceProps): boolean {
    const { code, spans, alone } = this.props;
    return next.code !== code || next.spans !== spans || next.alone !== alone;
  }
  render({ code, spans, alone }: PieceProps) {
    // One that is not in view has the height of its lines.
    const height = alone ? undefined : { containIntrinsicHeight: `auto ${code.split("\n").length}lh` };
    return (
      <span class="piece" style={height}>
        {spans ? drawSpans(spans) : code}
      </span>
    );
  }
}

/** Coloured code: text in spans with the highlighter's classes, and nothing else. */
function drawSpans(trees: readonly Tree[]): ComponentChildren {
  return trees.map((tree, index) =>
    typeof tree === "string" ? (
      tree
    ) : (
      <span key={index} class={tree.name}>
        {drawSpans(tree.kids ?? [])}
      </span>
    ),
  );
}

function spansIn(trees: readonly Tree[]): number {
  return trees.reduce((sum, tree) => (typeof tree === "string" ? sum : sum + 1 + spansIn(tree.kids ?? [])), 0);
}

function cutLines(code: string): string[] {
  const pieces: string[] = [];
  for (let from = 0; from < code.length; ) {
    let to = Math.min(code.length, from + pieceCharacters);
    const line = to < code.length ? code.slice(from, to).lastIndexOf("\n") : -1;
    if (line > 0) to = from + line;
    pieces.push(code.slice(from, to));
    from = code[to] === "\n" ? to + 1 : to;
  }
  return pieces;
}
