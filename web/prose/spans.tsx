// Coloured code: text in spans with the highlighter's classes, and nothing else.

import type { ComponentChildren } from "preact";
import type { Tree } from "./tree.ts";

export function drawSpans(trees: readonly Tree[]): ComponentChildren {
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
