// A block of code: its language, its colours once it is whole, a button that copies it and one that wraps its lines.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { CopyButton, IconButton } from "../shell/button.tsx";
import { text } from "../shell/state.ts";

import { Scrolling } from "./scrolling.tsx";
import { drawSpans } from "./spans.tsx";
import type { Tree } from "./tree.ts";
import { readers } from "./workshop.ts";

/** Longer code is not worth the colours. */
const longestColoured = 60_000;
/** Longer code is laid out in pieces, only those that are looked at. */
const pieceCharacters = 4_000;

interface CodeProps {
  code: string;
  language: string;
  /** Its end has not come yet. */
  open: boolean;
}

export function CodeBlock({ code, language, open }: CodeProps) {
  const coloured = useSignal<Tree[] | null>(null);
  const wrapped = useSignal(false);
  useEffect(() => {
    coloured.value = null;
    if (open || language === "" || code.length > longestColoured) return;
    let current = true;
    void readers.colours.do("code", { text: code, language }).then((trees) => {
      if (current && trees) coloured.value = trees;
    });
    return () => {
      current = false;
    };
  }, [open, code, language]);
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
        <pre dir="ltr">{coloured.value ? <code>{drawSpans(coloured.value)}</code> : <PlainCode code={code} />}</pre>
      </Scrolling>
    </figure>
  );
}

function PlainCode({ code }: { code: string }) {
  if (code.length <= pieceCharacters) return <code>{code}</code>;
  return (
    <code>
      {cutLines(code).map((piece, index) => (
        <span class="piece" key={index}>
          {piece}
        </span>
      ))}
    </code>
  );
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
