// The lazy part of formulas: KaTeX and its style sheet. It draws elements, not HTML, which is why our policy allows it.

import katex from "katex";

const longest = 3_000;
const deepest = 30;
/** The fonts that nearly every formula needs; where one came later, all of them would be laid out once more. */
const fonts = ["KaTeX_Main", "KaTeX_Math", "KaTeX_Size1", "KaTeX_Size2"];

/** Its inner steps, which its own types do not name. */
const drawing = katex as unknown as KatexTree;

/** Draws into `place`; leaves it as it is, and says false, where the formula is not one, is too long or nests too deep. */
export function drawFormula(place: HTMLElement, source: string, display: boolean): boolean {
  if (source.length > longest || nesting(source) > deepest) return false;
  const options = {
    displayMode: display,
    throwOnError: true,
    strict: false,
    trust: false,
    maxExpand: 200,
    maxSize: 20,
  };
  let tree: KatexNode;
  try {
    tree = drawing.__renderToDomTree(source, options);
  } catch {
    return false; // its source says it better than an error in red
  }
  setAsideStyles(tree);
  const drawn = tree.toNode();
  for (const one of drawn.querySelectorAll<SVGElement>("[data-style]"))
    one.style.cssText = one.getAttribute("data-style") ?? "";
  stack(drawn);
  place.replaceChildren(drawn);
  return true;
}

/** What `katex.render` itself calls before it puts elements on the page. */
interface KatexTree {
  __renderToDomTree(source: string, options: object): KatexNode;
  __parse(source: string, options: object): unknown;
}
interface KatexNode {
  attributes?: { style?: string | undefined; "data-style"?: string };
  children?: KatexNode[];
  toNode(): HTMLElement;
}

/** Arrows over letters, tall brackets and frames bring a style attribute, which our policy refuses; set as a property it is none. */
function setAsideStyles({ attributes, children = [] }: KatexNode): void {
  if (attributes?.style !== undefined) {
    attributes["data-style"] = attributes.style;
    delete attributes.style;
  }
  for (const child of children) setAsideStyles(child);
}

/**
 * KaTeX moves what stands above and below by positions, and each positioned box is walked through in every frame; margins move it as far.
 * They would not where one moves down (margins of one sign collapse), nor where the box is what an image is placed in or painted under.
 */
function stack(drawn: HTMLElement): void {
  const withImages = new Set(
    [...drawn.querySelectorAll(":not(.hide-tail) > svg, .katex-stretchy")].map((image) => image.closest(".vlist")),
  );
  for (const list of drawn.querySelectorAll(".vlist")) {
    const parts = [...list.children] as HTMLElement[];
    if (withImages.has(list) || !parts.every(({ style }) => style.top.startsWith("-"))) continue;
    list.classList.add("stacked");
    for (const { style } of parts) {
      style.marginTop = style.top;
      style.marginBottom = style.top.slice(1);
    }
  }
}

/** One of each kind: what KaTeX's parser and builders do for the first time takes several times as long. */
const kinds = ["x", "x^2", "\\frac{a}{b}", "\\sqrt{x}", "\\sum_{i=1}^n x_i", "\\left(\\int_0^1\\right)"];

/** Draws some formulas that nobody sees, each in a task of its own: the first of an answer would else make a long one. */
export async function warmUp(): Promise<void> {
  for (const kind of kinds)
    for (const work of [
      () => drawing.__parse(kind, {}),
      () => drawFormula(document.createElement("span"), kind, true),
    ]) {
      await new Promise((resolve) => setTimeout(resolve));
      work();
    }
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
