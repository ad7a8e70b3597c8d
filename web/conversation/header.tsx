// Above the conversation: its title, what it has cost so far, and its settings.

import { useSignal } from "@preact/signals";
import type { Cost, Session } from "../api/wire.ts";
import { TotalButton } from "../inspector/cost.tsx";
import { IconButton } from "../shell/button.tsx";
import { text } from "../shell/state.ts";
import { TitleEditor } from "../sidebar/title-editor.tsx";

interface HeaderProps {
  session: Session | null;
  /** What to call it while there is no session: empty while one is being loaded. */
  untitled: string;
  /** What the running answer has cost so far. */
  running: Cost | null;
  demo: boolean;
  listOpen: boolean;
  onToggleList(): void;
  onShowCost(): void;
  onShowSettings(): void;
  onTrash(): void;
}

export function Header(props: HeaderProps) {
  const renaming = useSignal(false);
  const { session } = props;
  const title = session ? (session.title ?? text.value.untitled) : props.untitled;
  return (
    <header class="header">
      <IconButton
        icon="menu"
        label={props.listOpen ? text.value.closeList : text.value.openList}
        class="menu"
        expanded={props.listOpen}
        onClick={props.onToggleList}
      />
      <div class="heading">
        <h1 title={title} dir="auto" class={renaming.value ? "hidden" : ""}>
          {session && !renaming.value ? (
            <button type="button" title={text.value.rename} onClick={() => (renaming.value = true)}>
              {title}
            </button>
          ) : (
            title
          )}
        </h1>
        {session && renaming.value && <TitleEditor session={session} onDone={() => (renaming.value = false)} />}
      </div>
      {props.demo && (
        <span class="demo-mark" title={`${text.value.demoBanner} ${text.value.demoHow}`}>
          {text.value.demo}
        </span>
      )}
      {session && (session.message_count > 0 || props.running) && (
        <TotalButton session={session} running={props.running} onOpen={props.onShowCost} />
      )}
      {!session?.deleted_at && <IconButton icon="sliders" label={text.value.settings} onClick={props.onShowSettings} />}
      {session && !session.deleted_at && (
        <IconButton icon="trash" label={text.value.remove} class="wide-only" onClick={props.onTrash} />
      )}
    </header>
  );
}
