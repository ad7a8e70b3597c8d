// The field where the reader writes: grows with the text, keeps a draft, sends with Enter, stops a running answer.

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { ApiError } from "../api/api.ts";
import { IconButton } from "../shell/button.tsx";
import { isComposing } from "../shell/keys.ts";
import { showToast, text } from "../shell/state.ts";
import { asApiError, describe } from "../sidebar/sessions.ts";
import type { Chat } from "./chat.ts";
import { draft } from "./draft.ts";

/** On a touch keyboard there is no Shift+Enter: there Enter is a new line, and the button sends. */
const touchOnly = matchMedia("(pointer: coarse) and (hover: none)").matches;

interface ComposerProps {
  chat: Chat;
  onSend(): void;
}

export function Composer({ chat, onSend }: ComposerProps) {
  const words = useSignal(draft.get(chat.id.value));
  const area = useRef<HTMLTextAreaElement>(null);
  const running = chat.running.value;

  useEffect(() => {
    words.value = draft.get(chat.id.value);
    if (!touchOnly) area.current?.focus();
  }, [chat]);
  useSignalEffect(() => {
    const returned = chat.returned.value;
    if (returned === null) return;
    chat.returned.value = null;
    write(returned);
  });
  useLayoutEffect(() => {
    const element = area.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight}px`;
  }, [words.value]);

  const write = (value: string) => {
    words.value = value;
    draft.set(chat.id.value, value);
  };
  const submit = () => {
    const content = words.value.trim();
    if (content === "" || chat.running.value) return;
    write("");
    if (!touchOnly) area.current?.focus();
    onSend();
    void chat.send(content);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || isComposing(event) || touchOnly) return;
    event.preventDefault();
    submit();
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <textarea
        id="composer"
        ref={area}
        rows={1}
        dir="auto"
        value={words.value}
        placeholder={text.value.placeholder}
        aria-label={text.value.message}
        aria-description={text.value.keysHint}
        enterkeyhint={touchOnly ? "enter" : "send"}
        onInput={(event) => write(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      {running ? (
        <StopButton chat={chat} />
      ) : (
        <IconButton
          icon="send"
          label={text.value.send}
          class="send"
          onClick={submit}
          disabled={words.value.trim() === ""}
        />
      )}
    </form>
  );
}

function StopButton({ chat }: { chat: Chat }) {
  const answer = chat.running.value;
  const stopping = answer?.live.value?.stopping ?? false;
  const known = answer !== null && answer.message.value.turn_id !== "";
  const stop = () =>
    chat.stop().catch((error: unknown) => {
      const problem: ApiError = asApiError(error);
      showToast(describe(problem));
    });
  return (
    <IconButton
      icon="stop"
      label={stopping ? text.value.stopping : text.value.stop}
      class="send stop"
      onClick={stop}
      disabled={stopping || !known}
    />
  );
}
