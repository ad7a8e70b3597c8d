// `‹ 2/3 ›`: which version of a question or an answer this is, the way to the others, and the way to be rid of it.

import { useLayoutEffect, useRef } from "preact/hooks";
import type { Message } from "../api/wire.ts";
import { IconButton } from "../shell/button.tsx";
import { text } from "../shell/state.ts";
import { fill } from "../text/text.ts";

interface VersionsProps {
  message: Message;
  free: boolean;
  onGo(messageId: string): Promise<void>;
  onRemove(message: Message): Promise<void>;
}

/** The version that was asked for, and by which button, until its own are there: it may have to be read first. */
let wanted: { id: string; way: "previous" | "next" } | null = null;

export function Versions({ message, free, onGo, onRemove }: VersionsProps) {
  const { index, count, previous_id, next_id } = message.siblings;
  const row = useRef<HTMLFieldSetElement>(null);
  useLayoutEffect(() => {
    if (row.current && wanted?.id === message.id) focusIn(row.current);
  });
  if (count < 2) return null;
  const go = (id: string | null, way: "previous" | "next") => async () => {
    if (id === null) return;
    wanted = { id, way };
    await onGo(id);
  };
  return (
    <fieldset class="versions" ref={row}>
      <legend class="hidden">{fill(text.value.versionOf, { index: `${index}`, count: `${count}` })}</legend>
      <IconButton
        icon="back"
        label={text.value.previousVersion}
        class="previous"
        disabled={!free || previous_id === null}
        onClick={go(previous_id, "previous")}
      />
      <span aria-hidden="true">
        {index}/{count}
      </span>
      <IconButton
        icon="forward"
        label={text.value.nextVersion}
        class="next"
        disabled={!free || next_id === null}
        onClick={go(next_id, "next")}
      />
      <IconButton icon="trash" label={text.value.removeVersion} disabled={!free} onClick={() => onRemove(message)} />
    </fieldset>
  );
}

/** The focus stays on the button that was used, or goes to the other at the end of the row; unless the reader has taken it elsewhere. */
function focusIn(row: HTMLElement): void {
  const find = (way = "") => row.querySelector<HTMLElement>(`button${way}:enabled`);
  const button = find(`.${wanted?.way}`) ?? find();
  if (!button) return;
  wanted = null;
  if (document.activeElement === document.body || row.contains(document.activeElement)) button.focus();
}
