// Above the conversation: its title, its model, what it has cost so far, and what can be done with it.

import { useSignal } from "@preact/signals";
import { SessionCost } from "../inspector/cost.tsx";
import { settingsOpen } from "../inspector/settings.tsx";
import { IconButton } from "../shell/button.tsx";
import { drawerOpen, health, text } from "../shell/state.ts";
import { trashSession } from "../sidebar/sessions.ts";
import { TitleEditor } from "../sidebar/title-editor.tsx";
import type { Chat } from "./chat.ts";

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
          <h1 title={title} dir="auto">
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
