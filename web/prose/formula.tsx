// A formula: LaTeX drawn into the page by KaTeX, loaded when the first one is shown; until then, and where it cannot, its source.

import { useLayoutEffect, useRef } from "preact/hooks";
import { drawNow } from "./frames.ts";

type Katex = typeof import("./katex.ts");
let loading: Promise<Katex> | undefined;
let loaded: Katex | undefined;

/** What a formula costs to draw, by its length, in elements of the page. */
const costOf = (source: string) => 20 + source.length;
/** One that grows is none now and then, until its next letters have come: so long what was drawn of it stays. */
const keptMs = 600;

/** Also when it grows, what was drawn stays until there is more to draw: the source is not seen between. */
export function Formula({ source, display }: { source: string; display: boolean }) {
  const place = useRef<HTMLElement>(null);
  const code = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    let current = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const draw = ({ drawFormula }: Katex) =>
      drawNow(costOf(source), () => {
        if (!current || !place.current || drawFormula(place.current, source, display)) return;
        timer = setTimeout(() => code.current && place.current?.replaceChildren(code.current), keptMs);
      });
    if (loaded) draw(loaded);
    else {
      loading ??= import("./katex.ts");
      loading
        .then((katex) => {
          loaded = katex;
          draw(katex);
        })
        .catch(() => {
          loading = undefined; // the file could not be fetched; the source stays readable
        });
    }
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [source, display]);
  // What KaTeX drew takes the place of the source, which Preact goes on keeping, out of sight.
  return (
    <span class={display ? "formula display" : "formula"} ref={place}>
      <code ref={code}>{source}</code>
    </span>
  );
}
