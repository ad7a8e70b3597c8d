// A formula: LaTeX drawn into the page by KaTeX, loaded when the first one is shown; until then, and where it cannot, its source.

import { useLayoutEffect, useRef } from "preact/hooks";
import { drawSoon } from "./frames.ts";

type Katex = typeof import("./katex.ts");
let loading: Promise<Katex> | undefined;

/** What a formula costs to draw, by its length, in elements of the page. */
const costOf = (source: string) => 20 + source.length;

export function Formula({ source, display }: { source: string; display: boolean }) {
  const place = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    let current = true;
    loading ??= import("./katex.ts");
    loading
      .then(({ drawFormula }) =>
        drawSoon(costOf(source), () => {
          if (current && place.current) drawFormula(place.current, source, display);
        }),
      )
      .catch(() => {
        loading = undefined; // the file could not be fetched; the source stays readable
      });
    return () => {
      current = false;
    };
  }, [source, display]);
  // A change of the source makes a new element: what KaTeX drew is not Preact's.
  return (
    <span class={display ? "formula display" : "formula"} key={source} ref={place}>
      <code>{source}</code>
    </span>
  );
}
