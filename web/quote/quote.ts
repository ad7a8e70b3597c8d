// What the next message would cost, asked of the server when the reader pauses.

import { signal } from "@preact/signals";
import { api } from "../api/api.ts";
import { serverGone } from "../api/network.ts";
import type { Quote } from "../api/wire.ts";
import { fieldsOf, type Setup } from "../conversation/setup.ts";
import { stored } from "../shell/stored.ts";
import { addUsd, compareUsd, shareOf } from "../text/money.ts";

const askAfterMs = 600;

/** What the message in the field would cost; null while that is not known. */
export const quote = signal<Quote | null>(null);
/** Those that concern what the reader sends, as they stood when last asked for. */
export const budgets = signal<Quote["budgets"]>([]);
let timer: ReturnType<typeof setTimeout> | undefined;
let asked: AbortController | undefined;

/** The words or what they follow have changed. */
export function askQuote(sessionId: string | null, setup: Setup, words: string, busy: boolean): void {
  clearTimeout(timer);
  asked?.abort();
  const content = words.trim();
  if (content === "" || busy) {
    quote.value = null;
    return;
  }
  timer = setTimeout(async () => {
    if (serverGone.value) return;
    asked = new AbortController();
    const { signal } = asked;
    // A quote that does not come is no trouble of the reader's.
    const ask = async () =>
      sessionId === null
        ? api.quoteFirst({ ...(await fieldsOf(setup)), content }, signal)
        : api.quote(sessionId, { content }, signal);
    const answer = await ask().catch(() => null);
    if (signal.aborted) return;
    quote.value = answer;
    if (answer) budgets.value = answer.budgets;
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

/** What stands in the budgets, before anything is priced. Where it cannot be read, what was known stays. */
export async function readBudgets(): Promise<void> {
  const me = await api.me().catch(() => null);
  if (me) budgets.value = me.budgets;
}

/** How much of the fullest budget is spent or held: 0 to 1; null without one. */
export function fullestBudget(): number | null {
  const known = budgets.value;
  if (known.length === 0) return null;
  return Math.min(1, Math.max(...known.map(({ settled, held, limit }) => shareOf(addUsd(settled, held), limit))));
}
