// Under the field: what the next message is likely to cost because of all that goes with it, and what stands in its way.

import { useEffect } from "preact/hooks";
import type { Setup } from "../conversation/setup.ts";
import { Icon } from "../shell/icon.tsx";
import { locale, text } from "../shell/state.ts";
import { printShort } from "../text/money.ts";
import { count, type Dictionary } from "../text/text.ts";
import { askQuote, fullestBudget, isDear, quote, readBudgets } from "./quote.ts";
import { likelyWords } from "./words.ts";

interface NextCostProps {
  sessionId: string | null;
  /** How a conversation that has not begun would be asked. */
  setup: Setup;
  words: string;
  /** An answer runs, or the conversation is as it was before the last one ended. */
  busy: boolean;
  /** Grows with every answer: what goes along has changed. */
  version: number;
  /** Offered where the message is dear because of what goes along. */
  onAfresh: (() => void) | null;
}

export function NextCost({ sessionId, setup, words, busy, version, onAfresh }: NextCostProps) {
  useEffect(() => askQuote(sessionId, setup, words, busy), [sessionId, setup, words, busy, version]);
  useEffect(() => () => askQuote(null, setup, "", true), []);
  return (
    <p class="next-cost" role="status" aria-live="off">
      {onAfresh && quote.value && isDear(quote.value) && (
        <button type="button" class="link" onClick={onAfresh}>
          {text.value.afresh}
        </button>
      )}
      <Words />
    </p>
  );
}

function Words() {
  const known = quote.value;
  if (!known) return null;
  const errors: Dictionary = text.value.errors;
  if (!known.accepted) {
    const why = (known.reason && errors[known.reason]) ?? known.detail;
    return (
      <span class="dear" title={why}>
        <Icon name="warning" /> {why}
      </span>
    );
  }
  const { likely, worst } = known.cost;
  if (likely === null) return null;
  const dear = isDear(known);
  return (
    <span class={dear ? "dear" : ""} title={likelyWords(likely, worst)}>
      {dear && <Icon name="warning" />}
      {`≈ ${printShort(likely, locale.value)}`}
      <small>{` · ${count(text.value, locale.value, "sentTokens", known.input_tokens)}`}</small>
    </span>
  );
}

interface BudgetLineProps {
  /** Null: a conversation that has not begun. */
  sessionId: string | null;
  /** Grows with every answer; 0: one runs, or it is not known yet. */
  version: number;
}

/** Under the header: how much of the fullest budget is used. */
export function BudgetLine({ sessionId, version }: BudgetLineProps) {
  useEffect(() => {
    if (version > 0 || sessionId === null) void readBudgets(sessionId);
  }, [sessionId, version]);
  const share = fullestBudget();
  if (share === null) return null;
  const percent = Math.round(share * 100);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a <meter> cannot be two pixels high in every browser
    <div
      class="budget-line"
      role="meter"
      aria-label={text.value.budgetUsed}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      title={`${text.value.budgetUsed}: ${percent} %`}
    >
      <i style={{ width: `${percent}%` }} />
    </div>
  );
}
