// A rendered answer: finished blocks stay as they are, only the last one changes while it is written.

import { Component, type ComponentChildren, h } from "preact";
import { CodeBlock } from "./code-view.tsx";
import { Formula } from "./formula.tsx";
import type { Prose } from "./prose.ts";
import { TableView } from "./table-view.tsx";
import { addToChapters, type Block, type Branch, type Chapter, type Tree } from "./tree.ts";

/** From so many chapters on, an answer is laid out only where it is looked at. */
const giantChapters = 24;

export function ProseView({ prose, live }: { prose: Prose; live: boolean }) {
  const finished = prose.finished.value;
  const last = prose.last.value;
  // The unfinished block stands where it will stay, so that nothing moves when it is finished.
  const chapters = last ? addToChapters(finished, [last]) : finished;
  return (
    <div class={`prose ${chapters.length > giantChapters ? "giant" : ""}`} dir="auto">
      {chapters.map((chapter, index) => (
        <ChapterView key={index} chapter={chapter} live={live && index === chapters.length - 1} />
      ))}
    </div>
  );
}

interface ChapterProps {
  chapter: Chapter;
  /** It is being written: said of the last one alone, or the end of an answer would have all of it styled anew. */
  live: boolean;
}

class ChapterView extends Component<ChapterProps> {
  override shouldComponentUpdate(next: ChapterProps): boolean {
    return next.chapter !== this.props.chapter || next.live !== this.props.live;
  }
  render({ chapter, live }: ChapterProps) {
    return (
      <div class={live ? "chapter live" : "chapter"}>
        {chapter.blocks.map((block) => (
          <BlockView key={block.key} block={block} />
        ))}
      </div>
    );
  }
}

class BlockView extends Component<{ block: Block }> {
  override shouldComponentUpdate(next: { block: Block }): boolean {
    return next.block !== this.props.block;
  }
  render({ block }: { block: Block }) {
    return (
      <div class="block" dir="auto">
        {block.kids.map(draw)}
      </div>
    );
  }
}

const texts = document.createElement("textarea");

/** What a named character reference stands for. A text area reads references and nothing else. */
function nameToText(name: string): string {
  texts.innerHTML = `&${name};`;
  return texts.value;
}

function draw(tree: Tree): ComponentChildren {
  if (typeof tree === "string") return tree;
  const { tag, kids = [], text = "" } = tree;
  switch (tag) {
    case "fence":
      return <CodeBlock code={text} language={tree.name ?? ""} open={tree.on === true} />;
    case "math":
      return <Formula source={text} display={tree.on === true} />;
    case "table":
      return (
        <TableView
          head={tree.rows?.[0] ?? []}
          rows={tree.rows?.slice(1) ?? []}
          sides={tree.sides ?? []}
          draw={drawAll}
        />
      );
    case "entity":
      return nameToText(text);
    case "plain":
      return <p class="plain">{text}</p>;
    case "task":
      return <span class="task" role="img" aria-label={tree.on ? "☑" : "☐"} data-done={tree.on === true} />;
    case "img":
      return <img src={tree.href} alt={text} />;
    case "a":
      return (
        <a href={tree.href} title={tree.title} target="_blank" rel="noopener noreferrer nofollow">
          {drawAll(kids)}
        </a>
      );
    case "li":
      return <li class={startsWithTask(tree) ? "with-task" : undefined}>{drawAll(kids)}</li>;
    case "ol":
      return <ol start={tree.start}>{drawAll(kids)}</ol>;
    case "h3":
    case "h4":
    case "h5":
    case "h6":
      // Models begin with any level; to those who go from heading to heading each is one below the message's own.
      return <h3 class={tag}>{drawAll(kids)}</h3>;
    case "br":
    case "hr":
      return h(tag, null);
    case "span":
      return <span class={tree.name}>{drawAll(kids)}</span>;
    default:
      return h(tag, null, drawAll(kids));
  }
}

export function drawAll(trees: readonly Tree[]): ComponentChildren {
  return trees.map(draw);
}

function startsWithTask({ kids = [] }: Branch): boolean {
  const [first] = kids;
  if (typeof first !== "object") return false;
  return first.tag === "task" || (first.tag === "p" && startsWithTask(first));
}
