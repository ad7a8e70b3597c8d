// One message of the open conversation, joined to what can be done with it.

import type { Message } from "../api/wire.ts";
import { showCost } from "../inspector/inspector.ts";
import { Answer } from "../message/answer.tsx";
import { Question } from "../message/question.tsx";
import type { Shown } from "../message/shown.ts";
import { focusField } from "../shell/focus.ts";
import { text } from "../shell/state.ts";
import type { Chat } from "./chat.ts";
import { models } from "./setup.ts";

/** What begins a turn takes its own button away. */
function begin(turn: Promise<void>): void {
  void turn;
  focusField();
}

export function MessageView({ shown, chat, last }: { shown: Shown; chat: Chat; last: boolean }) {
  const free = chat.isFree;
  const onRetry = () => begin(chat.retry(shown));
  const onGo = (messageId: string) => chat.showVersion(messageId);
  const onRemove = (message: Message) => chat.removeVersion(message);
  if (shown.message.value.role === "user")
    return (
      <Question
        shown={shown}
        free={free}
        newest={chat.isNewest(shown)}
        onRetry={onRetry}
        onGo={onGo}
        onRemove={onRemove}
        onReplace={(content) => begin(chat.replace(shown, content))}
      />
    );
  return (
    <Answer
      shown={shown}
      free={free}
      newest={last}
      models={models.value}
      onQuoteAgain={(model) => chat.quoteAgain(shown, model)}
      onAgain={(model) => begin(chat.retry(shown, model))}
      onGo={onGo}
      onRemove={onRemove}
      onRetry={onRetry}
      onContinue={() => begin(chat.send(text.value.continueWords))}
      onShowCost={showCost}
    />
  );
}
