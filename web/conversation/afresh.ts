// A fresh conversation that begins with a summary of this one: the model writes it here, as an answer that is seen and paid like any other.

import { api } from "../api/api.ts";
import type { Quote } from "../api/wire.ts";
import { asApiError, describe } from "../shell/errors.ts";
import { goTo, route, showToast, text } from "../shell/state.ts";
import type { Chat } from "./chat.ts";
import { draft } from "./draft.ts";

/** What the summary would cost; null where that is not known. */
export function quoteSummary(sessionId: string): Promise<Quote | null> {
  const message = { content: text.value.summaryAsk };
  return api.quote(sessionId, message, AbortSignal.timeout(20_000)).catch(() => null);
}

/** `words`: what the reader was about to send goes along. If the summary does not come, or the reader goes elsewhere, nothing is begun. */
export async function beginAfresh(chat: Chat, words: string): Promise<void> {
  const old = chat.id.value;
  await chat.send(text.value.summaryAsk);
  const answer = chat.messages.value.at(-1)?.message.value;
  if (answer?.role !== "assistant" || answer.status !== "complete" || answer.content === "") {
    chat.returned.value = words;
    return;
  }
  draft.set(old, words);
  if (route.value !== old) return;
  const { model, system, params } = chat.setup.value;
  const told = [system, `${text.value.summaryWas}\n\n${answer.content}`].filter((part) => part !== null).join("\n\n");
  try {
    const session = await api.createSession({ model, params, system: told }, crypto.randomUUID());
    draft.set(old, "");
    draft.set(session.id, words);
    goTo(session.id);
  } catch (error) {
    chat.returned.value = words;
    showToast(describe(asApiError(error)));
  }
}
