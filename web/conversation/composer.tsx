// The field where the reader writes: grows with the text, keeps a draft, sends with Enter, stops a running answer.

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Cost } from "../api/wire.ts";
import { costWords } from "../inspector/cost.tsx";
import { AfreshDialog } from "../quote/afresh-dialog.tsx";
import { NextCost } from "../quote/next-cost.tsx";
import { quote } from "../quote/quote.ts";
import { IconButton } from "../shell/button.tsx";
import { asApiError, describe } from "../shell/errors.ts";
import { focusField, touchOnly } from "../shell/focus.ts";
import { isComposing } from "../shell/keys.ts";
import { showToast, text } from "../shell/state.ts";
import { beginAfresh, quoteSummary } from "./afresh.ts";
import type { Chat } from "./chat.ts";
import { draft } from "./draft.ts";

interface ComposerProps {
  chat: Chat;
  onSend(): void;
}

export function Composer({ chat, onSend }: ComposerProps) {
  const words = useSignal(draft.get(chat.id.value));
  const area = useRef<HTMLTextAreaElement>(null);
  const running = chat.running.value;
  /** The tokens that go along, while a fresh beginning is being thought of. */
  const afresh = useSignal<number | null>(null);

  // Before the next key: it belongs to what is open now.
  useLayoutEffect(() => {
    words.value = draft.get(chat.id.value);
    focusField();
  }, [chat]);
  useSignalEffect(() => {
    const returned = chat.returned.value;
    if (returned === null) return;
    chat.returned.value = null;
    write(returned);
    area.current?.focus();
  });
  // Where the browser cannot size the field by its content, it is done here.
  useEffect(() => {
    const element = area.current;
    if (!element || CSS.supports("field-sizing", "content")) return;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight}px`;
  }, [words.value]);

  const write = (value: string) => {
    words.value = value;
    draft.set(chat.id.value, value);
  };
  const submit = () => {
    const content = words.value.trim();
    if (content === "") return;
    write("");
    focusField();
    onSend();
    void chat.send(content);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !touchOnly) {
      event.preventDefault();
      submit();
    } else if (event.key === "ArrowUp" && words.value === "") {
      const edit = [...document.querySelectorAll<HTMLElement>(".question .edit")].at(-1);
      if (!edit) return;
      event.preventDefault();
      edit.click();
    } else if (event.key === "PageUp" || event.key === "PageDown") {
      const scroller = document.querySelector(".scroller");
      if (!scroller) return;
      event.preventDefault();
      scroller.scrollBy({ top: scroller.clientHeight * (event.key === "PageUp" ? -0.9 : 0.9) });
    }
  };
  return (
    <>
      {chat.waiting.value !== null && <WaitingMessage words={chat.waiting.value} onTakeBack={() => chat.takeBack()} />}
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
        {running && <Meter cost={running.live.value?.usage?.cost ?? null} />}
        {running && words.value.trim() === "" ? (
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
      {afresh.value !== null && chat.id.value !== null && (
        <AfreshDialog
          tokens={afresh.value}
          onQuote={() => quoteSummary(chat.id.value!)}
          onClose={() => (afresh.value = null)}
          onBegin={() => {
            const kept = words.value;
            afresh.value = null;
            write("");
            onSend();
            void beginAfresh(chat, kept);
          }}
        />
      )}
      <NextCost
        sessionId={chat.id.value}
        setup={chat.setup.value}
        onAfresh={
          chat.id.value !== null && chat.messages.value.length > 0
            ? () => (afresh.value = quote.value?.input_tokens ?? 0)
            : null
        }
        words={words.value}
        busy={running !== null}
        version={chat.session.value?.version ?? 0}
      />
    </>
  );
}

/** What the running answer has cost so far; it stands still while the answer grows. */
function Meter({ cost }: { cost: Cost | null }) {
  if (!cost) return null;
  return (
    <output class="meter" aria-live="off" title={text.value.costSoFar}>
      {costWords(cost)}
    </output>
  );
}

/** A message that is sent when the running answer has ended. */
function WaitingMessage({ words, onTakeBack }: { words: string; onTakeBack(): void }) {
  return (
    <div class="waiting-message" role="status">
      <p>
        <b>{text.value.sentNext}</b> <span dir="auto">{words}</span>
      </p>
      <button type="button" class="button small" onClick={onTakeBack}>
        {text.value.takeBack}
      </button>
    </div>
  );
}

/** Stops the running answer; failures are told where they can be seen. */
export function stopAnswer(chat: Chat): void {
  chat.stop().catch((error: unknown) => showToast(describe(asApiError(error))));
}

function StopButton({ chat }: { chat: Chat }) {
  const answer = chat.running.value;
  const stopping = answer?.live.value?.stopping ?? false;
  const canStop = answer !== null && (answer.message.value.turn_id !== "" || answer.live.value?.connection === "lost");
  return (
    <IconButton
      icon="stop"
      label={stopping ? text.value.stopping : text.value.stop}
      class="send stop"
      onClick={() => {
        stopAnswer(chat);
        focusField();
      }}
      disabled={stopping || !canStop}
    />
  );
}
