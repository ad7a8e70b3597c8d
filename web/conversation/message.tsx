// One message: what the reader wrote, or the model's answer with its thoughts, its state and its cost.

import { useSignal } from "@preact/signals";
import { CostLine } from "../inspector/cost.tsx";
import { ProseView } from "../prose/prose-view.tsx";
import { CopyButton, IconButton } from "../shell/button.tsx";
import { Icon } from "../shell/icon.tsx";
import { isComposing } from "../shell/keys.ts";
import { Problem } from "../shell/problem.tsx";
import { text } from "../shell/state.ts";
import { fill } from "../text/text.ts";
import { chat } from "./current.ts";
import type { Shown } from "./shown.ts";

export function MessageView({ shown }: { shown: Shown }) {
  return shown.message.value.role === "user" ? <Question shown={shown} /> : <Answer shown={shown} />;
}

function Question({ shown }: { shown: Shown }) {
  const editing = useSignal(false);
  const { content } = shown.message.value;
  const error = shown.sendError.value;
  const free = chat.value.isFree;
  if (editing.value) return <Editor shown={shown} onDone={() => (editing.value = false)} />;
  return (
    <article class="message question">
      <h2 class="hidden">{text.value.you}</h2>
      <div class="bubble" dir="auto">
        {content}
      </div>
      <div class="message-tools">
        <CopyButton read={() => content} label={text.value.copyMessage} />
        {free && <IconButton icon="pencil" label={text.value.editMessage} onClick={() => (editing.value = true)} />}
      </div>
      {error && (
        <Problem code={error.code} detail={error.message} fields={error.fields}>
          <RetryButton shown={shown} />
        </Problem>
      )}
    </article>
  );
}

function Editor({ shown, onDone }: { shown: Shown; onDone(): void }) {
  const words = useSignal(shown.message.value.content);
  const submit = () => {
    const content = words.value.trim();
    if (content === "") return;
    onDone();
    void chat.value.replace(shown, content);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event)) return;
    if (event.key === "Escape") onDone();
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    }
  };
  return (
    <article class="message question editor">
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
        <button type="button" class="button" onClick={onDone}>
          {text.value.cancel}
        </button>
        <button type="button" class="button strong" onClick={submit} disabled={words.value.trim() === ""}>
          {text.value.saveAndSend}
        </button>
      </div>
    </article>
  );
}

function Answer({ shown }: { shown: Shown }) {
  const { status, content, error } = shown.message.value;
  const live = shown.live.value;
  return (
    <article class="message answer" aria-busy={live !== null || shown.prose.busy.value}>
      <h2 class="hidden">{text.value.model}</h2>
      <Thoughts shown={shown} />
      {live && <Waiting shown={shown} />}
      <ProseView prose={shown.prose} live={live !== null} />
      {live?.connection === "lost" && (
        <p class="note" role="status">
          <Icon name="retry" /> {text.value.reconnecting}
        </p>
      )}
      {!live && <Outcome shown={shown} />}
      {error && (
        <Problem code={error.code} detail={error.detail}>
          {status !== "complete" && <RetryButton shown={shown} />}
        </Problem>
      )}
      <footer class="message-tools">
        {!live && content !== "" && <CopyButton read={() => content} label={text.value.copyMessage} />}
        <CostLine shown={shown} />
      </footer>
    </article>
  );
}

function Waiting({ shown }: { shown: Shown }) {
  const written = shown.prose.last.value !== null || shown.prose.finished.value.length > 0;
  if (written) return null;
  const thinking = shown.thoughts.last.value !== null || shown.thoughts.finished.value.length > 0;
  return (
    <p class="waiting">
      <span class="dots" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      <span class="hidden">{thinking ? text.value.thinkingNow : text.value.waiting}</span>
    </p>
  );
}

function Thoughts({ shown }: { shown: Shown }) {
  const { thoughts } = shown;
  if (thoughts.finished.value.length === 0 && thoughts.last.value === null) return null;
  const thinking = shown.live.value !== null && shown.prose.text === "" && shown.prose.last.value === null;
  return (
    <details class="thoughts">
      <summary>{thinking ? text.value.thinkingNow : text.value.thoughts}</summary>
      <ProseView prose={thoughts} live={false} />
    </details>
  );
}

/** How it ended, when not simply well; and what the reader should know about who answered. */
function Outcome({ shown }: { shown: Shown }) {
  const { status, content, error } = shown.message.value;
  const notes: string[] = shown.notices.value.map((notice) => notice.detail);
  if (status === "stopped") notes.push(text.value.statusStopped);
  if (status === "interrupted") notes.push(text.value.statusInterrupted);
  if (status === "failed" && !error) notes.push(text.value.statusFailed);
  if (shown.settling.value) notes.push(text.value.settling);
  const reason = shown.finishReason.value;
  if (reason === "max_tokens") notes.push(text.value.finishMaxTokens);
  else if (reason === "blocked") notes.push(text.value.finishBlocked);
  else if (status === "complete" && content === "") notes.push(text.value.finishEmpty);
  const again = !error && (status === "stopped" || status === "interrupted" || status === "failed");
  if (notes.length === 0) return null;
  return (
    <div class="note">
      <Icon name="info" />
      <span>{notes.join(" ")}</span>
      {again && <RetryButton shown={shown} />}
    </div>
  );
}

function RetryButton({ shown }: { shown: Shown }) {
  return (
    <button
      type="button"
      class="button small"
      disabled={!chat.value.isFree}
      onClick={() => void chat.value.retry(shown)}
    >
      <Icon name="retry" /> {text.value.tryAgain}
    </button>
  );
}

/** Who answered, and who was asked, where they differ. */
export function servedWords(served: string, requested: string | null): string {
  const words = fill(text.value.servedBy, { served });
  return requested && requested !== served ? `${words}; ${fill(text.value.requested, { requested })}` : words;
}
