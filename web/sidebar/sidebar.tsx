// The list of conversations: search, groups by day, trash, and the page's own settings.

import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { beginAnew, startAnew } from "../conversation/current.ts";
import { IconButton } from "../shell/button.tsx";
import { Icon, Logo } from "../shell/icon.tsx";
import { isComposing } from "../shell/keys.ts";
import { Problem } from "../shell/problem.tsx";
import { addressOf, drawerOpen, folded, narrow, route, text, trashShown } from "../shell/state.ts";
import { groups, shownSessions } from "./groups.ts";
import { ListTools } from "./list-tools.tsx";
import { Preferences } from "./preferences.tsx";
import { Rows } from "./rows.tsx";
import { openSession } from "./session-row.tsx";
import {
  listError,
  listState,
  loadMoreSessions,
  moreSessions,
  query,
  reloadSessions,
  searched,
  sessions,
  wanted,
} from "./sessions.ts";

let searchTimer: ReturnType<typeof setTimeout> | undefined;
export function Sidebar() {
  const closed = narrow.value ? !drawerOpen.value : folded.value;
  const nav = useRef<HTMLElement>(null);
  const shown = narrow.value && drawerOpen.value;
  // Before the search takes the focus, where that was asked for.
  useLayoutEffect(() => {
    if (shown) nav.current?.querySelector<HTMLElement>(".new-conversation")?.focus();
  }, [shown]);
  useEffect(() => {
    if (!shown) return;
    // What is closed is inert, and has lost the focus by then.
    return () => {
      if (document.activeElement === document.body) document.querySelector<HTMLElement>(".header .menu")?.focus();
    };
  }, [shown]);
  return (
    <>
      {narrow.value && drawerOpen.value && (
        // biome-ignore lint/a11y/useKeyWithClickEvents: Escape and the button close it too
        // biome-ignore lint/a11y/noStaticElementInteractions: a backdrop
        <div class="backdrop" onClick={() => (drawerOpen.value = false)} />
      )}
      <nav
        class="sidebar"
        ref={nav}
        aria-label={text.value.conversations}
        inert={closed}
        data-open={drawerOpen.value}
        onKeyDown={(event) => {
          if (event.key === "Escape" && narrow.value) drawerOpen.value = false;
        }}
      >
        <header>
          <a class="brand" href={addressOf(null)} onClick={beginAnew}>
            <Logo /> <span>{text.value.appName}</span>
          </a>
          {narrow.value && (
            <IconButton
              icon="close"
              label={text.value.closeList}
              onClick={() => {
                drawerOpen.value = false;
                document.querySelector<HTMLElement>(".header .menu")?.focus();
              }}
            />
          )}
        </header>
        <a
          class="new-conversation"
          href={addressOf(null)}
          onClick={(event) => {
            event.preventDefault();
            startAnew();
          }}
        >
          <Icon name="plus" /> {text.value.newConversation}
        </a>
        <Search />
        <SessionList />
        <Preferences />
      </nav>
    </>
  );
}

function Search() {
  const input = useRef<HTMLInputElement>(null);
  const search = (words: string) => {
    query.value = words;
    clearTimeout(searchTimer);
    searchTimer = setTimeout(reloadSessions, words === "" ? 0 : 200);
  };
  return (
    <search class="search">
      <Icon name="search" />
      <input
        id="search"
        ref={input}
        type="text"
        dir="auto"
        inputMode="search"
        autocomplete="off"
        spellcheck={false}
        value={query.value}
        placeholder={text.value.search}
        aria-label={text.value.search}
        onInput={(event) => search(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (isComposing(event)) return;
          if (event.key === "Escape" && query.value !== "") {
            event.stopPropagation();
            search("");
          } else if (event.key === "ArrowDown" || event.key === "Enter") {
            const [first] = shownSessions.value;
            if (!first) return;
            event.preventDefault();
            if (event.key === "Enter") openSession(first);
            else wanted.value = first.id;
          }
        }}
      />
      {query.value !== "" && (
        <IconButton
          icon="close"
          label={text.value.searchClear}
          onClick={() => {
            search("");
            input.current?.focus();
          }}
        />
      )}
    </search>
  );
}

function SessionList() {
  const list = useRef<HTMLDivElement>(null);
  const words = searched.value;
  // What was found is read from its top: at its end it would load page after page.
  useLayoutEffect(() => list.current?.scrollTo(0, 0), [words]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: arrows lead from row to row; each row is a link of its own
    <div class="session-list" ref={list} onKeyDown={moveFocus}>
      <ListTools />
      <Groups />
      {listError.value && (
        <Problem code={listError.value.code} detail={listError.value.message}>
          <button type="button" class="button small" onClick={() => void reloadSessions()}>
            {text.value.tryAgain}
          </button>
        </Problem>
      )}
      {shownSessions.value.length === 0 && !moreSessions.value && listState.value === "ready" && (
        <p class="quiet empty">{emptyWords(words !== "")}</p>
      )}
      {moreSessions.value && <More list={list} />}
    </div>
  );
}

/** One stop for Tab; arrows, Home and End lead through the rows, also those that are not on the page. */
function moveFocus(event: KeyboardEvent): void {
  const row = (event.target as HTMLElement).closest<HTMLElement>(".session-row > a")?.parentElement;
  const rows = shownSessions.value;
  const at = rows.findIndex(({ id }) => id === row?.dataset.id);
  if (at < 0) return;
  const steps: Record<string, number | undefined> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    Home: 0,
    End: rows.length - 1,
  };
  const next = steps[event.key];
  if (next === undefined) return;
  event.preventDefault();
  if (next < 0) document.getElementById("search")?.focus();
  else wanted.value = rows[Math.min(next, rows.length - 1)]?.id ?? null;
}

function emptyWords(searching: boolean): string {
  if (searching) return text.value.nothingFound;
  return trashShown.value ? text.value.trashEmpty : text.value.noConversations;
}

function Groups() {
  const all = shownSessions.value;
  const open = route.value;
  const tabStop = all.some(({ id }) => id === open) ? (open ?? undefined) : all[0]?.id;
  const last = moreSessions.value ? groups.value.at(-1) : undefined;
  return (
    <>
      {groups.value.map((group) => (
        <section key={group.heading}>
          {group.heading !== null && <h2>{group.heading}</h2>}
          <Rows rows={group.rows} tabStop={tabStop} more={group === last} />
        </section>
      ))}
    </>
  );
}

function More({ list }: { list: { current: HTMLElement | null } }) {
  const button = useRef<HTMLButtonElement>(null);
  const length = sessions.value.length;
  useEffect(() => {
    if (!button.current) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && void loadMoreSessions(), {
      root: list.current,
      rootMargin: "900px",
    });
    observer.observe(button.current);
    return () => observer.disconnect();
  }, [length]);
  return (
    <button type="button" class="button small more" ref={button} onClick={() => void loadMoreSessions()}>
      {listState.value === "loading" ? text.value.loading : text.value.loadMore}
    </button>
  );
}
