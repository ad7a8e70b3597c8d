// Budgets: what may be spent, by whom, in which time; what is spent and held of it; set, raised for a while, taken away.

import { useSignal } from "@preact/signals";
import { type Budget, roomApi } from "../api/rooms.ts";
import { Scrolling } from "../prose/scrolling.tsx";
import { useAsked } from "../rooms/asked.ts";
import { words } from "../rooms/words.ts";
import { asApiError, describe } from "../shell/errors.ts";
import { locale, showToast } from "../shell/state.ts";
import { addUsd, compareUsd, printUsd, shareOf } from "../text/money.ts";
import { fill } from "../text/text.ts";
import { printDateTime } from "../text/time.ts";
import { BudgetForm } from "./budget-form.tsx";
import { Refusal } from "./refusal.tsx";

export function BudgetsView() {
  const asked = useAsked("budgets", (signal) => roomApi.listBudgets(signal));
  const making = useSignal(false);
  const t = words.value;
  const budgets = asked.value?.data ?? [];
  const remove = async (scope: string) => {
    try {
      await roomApi.deleteBudget(scope);
      asked.reload();
    } catch (error) {
      showToast(describe(asApiError(error)));
    }
  };
  return (
    <>
      <Refusal error={asked.error} />
      {!asked.error && !making.value && (
        <button type="button" class="button strong" onClick={() => (making.value = true)}>
          {t.newBudget}
        </button>
      )}
      {making.value && (
        <BudgetForm
          budgets={budgets}
          onCancel={() => (making.value = false)}
          onMade={() => {
            making.value = false;
            asked.reload();
          }}
        />
      )}
      {asked.value && budgets.length === 0 && <p class="quiet">{t.noBudgets}</p>}
      {budgets.length > 0 && (
        <Scrolling class="room-scroll" label={t.budgets}>
          <table class="room-table cards">
            <thead>
              <tr>
                <th scope="col">{t.scope}</th>
                <th scope="col">{t.spent}</th>
                <th scope="col" class="number">
                  {t.left}
                </th>
                <td />
              </tr>
            </thead>
            <tbody>
              {budgets.map((budget, index) => (
                <BudgetRow
                  key={`${budget.scope} ${budget.window} ${budget.models}`}
                  budget={budget}
                  first={budgets[index - 1]?.scope !== budget.scope}
                  onRemove={() => void remove(budget.scope)}
                />
              ))}
            </tbody>
          </table>
        </Scrolling>
      )}
    </>
  );
}

/** "project", "user: olena": what the limit is for. */
export function scopeWords(scope: string): string {
  const [kind = "", ...name] = scope.split(":");
  const kinds: Readonly<Record<string, string | undefined>> = words.value.scopeKinds;
  return [kinds[kind] ?? kind, ...(name.length > 0 ? [name.join(":")] : [])].join(": ");
}

interface RowProps {
  budget: Budget;
  /** Of its scope: the limits of a scope go together. */
  first: boolean;
  onRemove(): void;
}

function BudgetRow({ budget, first, onRemove }: RowProps) {
  const t = words.value;
  const used = addUsd(budget.settled, budget.held);
  const percent = Math.min(100, shareOf(used, budget.limit) * 100);
  const isOver = compareUsd(used, budget.limit) >= 0;
  const print = (amount: string) => printUsd(amount, locale.value);
  return (
    <tr>
      <th scope="row">
        {scopeWords(budget.scope)}
        <small>
          {t.windows[budget.window]}
          {budget.models && ` · ${budget.models.join(", ")}`}
        </small>
      </th>
      <td>
        <span class="budget-bar" data-over={isOver} aria-hidden="true">
          <i style={{ width: `${percent}%` }} />
        </span>
        {fill(t.spentOf, { spent: print(budget.settled), limit: print(budget.limit) })}
        {compareUsd(budget.held, "0") > 0 && <small>{fill(t.heldNow, { held: print(budget.held) })}</small>}
        {budget.resets_at && <small>{fill(t.resets, { date: printDateTime(locale.value, budget.resets_at) })}</small>}
      </td>
      <td class="number">{print(budget.left)}</td>
      <td>
        {first && (
          <div class="actions">
            <button type="button" class="button small danger" onClick={onRemove}>
              {t.revoke}
            </button>
          </div>
        )}
      </td>
    </tr>
  );
}
