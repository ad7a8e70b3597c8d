// The model's answer: its parts, its state, what it cost, and what can be done with it.

import type { Message, Model, Quote } from "../api/wire.ts";
import { CostChip } from "../inspector/cost.tsx";
import { CopyButton } from "../shell/button.tsx";
import { Icon } from "../shell/icon.tsx";
import { Problem } from "../shell/problem.tsx";
import { locale, text } from "../shell/state.ts";
import { count, fill } from "../text/text.ts";
import { printDateTime, printMoment } from "../text/time.ts";
import { Again } from "./again.tsx";
import { Parts } from "./parts.tsx";
import { RetryButton } from "./retry.tsx";
import type { Shown } from "./shown.ts";
import { Versions } from "./versions.tsx";

interface AnswerProps {
  shown: Shown;
  free: boolean;
  /** Whether it is the last thing said: then another answer can take its place, or it can go on. */
  newest: boolean;
  models: readonly Model[];
  onRetry(): void;
  /** Another answer to the same question. */
  onAgain(model?: string): void;
  onQuoteAgain(model: string): Promise<Quote | null>;
  onGo(messageId: string): Promise<void>;
  onRemove(message: Message): Promise<void>;
  onContinue(): void;
  onShowCost(turnId: string): void;
}

export function Answer(props: AnswerProps) {
  const { shown, free, newest, onRetry, onContinue, onShowCost } = props;
  const message = shown.message.value;
  const { status, content, error, cost, created_at } = message;
  const live = shown.live.value;
  const busy = live !== null || shown.prose.busy.value;
  // While it grows there is room for its tools, but nothing in it that would be pushed down again and again.
  return (
    <article class={busy ? "message answer growing" : "message answer"} data-message={message.id} aria-busy={busy}>
      <h2 class="hidden">{message.model ? fill(text.value.answerOf, { model: message.model }) : text.value.model}</h2>
      {live && <Waiting shown={shown} />}
      <Parts shown={shown} />
      {live?.connection === "lost" && message.turn_id !== "" && (
        <p class="note" role="status">
          <Icon name="retry" /> {text.value.reconnecting}
        </p>
      )}
      {!live && <Outcome shown={shown} free={free} onRetry={onRetry} onContinue={newest ? onContinue : null} />}
      {error && (
        <Problem code={content !== "" && isOfTheLine(error.code) ? "broke_off" : error.code} detail={error.detail}>
          {status !== "complete" && <RetryButton free={free} onRetry={onRetry} />}
        </Problem>
      )}
      {!busy && (
        <footer class="message-tools">
          {content !== "" && <CopyButton read={() => content} label={text.value.copyMessage} />}
          <Versions message={message} free={free} onGo={props.onGo} onRemove={props.onRemove} />
          {free && status === "complete" && (
            <Again models={props.models} current={message.model} onAgain={props.onAgain} onQuote={props.onQuoteAgain} />
          )}
          {cost && <CostChip cost={cost} onOpen={() => onShowCost(message.turn_id)} />}
          <time class="quiet" dateTime={created_at} title={printDateTime(locale.value, created_at)}>
            {printMoment(locale.value, created_at)}
          </time>
        </footer>
      )}
    </article>
  );
}

/** Errors that, in the middle of an answer, mean that its line broke. */
function isOfTheLine(code: string): boolean {
  return code === "provider_unavailable" || code === "provider_error";
}

function Waiting({ shown }: { shown: Shown }) {
  const written = shown.prose.last.value !== null || shown.prose.finished.value.length > 0;
  if (written) return null;
  const thinking = shown.thoughts.last.value !== null || shown.thoughts.finished.value.length > 0;
  const unsent = shown.live.value?.connection === "lost" && shown.message.value.turn_id === "";
  return (
    <p class="waiting">
      <span class="dots" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      <span class={unsent ? "quiet" : "hidden"}>
        {unsent ? text.value.willBeSent : thinking ? text.value.thinkingNow : text.value.waiting}
      </span>
    </p>
  );
}

interface OutcomeProps {
  shown: Shown;
  free: boolean;
  onRetry(): void;
  onContinue: (() => void) | null;
}

/** How it ended, when not simply well; and what the reader should know about who answered. */
function Outcome({ shown, free, onRetry, onContinue }: OutcomeProps) {
  const { status, content, error } = shown.message.value;
  const notes: string[] = shown.notices.value.map((notice) => notice.detail);
  if (status === "stopped") notes.push(text.value.statusStopped);
  if (status === "interrupted") notes.push(text.value.statusInterrupted);
  if (status === "failed" && !error) notes.push(text.value.statusFailed);
  if (shown.unsaved.value > 0) notes.push(count(text.value, locale.value, "unsaved", shown.unsaved.value));
  if (shown.settling.value) notes.push(text.value.settling);
  const reason = shown.finishReason.value;
  if (reason === "max_tokens") notes.push(text.value.finishMaxTokens);
  else if (reason === "blocked") notes.push(text.value.finishBlocked);
  else if (status === "complete" && content === "") notes.push(text.value.finishEmpty);
  const again = !error && (status === "stopped" || status === "interrupted" || status === "failed");
  const goesOn =
    onContinue && content !== "" && (reason === "max_tokens" || status === "stopped" || status === "interrupted");
  if (notes.length === 0) return null;
  return (
    <div class="note">
      <Icon name="info" />
      <span>{notes.join(" ")}</span>
      {goesOn && (
        <button type="button" class="button small" disabled={!free} onClick={onContinue}>
          {text.value.continueAnswer}
        </button>
      )}
      {again && <RetryButton free={free} onRetry={onRetry} />}
    </div>
  );
}
