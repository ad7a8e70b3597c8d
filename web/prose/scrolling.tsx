// Something wider than the column: it scrolls on its own, can be reached by keyboard only while it does, and shows where there is more.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface ScrollingProps {
  class: string;
  label: string;
  children: ComponentChildren;
}

export function Scrolling({ class: name, label, children }: ScrollingProps) {
  const area = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = area.current;
    if (!element) return;
    const observer = new ResizeObserver(() => noteEdges(element, label));
    observer.observe(element);
    if (element.firstElementChild) observer.observe(element.firstElementChild);
    return () => observer.disconnect();
  }, [label]);
  return (
    <div class={`scrolling ${name}`} ref={area} onScroll={(event) => noteEdges(event.currentTarget, label)}>
      {children}
    </div>
  );
}

/** The style sheet fades the edge behind which there is more. */
function noteEdges(element: HTMLElement, label: string): void {
  const left = Math.abs(element.scrollLeft);
  const most = element.scrollWidth - element.clientWidth;
  element.toggleAttribute("data-before", left > 2);
  element.toggleAttribute("data-after", most - left > 2);
  if (most > 2) {
    element.tabIndex = 0;
    element.setAttribute("role", "region");
    element.setAttribute("aria-label", label);
  } else for (const name of ["tabindex", "role", "aria-label"]) element.removeAttribute(name);
}
