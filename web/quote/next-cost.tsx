// Under the field: what the next message is likely to cost because of all that goes with it, and what stands in its way.

import { useEffect } from "preact/hooks";
import { Icon } from "../shell/icon.tsx";
import { locale, text } from "../shell/state.ts";
import { printShort, printUsd } from "../text/money.ts";
import { count, type Dictionary, fill } from "../text/text.ts";
import { askQuote, fullestBudget, isDear, quote } from "./quote.ts";

interface NextCostProps {
  sessionId: string | null;
  words: string;
  /** An answer runs, or the conversation is as it was before the last one ended. */
  busy: boolean;
  /** Grows with every answer: what goes along has changed. */
  version: number;
}

export function NextCost({ sessionId, words, busy, version }: NextCostProps) {
  useEffect(() => askQuote(sessionId, words, busy), [sessionId, words, busy, version]);
  useEffect(() => () => askQuote(null, "", true), []);
  if (sessionId === null) return null;
  return (
    <p class="next-cost" role="status" aria-live="off">
      <Words />
    </p>
  );
}

function Words() {
  const known = quote.value;
  if (!known) return null;
  const errors: Dictionary = text.value.errors;
  if (!known.accepted)
    return (
      <span class="dear">
        <Icon name="warning" /> {(known.reason && errors[known.reason]) ?? known.detail}
      </span>
    );
  const { likely, worst } = known.cost;
  if (likely === null) return null;
  const most = worst === null ? "—" : printUsd(worst, locale.value);
  const dear = isDear(known);
  return (
    <span
      class={dear ? "dear" : ""}
      title={fill(text.value.nextCostMore, { likely: printUsd(likely, locale.value), worst: most })}
    >
      {dear && <Icon name="warning" />}
      {`≈ ${printShort(likely, locale.value)} · ${count(text.value, locale.value, "sentTokens", known.input_tokens)}`}
    </span>
  );
}

/** Under the header: how much of the fullest budget is used. */
export function BudgetLine() {
  const share = quote.value && fullestBudget(quote.value);
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
