// Ctrl+K: everything the page can do and every conversation, found by typing.

import { type ReadonlySignal, signal, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { api } from "./api/api.ts";
import type { Session } from "./api/wire.ts";
import { chat, startAnew } from "./conversation/current.ts";
import { loadModels, models } from "./conversation/setup.ts";
import { showCost, showSettings } from "./inspector/inspector.ts";
import { rateOf } from "./inspector/model-choice.tsx";
import { asApiError, describe } from "./shell/errors.ts";
import { isComposing } from "./shell/keys.ts";
import { mayOpen } from "./shell/me.ts";
import {
  chooseTheme,
  goTo,
  paletteOpen,
  type Room,
  rooms,
  sheetOpen,
  showToast,
  text,
  toggleList,
} from "./shell/state.ts";
import { sessions } from "./sidebar/sessions.ts";
import { isTemporary } from "./temporary/temporary.ts";

interface Entry {
  id: string;
  label: string;
  /** It is found by these too. */
  words?: string;
  hint?: string;
  run(): void;
}

const mostConversations = 8;
const askAfterMs = 150;

/** The rooms' own words come with the rooms; until then there are none to go to. */
const roomWords = signal<ReadonlySignal<Readonly<Record<Room, string>>> | null>(null);
async function nameRooms(): Promise<void> {
  roomWords.value = (await import("./rooms/words.ts")).words;
}

function listRooms(): Entry[] {
  const names = roomWords.value?.value;
  if (!names) return [];
  return rooms
    .filter(mayOpen)
    .map((room) => ({ id: room, label: names[room], run: () => location.assign(`#/${room}`) }));
}

/** For this conversation, or for the next one: as in the settings. */
async function chooseModel(id: string | null, name: string): Promise<void> {
  try {
    await chat.value.change({ ...chat.value.setup.value, model: id });
    showToast(`${text.value.model}: ${name}`);
  } catch (error) {
    showToast(describe(asApiError(error)));
  }
}

/** Only what is typed brings them: there are many. */
function listModels(): Entry[] {
  if (chat.value.session.value?.deleted_at) return [];
  return models.value
    .filter(({ retired }) => !retired)
    .map((model) => ({
      id: `model-${model.id}`,
      label: model.display_name,
      words: `${text.value.model} ${model.id}`,
      hint: `${text.value.model} · ${rateOf(model, "input")} / ${rateOf(model, "output")}`,
      run: () => void chooseModel(model.is_default ? null : model.id, model.display_name),
    }));
}

function actions(): Entry[] {
  const t = text.value;
  const entries: Entry[] = [
    {
      id: "new",
      label: t.newConversation,
      hint: "Ctrl Shift O",
      run: startAnew,
    },
    { id: "settings", label: t.settings, run: showSettings },
    { id: "list", label: t.toggleList, hint: "Ctrl B", run: toggleList },
    { id: "light", label: `${t.theme}: ${t.themeLight}`, run: () => chooseTheme("light") },
    { id: "dark", label: `${t.theme}: ${t.themeDark}`, run: () => chooseTheme("dark") },
    { id: "system", label: `${t.theme}: ${t.themeSystem}`, run: () => chooseTheme("system") },
    ...listRooms(),
    { id: "trash", label: t.trash, run: () => location.assign("#/trash") },
    { id: "shortcuts", label: t.shortcuts, hint: "?", run: () => (sheetOpen.value = true) },
    { id: "docs", label: t.documentation, run: () => location.assign("docs") },
  ];
  if (chat.value.session.value) entries.splice(1, 0, { id: "cost", label: t.cost, run: () => showCost(null) });
  return entries;
}

/** `typed` was written before this had come. */
export function Palette({ typed: before }: { typed: string }) {
  const words = useSignal(before);
  const field = useRef<HTMLInputElement>(null);
  const found = useSignal<readonly Session[]>(sessions.value.slice(0, mostConversations));
  const chosen = useSignal(0);
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => field.current?.focus(), []);
  useEffect(() => {
    void nameRooms();
    void loadModels();
  }, []);
  useEffect(() => {
    const q = words.value.trim();
    chosen.value = 0;
    if (q === "") {
      found.value = sessions.value.filter((one) => !isTemporary(one)).slice(0, mostConversations);
      return;
    }
    const gone = new AbortController();
    const timer = setTimeout(() => {
      api.listSessions({ limit: mostConversations, q }, gone.signal).then(
        (page) => {
          found.value = page.data;
        },
        () => undefined, // the actions can still be chosen
      );
    }, askAfterMs);
    return () => {
      clearTimeout(timer);
      gone.abort();
    };
  }, [words.value]);
  const typed = words.value.trim().toLocaleLowerCase();
  const offered = typed === "" ? actions() : [...actions(), ...listModels()];
  const matching = offered.filter(({ label, words: more = "" }) =>
    `${label} ${more}`.toLocaleLowerCase().includes(typed),
  );
  const conversations = found.value.map((session) => ({
    id: session.id,
    label: session.title ?? text.value.untitled,
    run: () => goTo(session.id),
  }));
  const entries: Entry[] = [...matching, ...conversations];
  const run = (entry: Entry | undefined) => {
    if (!entry) return;
    paletteOpen.value = false;
    // When it is closed, and before the next key.
    queueMicrotask(() => entry.run());
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event)) return;
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      chosen.value = (chosen.value + step + entries.length) % Math.max(1, entries.length);
      list.current?.children[chosen.value]?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(entries[chosen.value]);
    }
  };
  return (
    <div class="palette">
      <input
        ref={field}
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={entries[chosen.value] && `palette-${entries[chosen.value]?.id}`}
        aria-label={text.value.palette}
        dir="auto"
        autocomplete="off"
        spellcheck={false}
        value={words.value}
        placeholder={text.value.paletteHint}
        data-first
        onInput={(event) => (words.value = event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <div id="palette-list" role="listbox" aria-label={text.value.palette} ref={list}>
        {entries.map((entry, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keys
          <div
            key={entry.id}
            id={`palette-${entry.id}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen.value}
            onClick={() => run(entry)}
          >
            <span dir="auto">{entry.label}</span>
            {entry.hint && <kbd>{entry.hint}</kbd>}
          </div>
        ))}
      </div>
      {entries.length === 0 && <p class="quiet">{text.value.nothingFound}</p>}
    </div>
  );
}
