// Above the list: choosing several conversations, and what can be done with those that are chosen.

import { useLayoutEffect } from "preact/hooks";
import { IconButton } from "../shell/button.tsx";
import { Icon } from "../shell/icon.tsx";
import { addressOf, locale, route, sought, text, trashShown } from "../shell/state.ts";
import { printNumber } from "../text/text.ts";
import { shownSessions } from "./groups.ts";
import { pinSelected, restoreSelected, selected, toggleSelecting, trashSelected } from "./selection.ts";
import { sessions } from "./sessions.ts";
import { erasing } from "./trash.tsx";

export function ListTools() {
  const chosen = selected.value;
  const selecting = chosen !== null;
  // The button that began it, or did it, is gone.
  useLayoutEffect(() => {
    if (document.activeElement !== document.body) return;
    const find = (button: string) => document.querySelector<HTMLElement>(button);
    (find(selecting ? ".selecting button" : ".list-head .select") ?? find(".new-conversation"))?.focus();
  }, [selecting]);
  if (chosen === null) return <Head />;
  const none = chosen.size === 0;
  return (
    <div class="list-head selecting" role="toolbar" aria-label={text.value.select}>
      <IconButton icon="close" label={text.value.cancel} onClick={toggleSelecting} />
      <span class="chosen" role="status" aria-label={text.value.chosen}>
        {printNumber(locale.value, chosen.size)}
      </span>
      {trashShown.value ? (
        <>
          <IconButton
            icon="restore"
            label={text.value.restore}
            disabled={none}
            onClick={() => void restoreSelected()}
          />
          <IconButton
            icon="trash"
            label={text.value.erase}
            disabled={none}
            onClick={() => (erasing.value = { what: "selected", count: chosen.size })}
          />
        </>
      ) : (
        <>
          <IconButton icon="pin" label={text.value.pin} disabled={none} onClick={() => void pinSelected()} />
          <IconButton icon="trash" label={text.value.remove} disabled={none} onClick={() => void trashSelected()} />
        </>
      )}
    </div>
  );
}

function Head() {
  const several = shownSessions.value.length > 1;
  if (!trashShown.value && !several) return null;
  return (
    <div class={trashShown.value ? "list-head trash-head" : "list-head"}>
      {trashShown.value && (
        <>
          <a
            class="icon-button"
            href={addressOf(route.value, sought.value)}
            aria-label={text.value.backFromTrash}
            title={text.value.backFromTrash}
          >
            <Icon name="back" />
          </a>
          <h2>{text.value.trash}</h2>
          {sessions.value.length > 0 && (
            <IconButton
              icon="trash"
              label={text.value.emptyTrash}
              class="empty-trash"
              onClick={() => (erasing.value = { what: "all" })}
            />
          )}
        </>
      )}
      {several && <IconButton icon="select" label={text.value.select} class="select" onClick={toggleSelecting} />}
    </div>
  );
}
