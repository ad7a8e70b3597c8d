// Where something was found in a conversation: every message that holds it, from one to the next, further up too.

import { useComputed } from "@preact/signals";
import { IconButton } from "../shell/button.tsx";
import { foundWords, goTo, locale, sought, text } from "../shell/state.ts";
import { fill, printNumber } from "../text/text.ts";
import type { Chat } from "./chat.ts";

/** How many pages of history are read for one more hit at most. */
const mostPages = 100;

export function FindBar({ chat }: { chat: Chat }) {
  const hits = useComputed(() => findHits(chat, foundWords.value));
  if (foundWords.value.length === 0 || (sought.value === null && hits.value.length === 0)) return null;
  const at = hits.value.indexOf(sought.value ?? "");
  const show = (messageId: string | undefined) => {
    if (messageId !== undefined) goTo(chat.id.value, true, messageId);
  };
  const goUp = async () => {
    const before = sought.value;
    if (at < 0) return show(hits.value.at(-1)); // the title was found: from the end upwards
    for (let page = 0; page < mostPages && hits.value.indexOf(before ?? "") < 1 && chat.hasOlder.value; page++) {
      await chat.loadOlder();
      if (chat.olderError.value) return;
    }
    show(hits.value[hits.value.indexOf(before ?? "") - 1]);
  };
  const total = printNumber(locale.value, hits.value.length) + (chat.hasOlder.value ? "+" : "");
  const isFirst = at === 0 && !chat.hasOlder.value;
  return (
    <search class="find-bar" aria-label={text.value.foundHere}>
      <b dir="auto">{foundWords.value.join(" ")}</b>
      <span role="status">
        {at >= 0 && fill(text.value.hitOf, { index: printNumber(locale.value, at + 1), count: total })}
      </span>
      <IconButton icon="up" label={text.value.previousHit} disabled={isFirst} onClick={() => void goUp()} />
      <IconButton
        icon="down"
        label={text.value.nextHit}
        disabled={at < 0 || at >= hits.value.length - 1}
        onClick={() => show(hits.value[at + 1])}
      />
      <IconButton
        icon="close"
        label={text.value.close}
        onClick={() => {
          foundWords.value = [];
          goTo(chat.id.value, true, null);
          document.getElementById("composer")?.focus();
        }}
      />
    </search>
  );
}

/** The messages that hold all the words, each at the beginning of a word, as the server's search has them; the one that the server named counts in any case. */
function findHits(chat: Chat, words: readonly string[]): string[] {
  const wanted = words.map((word) => word.replace(/^["“„«]|["”“»]$/g, "").toLocaleLowerCase()).filter(Boolean);
  return chat.messages.value
    .map(({ message }) => message.value)
    .filter(({ id, content }) => {
      if (id === "") return false;
      const said = content.toLocaleLowerCase();
      return id === sought.value || wanted.every((word) => said.includes(word));
    })
    .map(({ id }) => id);
}
