// A message that the address names, because something was found in it: brought on the page, into view, and its words marked.

import { useEffect } from "preact/hooks";
import { foundWords, sought } from "../shell/state.ts";
import type { Chat } from "./chat.ts";

/** How many pages of history are read for it at most: 5,000 messages. */
const mostPages = 100;
const mostMarks = 500;
const waitsMs = 5_000;

/** Goes to the sought message once the conversation is there; `onFound` before the view moves. */
export function useSought(chat: Chat, onFound: () => void): void {
  const wanted = sought.value;
  const ready = wanted !== null && !chat.loading.value && chat.messages.value.length > 0;
  useEffect(() => {
    CSS.highlights?.delete("found");
    if (!ready || wanted === null) return;
    let current = true;
    void seek(chat, wanted).then((element) => {
      if (!current || !element) return;
      onFound();
      element.scrollIntoView({ block: "center" });
      markWords(element, foundWords.value);
    });
    return () => {
      current = false;
    };
  }, [chat, wanted, ready]);
}

async function seek(chat: Chat, id: string): Promise<HTMLElement | null> {
  const known = () => chat.messages.value.some((shown) => shown.message.value.id === id);
  for (let page = 0; page < mostPages && !known() && chat.hasOlder.value && !chat.olderError.value; page++)
    await chat.loadOlder();
  const until = performance.now() + waitsMs;
  while (known() && performance.now() < until) {
    const element = document.querySelector<HTMLElement>(`[data-message="${CSS.escape(id)}"]`);
    if (element && element.getAttribute("aria-busy") !== "true") return element;
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
  return null;
}

/** Marks words without touching what Preact has drawn. */
function markWords(element: HTMLElement, words: readonly string[]): void {
  if (!CSS.highlights || words.length === 0) return;
  const pattern = new RegExp(words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|"), "giu");
  const ranges: Range[] = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walker.nextNode() && ranges.length < mostMarks)
    for (const { 0: found, index } of (walker.currentNode.textContent ?? "").matchAll(pattern)) {
      const range = new Range();
      range.setStart(walker.currentNode, index);
      range.setEnd(walker.currentNode, index + found.length);
      ranges.push(range);
    }
  CSS.highlights.set("found", new Highlight(...ranges));
}
