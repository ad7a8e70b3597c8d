// The settings of one conversation: which model answers, and what it is told before everything else.

import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type ApiError, api } from "../api/api.ts";
import type { Model, Session } from "../api/wire.ts";
import type { Chat } from "../conversation/chat.ts";
import { Dialog } from "../shell/dialog.tsx";
import { Problem } from "../shell/problem.tsx";
import { text } from "../shell/state.ts";
import { asApiError, noteSession } from "../sidebar/sessions.ts";

export const settingsOpen = signal(false);

export function SettingsDialog({ chat }: { chat: Chat }) {
  const session = chat.session.value;
  if (!settingsOpen.value || !session) return null;
  const close = () => {
    settingsOpen.value = false;
  };
  return (
    <Dialog title={text.value.settings} onClose={close}>
      <SettingsForm chat={chat} session={session} onDone={close} />
    </Dialog>
  );
}

function SettingsForm({ chat, session, onDone }: { chat: Chat; session: Session; onDone(): void }) {
  const models = useSignal<readonly Model[]>([]);
  const model = useSignal(session.model ?? "");
  const system = useSignal(session.system ?? "");
  const error = useSignal<ApiError | null>(null);
  useEffect(() => {
    api.listModels().then(
      (list) => {
        models.value = list.data;
      },
      () => undefined, // the present model can still be kept
    );
  }, []);
  const save = async () => {
    try {
      const change = { model: model.value || null, system: system.value.trim() || null };
      const changed = await api.changeSession(session.id, change);
      chat.session.value = changed;
      noteSession(changed);
      onDone();
    } catch (cause) {
      error.value = asApiError(cause);
    }
  };
  const names = new Set([...(session.model ? [session.model] : []), ...models.value.map(({ id }) => id)]);
  return (
    <form
      class="settings"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <label>
        <span>{text.value.settingsModel}</span>
        <select value={model.value} onChange={(event) => (model.value = event.currentTarget.value)}>
          <option value="">{text.value.defaultModel}</option>
          {[...names].map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>{text.value.settingsSystem}</span>
        <textarea
          rows={5}
          dir="auto"
          value={system.value}
          placeholder={text.value.settingsSystemHint}
          onInput={(event) => (system.value = event.currentTarget.value)}
        />
      </label>
      {error.value && <Problem code={error.value.code} detail={error.value.message} fields={error.value.fields} />}
      <div class="editor-actions">
        <button type="button" class="button" onClick={onDone}>
          {text.value.cancel}
        </button>
        <button type="submit" class="button strong">
          {text.value.save}
        </button>
      </div>
    </form>
  );
}
