// A rendered answer: finished blocks stay as they are, only the last one changes while it is written.

import { Component } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { highlight } from "../highlight.ts";
import type { Block } from "../markdown.ts";
import type { Prose } from "../prose.ts";
import { text } from "../state.ts";
import { CopyButton } from "./button.tsx";

export function ProseView({ prose, live }: { prose: Prose; live: boolean }) {
  const finished = prose.finished.value;
  const last = prose.last.value;
  const blocks = last ? [...finished, last] : finished;
  return (
    <div class={live ? "prose live" : "prose"}>
      {blocks.map((block) => (
        <BlockView key={block.key} block={block} />
      ))}
    </div>
  );
}

class BlockView extends Component<{ block: Block }> {
  override shouldComponentUpdate(next: { block: Block }): boolean {
    return next.block !== this.props.block;
  }
  render({ block }: { block: Block }) {
    return block.kind === "code" ? <CodeBlock block={block} /> : <HtmlBlock html={block.html} />;
  }
}

/** `html` comes from markdown.ts, where it was sanitised. */
function HtmlBlock({ html }: { html: string }) {
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Code inside lists and quotes gets its colours here; code of its own has CodeBlock.
    for (const code of root.current?.querySelectorAll<HTMLElement>("code[data-language]") ?? []) {
      void colour(code, code.textContent ?? "", code.dataset.language ?? "");
    }
  }, [html]);
  return <div class="block" ref={root} dangerouslySetInnerHTML={{ __html: html }} />;
}

async function colour(element: HTMLElement, code: string, language: string): Promise<void> {
  const html = await highlight(code, language);
  // The highlighter escapes the code it is given. It may have changed while the highlighter was loading.
  if (html !== null && element.isConnected && element.textContent === code) element.innerHTML = html;
}

function CodeBlock({ block }: { block: Block & { kind: "code" } }) {
  const element = useRef<HTMLElement>(null);
  const { code, language, closed } = block;
  useEffect(() => {
    if (closed && element.current) void colour(element.current, code, language);
  }, [closed, code, language]);
  return (
    <figure class="code">
      <figcaption>
        <span>{language || "text"}</span>
        <CopyButton read={() => code} label={text.value.copyCode} />
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre tabIndex={0}>
        <CodeText key={closed ? `=${code}` : "open"} code={code} root={element} />
      </pre>
    </figure>
  );
}

/** The text of a code block. Once coloured, its content is no longer Preact's: a change of the text makes a new element. */
function CodeText({ code, root }: { code: string; root: { current: HTMLElement | null } }) {
  return <code ref={root}>{code}</code>;
}
