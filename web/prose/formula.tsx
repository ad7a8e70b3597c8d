// A formula: LaTeX drawn into the page by KaTeX, loaded before the first one is shown; where it cannot be, its source.

import { useLayoutEffect, useRef } from "preact/hooks";
import { drawNow } from "./frames.ts";
import { formulaNodes } from "./tree.ts";

type Katex = typeof import("./katex.ts");
let katex: Katex | undefined;
let loading: Promise<void> | undefined;

/** Words do not wait longer than this for what draws their formulas. */
const waitAtMostMs = 1_500;
/** One that grows is none now and then, until its next letters have come: so long what was drawn of it stays. */
const keptMs = 600;

/** Resolves when formulas can be drawn as soon as they are on the page, so that nothing moves when they are; undefined: they can. */
export function awaitFormulas(): Promise<void> | undefined {
  if (katex) return undefined;
  return Promise.race([load(), new Promise<void>((resolve) => setTimeout(resolve, waitAtMostMs))]);
}

function load(): Promise<void> {
  loading ??= import("./katex.ts")
    .then(async (loaded) => {
      await Promise.all([loaded.addStyles(), loaded.warmUp()]);
      katex = loaded;
    })
    .catch(() => {
      loading = undefined; // the file could not be fetched; the source stays readable
    });
  return loading;
}

/** Also when it grows, what was drawn stays until there is more to draw: the source is not seen between. */
export function Formula({ source, display }: { source: string; display: boolean }) {
  const place = useRef<HTMLElement>(null);
  const code = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    let current = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const draw = () =>
      drawNow(formulaNodes(source), () => {
        if (!current || !place.current || !katex || katex.drawFormula(place.current, source, display)) return;
        timer = setTimeout(() => code.current && place.current?.replaceChildren(code.current), keptMs);
      });
    if (katex) draw();
    else void load().then(draw);
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
