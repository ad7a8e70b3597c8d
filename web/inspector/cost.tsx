// What an answer cost and what it consisted of, under the answer and for the whole conversation.

import { signal } from "@preact/signals";
import type { Cost, Session, Usage } from "../api/wire.ts";
import type { Shown } from "../conversation/shown.ts";
import { Icon } from "../shell/icon.tsx";
import { locale, text } from "../shell/state.ts";
import { printUsd } from "../text/money.ts";
import { count, fill, printNumber } from "../text/text.ts";

/** The answer whose receipt is open. */
export const receiptOf = signal<string | null>(null);

export function CostLine({ shown }: { shown: Shown }) {
  const message = shown.message.value;
  const live = shown.live.value;
  const usage = live?.usage ?? message.usage;
  const cost = live?.usage?.cost ?? message.cost;
  const words = [usage && usageWords(usage), message.model].filter((word) => word).join(" · ");
  if (!cost && words === "") return null;
  return (
    <div class={live ? "cost-line counting" : "cost-line"}>
      {cost && !live && (
        <button
          type="button"
          class="cost"
          aria-label={fill(text.value.costOf, { cost: costWords(cost) })}
          onClick={() => {
            receiptOf.value = message.turn_id;
          }}
        >
          {costWords(cost)}
        </button>
      )}
      {cost && live && <span class="cost">{costWords(cost)}</span>}
      {cost && !live && <AccuracyBadge cost={cost} />}
      {words !== "" && <span class="quiet">{words}</span>}
    </div>
  );
}

export function costWords(cost: Cost): string {
  return cost.total === null ? text.value.costUnknown : printUsd(cost.total);
}

/** Says how sure a cost is, unless it is exact. */
export function AccuracyBadge({ cost }: { cost: Pick<Cost, "accuracy"> }) {
  if (cost.accuracy === "exact") return null;
  return (
    <span class="badge" title={text.value.accuracyMore[cost.accuracy]}>
      {text.value.accuracy[cost.accuracy]}
    </span>
  );
}

function usageWords(usage: Usage): string {
  const { inShort, outShort, cachedShort, thinkingShort } = text.value;
  const number = (n: number) => printNumber(locale.value, n);
  const cached = usage.cached_tokens > 0 ? ` (${number(usage.cached_tokens)} ${cachedShort})` : "";
  const words = [`${number(usage.input_tokens)} ${inShort}${cached}`, `${number(usage.output_tokens)} ${outShort}`];
  if (usage.thinking_tokens > 0) words.push(`${number(usage.thinking_tokens)} ${thinkingShort}`);
  if (usage.tool_tokens > 0) words.push(`${number(usage.tool_tokens)} ${text.value.toolTokens.toLowerCase()}`);
  return words.join(" · ");
}

/** The running total in the header; opens what it is made of. */
export function SessionCost({ session }: { session: Session }) {
  const { usage, cost } = session;
  return (
    <div class="session-cost">
      <button
        type="button"
        class="total"
        popoverTarget="session-cost"
        aria-label={`${text.value.sessionTotal}: ${costWords(cost)}`}
        title={text.value.sessionTotal}
      >
        {costWords(cost)}
      </button>
      <div id="session-cost" class="popover" popover="auto">
        <h2>{text.value.sessionCost}</h2>
        <dl>
          <dt>{text.value.cost}</dt>
          <dd>
            <strong>{costWords(cost)}</strong> <AccuracyBadge cost={cost} />
          </dd>
          <UsageRows usage={usage} />
        </dl>
        {cost.unpriced_turns > 0 && (
          <p class="note">
            <Icon name="info" /> {count(text.value, locale.value, "unpricedTurns", cost.unpriced_turns)}
          </p>
        )}
      </div>
    </div>
  );
}

export function UsageRows({ usage }: { usage: Usage }) {
  const t = text.value;
  const rows: [string, number][] = [
    [t.inputTokens, usage.input_tokens],
    [t.cachedTokens, usage.cached_tokens],
    [t.outputTokens, usage.output_tokens],
    [t.thinkingTokens, usage.thinking_tokens],
    [t.toolTokens, usage.tool_tokens],
    [t.totalTokens, usage.total_tokens],
  ];
  return (
    <>
      {rows.map(([name, n]) => (
        <div key={name} class={name === t.cachedTokens ? "sub" : ""}>
          <dt>{name}</dt>
          <dd>{count(text.value, locale.value, "tokens", n)}</dd>
        </div>
      ))}
    </>
  );
}
