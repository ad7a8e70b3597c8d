// Above the conversation: its title, its model, what it has cost so far, and what can be done with it.

import { useSignal } from "@preact/signals";
import type { Chat } from "../chat.ts";
import { trashSession } from "../sessions.ts";
import { drawerOpen, health, text } from "../state.ts";
import { IconButton } from "./button.tsx";
import { SessionCost } from "./cost.tsx";
import { settingsOpen } from "./settings.tsx";
import { TitleEditor } from "./title-editor.tsx";

export function Header({ chat }: { chat: Chat }) {
  const renaming = useSignal(false);
  const session = chat.session.value;
  const title = session || chat.id.value === null ? (session?.title ?? text.value.untitled) : "";
  const answered = chat.messages.value.findLast((shown) => shown.message.value.model)?.message.value.model;
  const model = session?.model ?? answered ?? health.value?.default_model;
  return (
    <header class="header">
      <IconButton
        icon="menu"
        label={text.value.openList}
        class="menu"
        expanded={drawerOpen.value}
        onClick={() => (drawerOpen.value = true)}
      />
      <div class="heading">
        {session && renaming.value ? (
          <TitleEditor session={session} onDone={() => (renaming.value = false)} />
        ) : (
          <h1 title={title}>
            {session ? (
              <button type="button" title={text.value.rename} onClick={() => (renaming.value = true)}>
                {title}
              </button>
            ) : (
              title
            )}
          </h1>
        )}
        {model && <p class="quiet">{model}</p>}
      </div>
      {session && session.message_count + chat.messages.value.length > 0 && <SessionCost session={session} />}
      {session && !session.deleted_at && (
        <>
          <IconButton icon="sliders" label={text.value.settings} onClick={() => (settingsOpen.value = true)} />
          <IconButton
            icon="trash"
            label={text.value.remove}
            class="wide-only"
            onClick={() => void trashSession(session.id)}
          />
        </>
      )}
    </header>
  );
}
