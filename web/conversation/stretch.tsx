// A stretch of the conversation: some messages that are on the page while they are near what the reader sees, and an empty space of their height while not.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { printing } from "../shell/state.ts";

/** Messages in one stretch. */
export const stretchMessages = 12;
/** This far above and below the view messages are on the page. */
const marginPx = 1_600;

interface StretchProps {
  /** The newest messages always stay. */
  stays: boolean;
  children: ComponentChildren;
}

export function Stretch({ stays, children }: StretchProps) {
  const place = useRef<HTMLDivElement>(null);
  const height = useSignal<number | null>(null);
  useEffect(() => {
    const element = place.current;
    if (!element || stays) {
      height.value = null;
      return;
    }
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (!entry) return;
        if (entry.isIntersecting) height.value = null;
        else if (!isInUse(element)) height.value = entry.boundingClientRect.height;
      },
      { root: element.closest(".scroller"), rootMargin: `${marginPx}px 0px` },
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [stays]);
  const away = height.value !== null && !printing.value;
  return (
    <div class="stretch" ref={place} style={away ? { height: `${height.value}px` } : { height: "" }}>
      {away ? null : children}
    </div>
  );
}

/** Whether the reader is at work in it: it has the focus, or part of the selection. */
function isInUse(element: HTMLElement): boolean {
  const selection = getSelection();
  const selected = selection !== null && !selection.isCollapsed && selection.containsNode(element, true);
  return selected || element.contains(document.activeElement);
}
