// The lazy part of formulas: KaTeX and its style sheet. It draws elements, not HTML, which is why our policy allows it.

import katex from "katex";

const longest = 3_000;
const deepest = 30;
/** The fonts that nearly every formula needs; where one came later, all of them would be laid out once more. */
const fonts = ["KaTeX_Main", "KaTeX_Math", "KaTeX_Size1", "KaTeX_Size2"];

/** Draws into `place`; leaves it as it is, and says false, where the formula is not one, is too long or nests too deep. */
export function drawFormula(place: HTMLElement, source: string, display: boolean): boolean {
  if (source.length > longest || nesting(source) > deepest) return false;
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

/** Resolves when the style sheet and its usual fonts are there, or cannot be had. Asked for once. */
export async function addStyles(): Promise<void> {
  const address = document.querySelector<HTMLMetaElement>('meta[name="rozmova-katex"]')?.content;
  if (!address) return;
  const sheet = document.createElement("link");
  sheet.rel = "stylesheet";
  sheet.href = address;
  const loaded = new Promise((resolve) => {
    sheet.onload = sheet.onerror = resolve;
  });
  document.head.append(sheet);
  await loaded;
  await Promise.allSettled(
    fonts.map((font) => document.fonts.load(`${font === "KaTeX_Math" ? "italic " : ""}1em ${font}`)),
  );
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
