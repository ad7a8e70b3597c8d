// Budgets: what may be spent, by whom, in which time; set, changed, raised for a while, taken away and put back.

import { useSignal } from "@preact/signals";
import { type Budget, roomApi } from "../api/rooms.ts";
import { Refusal } from "../rooms/refusal.tsx";
import { words } from "../rooms/words.ts";
import { asApiError, describe } from "../shell/errors.ts";
import { me } from "../shell/me.ts";
import { showToast, text } from "../shell/state.ts";
import { BudgetCard } from "./budget-card.tsx";
import { BudgetForm, RaiseForm } from "./budget-form.tsx";
import { changeLimits, limitOf } from "./limit.ts";
import { More } from "./listing.tsx";
import { raiseWords, scopeWords, useKeys, useModelIds, useProjects } from "./named.ts";
import { usePages } from "./pages.ts";

export function BudgetsView() {
  const projects = useProjects();
  const chosen = useSignal<string | undefined>(undefined);
  const project = chosen.value;
  const pages = usePages(
    `budgets ${project}`,
    (after, signal) => roomApi.listBudgets({ after, project }, signal),
    ({ scope }) => scope,
  );
  const models = useModelIds();
  const allKeys = useKeys();
  const keys = allKeys?.filter((key) => key.project === (project ?? me.value?.project)) ?? [];
  const isNamed = projects !== null && allKeys !== null;
  /** Null: a new one. */
  const editing = useSignal<Budget | null | undefined>(undefined);
  const raising = useSignal<readonly Budget[] | null>(null);
  const t = words.value;
  const attempt = async (act: () => Promise<void>) => {
    try {
      await act();
      pages.reload();
    } catch (error) {
      showToast(describe(asApiError(error)));
      pages.reload(); // as it is now
    }
  };
  const remove = (budget: Budget) =>
    attempt(async () => {
      const scoped = { scope: budget.scope, project };
      await changeLimits(scoped, { from: budget });
      // Not over one that another has set in its place by then.
      const undo = () => changeLimits(scoped, { to: limitOf(budget), softOfNone: budget.soft, shown: [] });
      showToast(t.limitGone, { label: text.value.undo, run: () => void attempt(undo) });
    });
  const done = () => {
    editing.value = undefined;
    raising.value = null;
    pages.reload();
  };
  const raised = raising.value?.[0];
  return (
    <>
      <Refusal error={pages.error} />
      <div class="room-tools">
        <button type="button" class="button strong" onClick={() => (editing.value = null)}>
          {t.newBudget}
        </button>
        {projects && projects.length > 1 && (
          <label>
            {t.project}
            <select
              value={project ?? projects[0]?.id}
              title={projects.find(({ id }) => id === project)?.name ?? projects[0]?.name}
              onChange={(event) => (chosen.value = event.currentTarget.value)}
            >
              {projects.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      {isNamed && pages.ready && !pages.error && pages.items.length === 0 && <p class="quiet empty">{t.noBudgets}</p>}
      {[...Map.groupBy(isNamed ? pages.items : [], ({ scope }) => scope)].map(([scope, limits]) => (
        <BudgetCard
          key={scope}
          scope={scope}
          name={scopeWords(scope, keys)}
          limits={limits}
          onRaise={() => (raising.value = limits)}
          onChange={(budget) => (editing.value = budget)}
          onRemove={(budget) => void remove(budget)}
        />
      ))}
      <More pages={pages} />
      {editing.value !== undefined && (
        <BudgetForm
          {...{ of: editing.value, project, models, keys }}
          shown={pages.hasMore ? undefined : pages.items}
          onClose={() => {
            editing.value = undefined;
            pages.reload();
          }}
          onDone={done}
        />
      )}
      {raised && (
        <RaiseForm
          scoped={{ scope: raised.scope, project }}
          title={raiseWords(raised.scope, keys)}
          until={firstEnd(raising.value ?? [])}
          onClose={() => (raising.value = null)}
          onDone={done}
        />
      )}
    </>
  );
}

function firstEnd(limits: readonly Budget[]): string | null {
  return limits.flatMap(({ resets_at }) => resets_at ?? []).sort()[0] ?? null;
}
