// A limit: for whom, in which time, how much. Those that its scope has besides stay as they are.

import { useSignal } from "@preact/signals";
import type { ApiError } from "../api/api.ts";
import { type Budget, type BudgetWindow, roomApi } from "../api/rooms.ts";
import { words } from "../rooms/words.ts";
import { asApiError } from "../shell/errors.ts";
import { Refusal } from "./refusal.tsx";

interface FormProps {
  budgets: readonly Budget[];
  onCancel(): void;
  onMade(): void;
}

const kinds = ["project", "global", "user", "key", "session"] as const;
type Kind = (typeof kinds)[number];
const windows = ["day", "week", "month", "total"] as const;

/** The scope's limits with this one in the place of that for the same time. */
function withLimit(budgets: readonly Budget[], scope: string, window: BudgetWindow, usd: string) {
  const others = budgets.filter((one) => one.scope === scope && (one.window !== window || one.models !== null));
  return [
    ...others.map(({ window: its, limit, models }) => ({ window: its, usd: limit, ...(models && { models }) })),
    { window, usd },
  ];
}

export function BudgetForm({ budgets, onCancel, onMade }: FormProps) {
  const kind = useSignal<Kind>("project");
  const name = useSignal("");
  const window = useSignal<BudgetWindow>("month");
  const usd = useSignal("");
  const error = useSignal<ApiError | null>(null);
  const sending = useSignal(false);
  const t = words.value;
  const isNamed = kind.value !== "project" && kind.value !== "global";
  const submit = async () => {
    const scope = isNamed ? `${kind.value}:${name.value.trim()}` : kind.value;
    sending.value = true;
    try {
      await roomApi.putBudget(scope, withLimit(budgets, scope, window.value, usd.value.trim().replace(",", ".")));
      onMade();
    } catch (cause) {
      error.value = asApiError(cause);
      sending.value = false;
    }
  };
  return (
    <form
      class="key-form-room"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <label>
        {t.scope}
        <select value={kind.value} onChange={(event) => (kind.value = event.currentTarget.value as Kind)}>
          {kinds.map((one) => (
            <option key={one} value={one}>
              {t.scopeKinds[one]}
            </option>
          ))}
        </select>
      </label>
      {isNamed && (
        <label>
          {kind.value === "user" ? t.groups.user : t.scopeId}
          <input
            required
            maxLength={128}
            value={name.value}
            onInput={(event) => (name.value = event.currentTarget.value)}
          />
        </label>
      )}
      <label>
        {t.window}
        <select value={window.value} onChange={(event) => (window.value = event.currentTarget.value as BudgetWindow)}>
          {windows.map((one) => (
            <option key={one} value={one}>
              {t.windows[one]}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t.limitUsd}
        <input
          required
          inputMode="decimal"
          pattern="\d{1,7}([.,]\d{1,12})?"
          value={usd.value}
          onInput={(event) => (usd.value = event.currentTarget.value)}
        />
      </label>
      <div class="form-actions">
        <button type="submit" class="button strong" disabled={sending.value}>
          {t.setBudget}
        </button>
        <button type="button" class="button" onClick={onCancel}>
          {t.cancel}
        </button>
      </div>
      <Refusal error={error.value} />
    </form>
  );
}
