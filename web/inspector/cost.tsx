// What an answer cost, as a chip under it; and what a whole conversation did, as its total and what that is made of.

import type { Cost, History, Session, Usage } from "../api/wire.ts";
import { Icon } from "../shell/icon.tsx";
import { locale, text } from "../shell/state.ts";
import { accuracySigns, addUsd, printShort, printUsd } from "../text/money.ts";
import { count, fill, printNumber } from "../text/text.ts";

/** For the eye: short, with a sign for how sure it is. */
export function costWords(cost: Pick<Cost, "total" | "accuracy">): string {
  if (cost.total === null) return "—";
  return `${accuracySigns[cost.accuracy] ?? ""}${printShort(cost.total, locale.value)}`;
}

/** To the last digit. */
export function exactWords(cost: Pick<Cost, "total">): string {
  return cost.total === null ? text.value.costUnknown : printUsd(cost.total, locale.value);
}

export function CostChip({ cost, onOpen }: { cost: Cost; onOpen(): void }) {
  const sure = text.value.accuracy[cost.accuracy];
  const words = costWords(cost);
  return (
    <button
      type="button"
      class="cost"
      data-accuracy={cost.accuracy}
      title={cost.accuracy === "exact" ? exactWords(cost) : `${exactWords(cost)} · ${sure}`}
      aria-label={fill(text.value.costOf, { cost: `${words} (${sure})` })}
      onClick={onOpen}
    >
      {words}
    </button>
  );
}

/** The running total in the header: what is booked, and what the running answer adds to it. */
export function TotalButton({ session, running, onOpen }: { session: Session; running: Cost | null; onOpen(): void }) {
  const cost = withRunning(session.cost, running);
  const words = costWords(cost);
  return (
    <button type="button" class="total" title={text.value.sessionTotal} onClick={onOpen}>
      <span class="total-label">{text.value.sessionCost}</span> <span class="total-sum">{words}</span>
    </button>
  );
}

export function withRunning(cost: Cost, running: Cost | null): Cost {
  if (running?.total == null) return cost;
  const total = cost.total === null ? running.total : addUsd(cost.total, running.total);
  return { ...cost, total, accuracy: rank(running) > rank(cost) ? running.accuracy : cost.accuracy };
}

/** How little sure it is. */
const rank = ({ accuracy }: Cost) => ["exact", "partial", "estimated", "unknown"].indexOf(accuracy);

interface SummaryProps {
  session: Session;
  /** The turns of other versions, and what they cost. */
  hidden: History["hidden"];
}

/** The conversation's total, and what it is made of. */
export function CostSummary({ session, hidden }: SummaryProps) {
  const { usage, cost } = session;
  return (
    <section class="summary" aria-label={text.value.sessionCost}>
      <p class="sum">
        <span>{text.value.sessionCost}</span>
        <strong title={text.value.accuracyMore[cost.accuracy]}>{costWords(cost)}</strong>
      </p>
      <p class="quiet exact">
        {exactWords(cost)} · {text.value.accuracy[cost.accuracy]}
      </p>
      <dl>
        <UsageRows usage={usage} />
        {hidden && hidden.turns > 0 && (
          <div class="hidden-versions">
            <dt>{count(text.value, locale.value, "hiddenVersions", hidden.turns)}</dt>
            <dd title={exactWords(hidden.cost)}>{costWords(hidden.cost)}</dd>
          </div>
        )}
      </dl>
      {cost.unpriced_turns > 0 && (
        <p class="note">
          <Icon name="info" /> {count(text.value, locale.value, "unpricedTurns", cost.unpriced_turns)}
        </p>
      )}
    </section>
  );
}

function UsageRows({ usage }: { usage: Usage }) {
  const t = text.value;
  const rows: [string, number, boolean][] = [
    [t.inputTokens, usage.input_tokens, false],
    [t.cachedTokens, usage.cached_tokens, true],
    [t.outputTokens, usage.output_tokens, false],
    [t.thinkingTokens, usage.thinking_tokens, false],
    [t.toolTokens, usage.tool_tokens, false],
    [t.totalTokens, usage.total_tokens, false],
  ];
  return (
    <>
      {rows
        .filter(([, n]) => n > 0)
        .map(([name, n, part]) => (
          <div key={name} class={part ? "sub" : ""}>
            <dt>{name}</dt>
            <dd>{printNumber(locale.value, n)}</dd>
          </div>
        ))}
    </>
  );
}
