// `‹ 2/3 ›`: which version of a question or an answer this is, the way to the others, and the way to be rid of it.

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

export function Versions({ message, free, onGo, onRemove }: VersionsProps) {
  const { index, count, previous_id, next_id } = message.siblings;
  if (count < 2) return null;
  const go = (id: string | null, way: "previous" | "next") => async () => {
    if (id === null) return;
    await onGo(id);
    requestAnimationFrame(() => focusOn(id, way));
  };
  return (
    <fieldset class="versions">
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

/** The version that came has the same buttons: the focus stays on the one that was used, or goes to the other at the end of the row. */
function focusOn(messageId: string, way: "previous" | "next"): void {
  const buttons = `[data-message="${CSS.escape(messageId)}"] .versions button:enabled`;
  const same = document.querySelector<HTMLElement>(`${buttons}.${way}`);
  (same ?? document.querySelector<HTMLElement>(buttons))?.focus();
}
