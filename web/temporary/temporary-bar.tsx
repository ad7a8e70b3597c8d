// Above a temporary conversation, from its choice on: what will become of it, and the way to keep it. Before it begins: the choice.

import { useSignal } from "@preact/signals";
import type { Chat } from "../conversation/chat.ts";
import { asApiError, describe } from "../shell/errors.ts";
import { Icon } from "../shell/icon.tsx";
import { showToast, text } from "../shell/state.ts";
import { isTemporary, nextIsTemporary } from "./temporary.ts";

export function TemporaryBar({ chat }: { chat: Chat }) {
  const saving = useSignal(false);
  const session = chat.session.value;
  // From the choice on, so that it is not the first answer that moves down for it.
  if (session ? !isTemporary(session) : chat.id.value !== null || !nextIsTemporary.value) return null;
  const keep = async () => {
    nextIsTemporary.value = false;
    if (!session) return;
    saving.value = true;
    try {
      await chat.keep();
    } catch (error) {
      showToast(describe(asApiError(error)));
    } finally {
      saving.value = false;
    }
  };
  return (
    <p class="temporary-bar">
      <Icon name="clock" /> <span>{text.value.temporaryMore}</span>
      <button type="button" class="button small" disabled={saving.value} onClick={() => void keep()}>
        {text.value.keep}
      </button>
    </p>
  );
}

export function TemporaryChoice() {
  return (
    <button
      type="button"
      class="temporary-choice"
      aria-pressed={nextIsTemporary.value}
      title={text.value.temporaryMore}
      onClick={() => (nextIsTemporary.value = !nextIsTemporary.value)}
    >
      <Icon name="clock" /> {text.value.temporary}
    </button>
  );
}
