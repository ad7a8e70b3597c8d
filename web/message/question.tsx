// What the reader wrote: its words, its tools, a field to change it, and what to do when it did not get through.

import { useSignal } from "@preact/signals";
import type { Message } from "../api/wire.ts";
import { CopyButton, IconButton } from "../shell/button.tsx";
import { focusField } from "../shell/focus.ts";
import { isComposing } from "../shell/keys.ts";
import { Problem } from "../shell/problem.tsx";
import { text } from "../shell/state.ts";
import { RetryButton } from "./retry.tsx";
import type { Shown } from "./shown.ts";
import { Versions } from "./versions.tsx";

/** Longer messages are folded: what was pasted need not be scrolled past for ever. */
const foldedFrom = 2_500;
const pieceCharacters = 4_000;

interface QuestionProps {
  shown: Shown;
  /** Whether something can be sent now. */
  free: boolean;
  /** Whether no other question follows. */
  newest: boolean;
  onGo(messageId: string): Promise<void>;
  onRemove(message: Message): Promise<void>;
  onReplace(content: string): void;
  onRetry(): void;
}

export function Question({ shown, free, newest, onGo, onRemove, onReplace, onRetry }: QuestionProps) {
  const editing = useSignal(false);
  const { content } = shown.message.value;
  const error = shown.sendError.value;
  if (editing.value)
    return <Editor content={content} newest={newest} onDone={() => (editing.value = false)} onSend={onReplace} />;
  return (
    <article class="message question" data-newest={newest} data-message={shown.message.value.id}>
      <h2 class="hidden">{text.value.you}</h2>
      <Words content={content} />
      <div class="message-tools" data-versions={shown.message.value.siblings.count > 1}>
        <Versions message={shown.message.value} free={free} onGo={onGo} onRemove={onRemove} />
        <CopyButton read={() => content} label={text.value.copyMessage} />
        {free && (
          <IconButton
            icon="pencil"
            label={text.value.editMessage}
            class="edit"
            onClick={() => (editing.value = true)}
          />
        )}
      </div>
      {error && (
        <Problem code={error.code} detail={error.message} fields={error.fields}>
          <RetryButton free={free} onRetry={onRetry} />
        </Problem>
      )}
    </article>
  );
}

function Words({ content }: { content: string }) {
  const folded = useSignal(content.length > foldedFrom);
  const pieces: string[] = [];
  const shown = folded.value ? content.slice(0, foldedFrom) : content;
  for (let from = 0; from < shown.length; from += pieceCharacters)
    pieces.push(shown.slice(from, from + pieceCharacters));
  return (
    <div class="bubble" dir="auto">
      {pieces.length === 1
        ? pieces
        : pieces.map((piece, index) => (
            <span class="piece" key={index}>
              {piece}
            </span>
          ))}
      {content.length > foldedFrom && (
        <button type="button" class="fold" aria-expanded={!folded.value} onClick={() => (folded.value = !folded.value)}>
          {folded.value ? text.value.showAll : text.value.showLess}
        </button>
      )}
    </div>
  );
}

interface EditorProps {
  content: string;
  newest: boolean;
  onDone(): void;
  onSend(content: string): void;
}

function Editor({ content, newest, onDone, onSend }: EditorProps) {
  const words = useSignal(content);
  const submit = () => {
    const changed = words.value.trim();
    if (changed === "") return;
    onDone();
    onSend(changed);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event)) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      onDone();
      focusField();
    }
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    }
  };
  return (
    <article class="message question editor" aria-label={text.value.you}>
      <textarea
        dir="auto"
        aria-label={text.value.editMessage}
        value={words.value}
        ref={(area) => area?.focus()}
        onInput={(event) => (words.value = event.currentTarget.value)}
        onKeyDown={onKeyDown}
        rows={Math.min(12, words.value.split("\n").length + 1)}
      />
      <div class="editor-actions">
        {!newest && <p class="quiet">{text.value.restStays}</p>}
        <button
          type="button"
          class="button"
          onClick={() => {
            onDone();
            focusField();
          }}
        >
          {text.value.cancel}
        </button>
        <button type="button" class="button strong" onClick={submit} disabled={words.value.trim() === ""}>
          {text.value.saveAndSend}
        </button>
      </div>
    </article>
  );
}
