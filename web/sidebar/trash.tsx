// The trash: emptied, or one conversation erased for good, after a question that says what goes and what stays.

import { signal } from "@preact/signals";
import { api } from "../api/api.ts";
import { Dialog } from "../shell/dialog.tsx";
import { asApiError, describe } from "../shell/errors.ts";
import { goTo, locale, route, showToast, text } from "../shell/state.ts";
import { count } from "../text/text.ts";
import { eraseSelected } from "./selection.ts";
import { forgetSession, reloadSessions, tellOtherTabs } from "./sessions.ts";

/** What is about to be erased: one, those that are chosen, or all that is in the trash. */
export type Erasing = { what: "one"; id: string } | { what: "selected"; count: number } | { what: "all" };
export const erasing = signal<Erasing | null>(null);

async function erase(asked: Erasing): Promise<void> {
  if (asked.what === "selected") return eraseSelected();
  try {
    if (asked.what === "all") {
      const { sessions } = await api.emptyTrash();
      showToast(count(text.value, locale.value, "erasedCount", sessions));
      await reloadSessions();
    } else {
      await api.purgeSession(asked.id);
      forgetSession(asked.id);
      if (route.value === asked.id) goTo(null);
      tellOtherTabs(asked.id);
      showToast(text.value.erased);
    }
  } catch (error) {
    showToast(describe(asApiError(error)));
  }
}

export function EraseDialog() {
  const asked = erasing.value;
  if (!asked) return null;
  const close = () => {
    erasing.value = null;
  };
  const t = text.value;
  const title = asked.what === "all" ? t.emptyTrash : t.erase;
  return (
    <Dialog title={title} onClose={close}>
      <p>
        {asked.what === "selected"
          ? count(t, locale.value, "eraseCount", asked.count)
          : asked.what === "all"
            ? t.emptyTrashMore
            : t.eraseOne}
      </p>
      <p class="quiet">{t.eraseMore}</p>
      <div class="dialog-actions">
        <button type="button" class="button" data-first onClick={close}>
          {t.cancel}
        </button>
        <button
          type="button"
          class="button danger"
          onClick={() => {
            close();
            void erase(asked);
          }}
        >
          {title}
        </button>
      </div>
    </Dialog>
  );
}
