// What the next message would cost, asked of the server when the reader pauses.

import { signal } from "@preact/signals";
import { api } from "../api/api.ts";
import { serverGone } from "../api/network.ts";
import type { Quote } from "../api/wire.ts";
import { stored } from "../shell/stored.ts";
import { addUsd, compareUsd, shareOf } from "../text/money.ts";

const askAfterMs = 600;

/** What the message in the field would cost; null while that is not known. */
export const quote = signal<Quote | null>(null);
let timer: ReturnType<typeof setTimeout> | undefined;
let asked: AbortController | undefined;

/** The words or what they follow have changed. */
export function askQuote(sessionId: string | null, words: string, busy: boolean): void {
  clearTimeout(timer);
  asked?.abort();
  const content = words.trim();
  if (sessionId === null || content === "" || busy) {
    quote.value = null;
    return;
  }
  timer = setTimeout(async () => {
    if (serverGone.value) return;
    asked = new AbortController();
    const { signal } = asked;
    // A quote that does not come is no trouble of the reader's.
    const answer = await api.quote(sessionId, { content }, signal).catch(() => null);
    if (!signal.aborted) quote.value = answer;
  }, askAfterMs);
}

const amount = /^\d{1,7}([.,]\d{1,12})?$/;

/** Above this the reader wants to be warned, in USD; null: never. */
export const warnAbove = signal<string | null>(stored.get("warn"));

/** Empty: never. What is no amount changes nothing; returns whether it is one. */
export function setWarnAbove(words: string): boolean {
  const text = words.trim();
  if (text !== "" && !amount.test(text)) return false;
  warnAbove.value = text === "" ? null : text.replace(",", ".");
  stored.set("warn", warnAbove.value);
  return true;
}

export function isDear({ cost }: Quote): boolean {
  return warnAbove.value !== null && cost.likely !== null && compareUsd(cost.likely, warnAbove.value) > 0;
}

/** How much of the fullest budget is spent or held: 0 to 1; null without one. */
export function fullestBudget({ budgets }: Quote): number | null {
  if (budgets.length === 0) return null;
  return Math.min(1, Math.max(...budgets.map(({ settled, held, limit }) => shareOf(addUsd(settled, held), limit))));
}
