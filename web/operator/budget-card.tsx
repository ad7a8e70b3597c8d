// The limits of a scope: what is spent, held and left of each, as a bar and in words.

import { api } from "../api/api.ts";
import type { Budget } from "../api/rooms.ts";
import { useAsked } from "../rooms/asked.ts";
import { words } from "../rooms/words.ts";
import { addressOf, locale, text } from "../shell/state.ts";
import { addUsd, compareUsd, isPositive, printShort, printUsd, shareOf } from "../text/money.ts";
import { fill } from "../text/text.ts";
import { printDateTime } from "../text/time.ts";

interface CardProps {
  scope: string;
  /** Of the key, where it is one's. */
  name: string;
  limits: readonly Budget[];
  onRaise(): void;
  onChange(budget: Budget): void;
  onRemove(budget: Budget): void;
}

export function BudgetCard({ scope, name, limits, onRaise, onChange, onRemove }: CardProps) {
  const t = words.value;
  return (
    <section class="budget-card" aria-label={name}>
      <header>
        <h2 dir="auto">{scope.startsWith("session:") ? <SessionName id={scope.slice(8)} /> : name}</h2>
        <button type="button" class="button small" onClick={onRaise}>
          {t.raise}
        </button>
      </header>
      <ul>
        {limits.map((budget) => (
          <LimitRow
            key={`${budget.window} ${budget.models}`}
            budget={budget}
            onChange={() => onChange(budget)}
            onRemove={() => onRemove(budget)}
          />
        ))}
      </ul>
    </section>
  );
}

function SessionName({ id }: { id: string }) {
  const asked = useAsked(id, () => api.getSession(id));
  return (
    <>
      {words.value.scopeKinds.session}:{" "}
      <a href={addressOf(id)}>{asked.value ? (asked.value.title ?? text.value.untitled) : id}</a>
    </>
  );
}

function LimitRow({ budget, onChange, onRemove }: { budget: Budget; onChange(): void; onRemove(): void }) {
  const t = words.value;
  const { settled, held, beyond, left, limit, soft, increases, resets_at } = budget;
  const print = (amount: string) => printUsd(amount, locale.value);
  const when = (at: string) => printDateTime(locale.value, at);
  const percent = new Intl.NumberFormat(locale.value, { style: "percent" });
  const name = [t.windows[budget.window], ...(budget.models ?? [])].join(" · ");
  return (
    <li>
      <div class="limit-head">
        <h3>{name}</h3>
        <span class="limit-left" title={print(left)}>
          {fill(t.leftOf, { left: printShort(left, locale.value), limit: printShort(limit, locale.value) })}
        </span>
      </div>
      <Bar budget={budget} />
      <p class="limit-words">
        <span class="spent">{fill(t.spentWord, { spent: print(settled) })}</span>
        {isPositive(beyond) && (
          <span class="beyond" title={t.beyondMore}>
            {fill(t.beyondWord, { beyond: print(beyond) })}
          </span>
        )}
        {isPositive(held) && <span class="held">{fill(t.heldNow, { held: print(held) })}</span>}
        {resets_at && <span>{fill(t.resets, { date: when(resets_at) })}</span>}
        {soft !== null && <span>{fill(t.softAt, { share: percent.format(soft) })}</span>}
        {increases.map(({ usd, until }, index) => (
          <span key={index}>{fill(t.raised, { usd: print(usd), date: when(until) })}</span>
        ))}
      </p>
      <div class="actions">
        <button type="button" class="button small" onClick={onChange} aria-label={`${t.change}: ${name}`}>
          {t.change}
        </button>
        <button type="button" class="button small danger" onClick={onRemove} aria-label={`${t.revoke}: ${name}`}>
          {t.revoke}
        </button>
      </div>
    </li>
  );
}

/** Spent, held, and free; a mark where somebody is told. Said in words beside it. */
function Bar({ budget: { settled, held, limit, soft } }: { budget: Budget }) {
  const part = (amount: string) => (isPositive(limit) ? Math.min(100, shareOf(amount, limit) * 100) : 100);
  const used = part(addUsd(settled, held));
  const spent = Math.min(part(settled), used);
  return (
    <div class="budget-bar" data-over={compareUsd(addUsd(settled, held), limit) >= 0} aria-hidden="true">
      <i class="spent" style={{ width: `${spent}%` }} />
      <i class="held" style={{ width: `${used - spent}%` }} />
      {soft !== null && <b style={{ insetInlineStart: `${soft * 100}%` }} />}
    </div>
  );
}
