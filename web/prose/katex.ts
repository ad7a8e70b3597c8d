// The lazy part of formulas: KaTeX and its style sheet. It draws elements, not HTML, which is why our policy allows it.

import katex from "katex";

const longest = 3_000;
const deepest = 30;
let styled = false;

/** Draws into `place`; leaves it as it is, and says false, where the formula is not one, is too long or nests too deep. */
export function drawFormula(place: HTMLElement, source: string, display: boolean): boolean {
  if (source.length > longest || nesting(source) > deepest) return false;
  addStyles();
  const drawn = document.createElement("span");
  try {
    katex.render(source, drawn, {
      displayMode: display,
      throwOnError: true,
      strict: false,
      trust: false,
      maxExpand: 200,
      maxSize: 20,
    });
  } catch {
    return false; // its source says it better than an error in red
  }
  place.replaceChildren(drawn);
  return true;
}

function addStyles(): void {
  if (styled) return;
  styled = true;
  const address = document.querySelector<HTMLMetaElement>('meta[name="rozmova-katex"]')?.content;
  if (!address) return;
  const sheet = document.createElement("link");
  sheet.rel = "stylesheet";
  sheet.href = address;
  document.head.append(sheet);
}

function nesting(source: string): number {
  let depth = 0;
  let most = 0;
  for (const character of source) {
    if (character === "{") most = Math.max(most, ++depth);
    else if (character === "}") depth--;
  }
  return most;
}
