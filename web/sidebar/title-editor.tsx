// A title being changed in its place: Enter keeps it, Escape does not, an error stays next to it.

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { Session } from "../api/wire.ts";
import { asApiError, describe } from "../shell/errors.ts";
import { Icon } from "../shell/icon.tsx";
import { isComposing } from "../shell/keys.ts";
import { text } from "../shell/state.ts";
import { makeTitle, renameSession } from "./sessions.ts";

export function TitleEditor({ session, onDone }: { session: Session; onDone(): void }) {
  const words = useSignal(session.title ?? "");
  const making = useSignal(false);
  const problem = useSignal<string | null>(null);
  /** Leaving the field saves, but not after Escape, and not twice. */
  const over = useRef(false);
  const leave = () => {
    over.current = true;
    onDone();
  };
  const save = async () => {
    if (over.current) return;
    if (words.value.trim() === (session.title ?? "")) return leave();
    over.current = true;
    try {
      await renameSession(session.id, words.value);
      onDone();
    } catch (error) {
      over.current = false;
      problem.value = describe(asApiError(error));
    }
  };
  /** The old title stays where it fails. What it cost is what the conversation's total has grown by. */
  const make = async () => {
    over.current = true;
    making.value = true;
    try {
      await makeTitle(session);
      onDone();
    } catch (error) {
      over.current = false;
      problem.value = describe(asApiError(error));
    } finally {
      making.value = false;
    }
  };
  return (
    <form
      class="title-editor"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <input
        dir="auto"
        value={words.value}
        aria-label={text.value.renameLabel}
        aria-invalid={problem.value !== null}
        ref={(input) => {
          if (input && document.activeElement !== input && problem.value === null) input.select();
        }}
        onInput={(event) => {
          words.value = event.currentTarget.value;
        }}
        onKeyDown={(event) => {
          if (isComposing(event)) {
            if (event.key === "Enter") event.preventDefault(); // chooses a word, does not send the form
          } else if (event.key === "Escape") {
            event.stopPropagation();
            leave();
          }
        }}
        onBlur={(event) => {
          if (!event.currentTarget.form?.contains(event.relatedTarget as Node | null)) void save();
        }}
      />
      {session.message_count > 0 && (
        <button
          type="button"
          class="button small"
          disabled={making.value}
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => void make()}
        >
          <Icon name="retry" /> {making.value ? text.value.loading : text.value.makeTitle}
        </button>
      )}
      {problem.value && <p role="alert">{problem.value}</p>}
    </form>
  );
}
