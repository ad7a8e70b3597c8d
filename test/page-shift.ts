// How much of what is read moves by itself: the browser's own sum of layout shifts, and what moved.

import type { Page } from "playwright-core";

export interface PageShift {
  /** What the browser adds up; moves within half a second of a key or a click are not in it. */
  sum: number;
  /** What moved, from where to where. */
  from: string[];
}

/** Watches from now on; the function it gives tells what has moved since. */
export async function watchShift(page: Page): Promise<() => Promise<PageShift>> {
  await page.evaluate(() => {
    interface Shift extends PerformanceEntry {
      value: number;
      hadRecentInput: boolean;
      sources: { node: Node | null; previousRect: DOMRect; currentRect: DOMRect }[];
    }
    const shift = { sum: 0, from: [] as string[] };
    Object.assign(globalThis, { shift });
    const box = ({ x, y, width, height }: DOMRect) => [x, y, width, height].map(Math.round).join(" ");
    new PerformanceObserver((list) => {
      for (const { value, hadRecentInput, sources } of list.getEntries() as Shift[]) {
        if (!hadRecentInput) shift.sum += value;
        const moved = sources.map(({ node, previousRect, currentRect }) => {
          const element = node instanceof Element ? node : node?.parentElement;
          return `${element?.tagName.toLowerCase()}.${element?.className} ${box(previousRect)} -> ${box(currentRect)}`;
        });
        shift.from.push(`${value.toFixed(4)}${hadRecentInput ? " (input)" : ""}: ${moved.join("; ")}`);
      }
    }).observe({ type: "layout-shift" });
  });
  return () => page.evaluate(() => (globalThis as unknown as { shift: PageShift }).shift);
}
