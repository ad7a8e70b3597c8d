// What the next message would cost, asked of the server when the reader pauses.

import { computed, signal } from "@preact/signals";
import { api } from "../api/api.ts";
import { serverGone } from "../api/network.ts";
import type { Quote } from "../api/wire.ts";
import { fieldsOf, type Setup } from "../conversation/setup.ts";
import { me, readMe } from "../shell/me.ts";
import { stored } from "../shell/stored.ts";
import { addUsd, compareUsd, shareOf } from "../text/money.ts";

const askAfterMs = 600;

/** What the message in the field would cost; null while that is not known. */
export const quote = signal<Quote | null>(null);
/** Those that concern what the reader sends, as the last quote found them, or the open conversation has them; null: those of all that the reader sends. */
const quoted = signal<Quote["budgets"] | null>(null);
export const budgets = computed(() => quoted.value ?? me.value?.budgets ?? []);
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
    if (answer) quoted.value = answer.budgets;
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

let looked: AbortController | undefined;

/** What the next message meets: in a conversation its own budgets too. Another is open, or an answer has ended and less is left. */
export async function readBudgets(sessionId: string | null): Promise<void> {
  looked?.abort();
  looked = new AbortController();
  const { signal } = looked;
  if (sessionId === null) {
    if (quoted.value !== null) await readMe();
    if (!signal.aborted) quoted.value = null;
    return;
  }
  // Without them the next quote brings them.
  const found = await api.listSessionBudgets(sessionId, signal).catch(() => null);
  if (found && !signal.aborted) quoted.value = found.data;
}

/** How much of the fullest budget is spent or held: 0 to 1; null without one. */
export function fullestBudget(): number | null {
  const known = budgets.value;
  if (known.length === 0) return null;
  return Math.min(1, Math.max(...known.map(({ settled, held, limit }) => shareOf(addUsd(settled, held), limit))));
}
