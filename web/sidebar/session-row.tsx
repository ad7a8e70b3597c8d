// One conversation in the list: its title, what was found in it, rename, delete or restore.

import { useSignal } from "@preact/signals";
import type { Session } from "../api/wire.ts";
import { IconButton } from "../shell/button.tsx";
import { keyOf } from "../shell/keys.ts";
import { addressOf, drawerOpen, foundWords, goTo, locale, route, text, trashShown } from "../shell/state.ts";
import { fill } from "../text/text.ts";
import { printMoment } from "../text/time.ts";
import { selected, toggleSelected } from "./selection.ts";
import { pinSession, query, restoreSession, searched, trashSession, wanted } from "./sessions.ts";
import { TitleEditor } from "./title-editor.tsx";
import { erasing } from "./trash.tsx";
import { unread } from "./unread.ts";

/** Shows it, at what was found in it. */
export function openSession(session: Session): void {
  drawerOpen.value = false;
  goTo(session.id, false, session.message_id ?? null, trashShown.value);
  foundWords.value = query.value
    .trim()
    .split(/\s+/)
    .filter((word) => word !== "");
}

interface SessionRowProps {
  session: Session;
  /** The row that Tab reaches; arrows lead from it to the others. */
  first: boolean;
  /** The height of the rows above it that are not on the page. */
  gapPx: number;
  /** From 1. */
  place: number;
  /** Of the group; -1: not known yet. */
  size: number;
}

export function SessionRow({ session, first, gapPx, place, size }: SessionRowProps) {
  const renaming = useSignal(false);
  const current = route.value === session.id;
  const title = session.title ?? text.value.untitled;
  const onRenamed = () => {
    if (document.activeElement?.closest(".title-editor")) wanted.value = session.id;
    renaming.value = false;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (trashShown.value || event.ctrlKey || event.metaKey || event.altKey) return; // Ctrl+P prints
    const key = keyOf(event);
    if (key === "F2") renaming.value = true;
    else if (key === "p") void pinSession(session.id, !session.pinned);
    else if (key === "Delete") void trashSession(session.id);
    else return;
    event.preventDefault();
  };
  const row = {
    "data-id": session.id,
    style: { marginTop: gapPx === 0 ? "" : `${gapPx}px` },
    "aria-posinset": place,
    "aria-setsize": size,
  };
  if (selected.value !== null) {
    return (
      <li class="session-row choice" {...row}>
        <Choice session={session} title={title} />
      </li>
    );
  }
  if (renaming.value) {
    return (
      <li class="session-row" {...row}>
        <TitleEditor session={session} onDone={onRenamed} />
      </li>
    );
  }
  return (
    <li class="session-row" data-current={current} {...row}>
      <a
        href={addressOf(session.id, session.message_id ?? null, trashShown.value)}
        tabIndex={first ? 0 : -1}
        onKeyDown={onKeyDown}
        aria-current={current ? "page" : undefined}
        title={title}
        onClick={(event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey) return;
          event.preventDefault();
          openSession(session);
        }}
      >
        <span class="title" dir="auto">
          {session.running_turn_id && <span class="pulse" role="img" aria-label={text.value.running} />}
          {unread.value.has(session.id) && <span class="unread" role="img" aria-label={text.value.unread} />}
          {title}
        </span>
        {searched.value !== "" && <Snippet text={session.snippet ?? ""} />}
        {trashShown.value && session.deleted_at && (
          <small class="quiet">
            {fill(text.value.trashedOn, { date: printMoment(locale.value, session.deleted_at) })}
          </small>
        )}
      </a>
      <span class="row-tools">
        {trashShown.value ? (
          <>
            <IconButton
              icon="restore"
              label={text.value.restore}
              onClick={() => void restoreSession(session.id, false)}
            />
            <IconButton
              icon="trash"
              label={text.value.erase}
              onClick={() => (erasing.value = { what: "one", id: session.id })}
            />
          </>
        ) : (
          <>
            <IconButton
              icon="pin"
              label={session.pinned ? text.value.unpin : text.value.pin}
              pressed={session.pinned}
              focusable={false}
              onClick={() => void pinSession(session.id, !session.pinned)}
            />
            <IconButton
              icon="pencil"
              label={text.value.rename}
              focusable={false}
              onClick={() => (renaming.value = true)}
            />
            <IconButton
              icon="trash"
              label={text.value.remove}
              focusable={false}
              onClick={() => void trashSession(session.id)}
            />
          </>
        )}
      </span>
    </li>
  );
}

function Choice({ session, title }: { session: Session; title: string }) {
  return (
    <label>
      <input
        type="checkbox"
        aria-label={fill(text.value.choose, { title })}
        checked={selected.value?.has(session.id) ?? false}
        onChange={() => toggleSelected(session.id)}
      />
      <span class="title" dir="auto">
        {title}
      </span>
    </label>
  );
}

/** Markdown's signs, which say nothing in a line of a list. */
const signs = /(?:^|(?<=\s))#{1,6} |\*\*|__|`{1,3}|^\s*&gt;\s?|\|/gm;
const entities: Record<string, string> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'" };

/** What was found stands between <mark> and </mark>; the rest is escaped, and read back, so that no HTML is taken in from anywhere. */
function Snippet({ text }: { text: string }) {
  const pieces = text
    .replace(signs, "")
    .split(/<\/?mark>/)
    .map((piece) => piece.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => entities[entity] ?? entity));
  return (
    <span class="snippet" dir="auto">
      {pieces.map((piece, index) => (index % 2 ? <mark key={index}>{piece}</mark> : piece))}
    </span>
  );
}
