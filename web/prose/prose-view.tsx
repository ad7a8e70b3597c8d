// A rendered answer: finished blocks stay as they are, only the last one changes while it is written.

import { Component, type ComponentChildren, h } from "preact";
import { useRef } from "preact/hooks";
import { CodeBlock } from "./code-view.tsx";
import { Formula } from "./formula.tsx";
import type { Prose } from "./prose.ts";
import { TableView } from "./table-view.tsx";
import { addToChapters, type Block, type Branch, type Chapter, type Tree } from "./tree.ts";

/** So many chapters at its end are always laid out: what grows there would else be seen to move. */
const nearChapters = 3;
/** Where it was seen to grow, so many: nearer than one and a half screens the browser takes a chapter off only to lay it out once more in the same frame. */
const nearWhereGrown = 14;
/** With so many more, an answer is laid out only where it is looked at: in a shorter one heights that are guessed are not worth it. */
const farChapters = 4;

export function ProseView({ prose, live }: { prose: Prose; live: boolean }) {
  const finished = prose.finished.value;
  const last = prose.last.value;
  // The unfinished block stands where it will stay, so that nothing moves when it is finished.
  const chapters = last ? addToChapters(finished, [last]) : finished;
  const heard = prose.heard.value;
  const grown = useRef(live);
  grown.current ||= live;
  const near = grown.current ? nearWhereGrown : nearChapters;
  // The direction is each block's own: here the browser would look through all of them for it whenever one is added.
  return (
    <div class="prose">
      {chapters.map((chapter, index) => (
        <ChapterView
          key={index}
          chapter={chapter}
          live={live && index === chapters.length - 1}
          far={chapters.length >= near + farChapters && index < chapters.length - near}
          heard={chapter.math && index < heard}
        />
      ))}
    </div>
  );
}

interface ChapterProps {
  chapter: Chapter;
  /** It is being written: said of its last block alone, or the next one would have all of it styled anew. */
  live: boolean;
  /** It is laid out only where it is looked at. */
  far: boolean;
  /** Its formulas are there for those who hear it: said only of one that has some, since all of it is looked through for them. */
  heard: boolean;
}

class ChapterView extends Component<ChapterProps> {
  override shouldComponentUpdate(next: ChapterProps): boolean {
    const { chapter, live, far, heard } = this.props;
    return next.chapter !== chapter || next.live !== live || next.far !== far || next.heard !== heard;
  }
  render({ chapter, live, far, heard }: ChapterProps) {
    return (
      <div class={`chapter${far ? " far" : ""}${heard ? " heard" : ""}`}>
        {chapter.blocks.map((block) => (
          <BlockView key={block.key} block={block} live={live && block === chapter.blocks.at(-1)} />
        ))}
      </div>
    );
  }
}

interface BlockProps {
  block: Block;
  live: boolean;
}

class BlockView extends Component<BlockProps> {
  override shouldComponentUpdate(next: BlockProps): boolean {
    return next.block !== this.props.block || next.live !== this.props.live;
  }
  render({ block, live }: BlockProps) {
    return (
      <div class={`block${block.goesOn ? " goes-on" : ""}${live ? " live" : ""}`} dir="auto">
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
    case "h3":
    case "h4":
    case "h5":
    case "h6":
      // Models begin with any level; to those who go from heading to heading each is one below the message's own.
      return <h3 class={tag}>{drawAll(kids)}</h3>;
    case "br":
    case "hr":
      return h(tag, null);
    default:
      return h(tag, { class: tree.name, start: tree.start }, drawAll(kids));
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
