// A new key: what it is called, what it may do, for whom, how much, and until when.

import { useSignal } from "@preact/signals";
import type { ApiError } from "../api/api.ts";
import { type Key, type NewKey, type Rate, roomApi } from "../api/rooms.ts";
import { words } from "../rooms/words.ts";
import { asApiError } from "../shell/errors.ts";
import { Refusal } from "./refusal.tsx";

interface FormProps {
  onCancel(): void;
  onMade(key: Key & { secret: string }): void;
}

const offered = ["chat", "read", "admin"] as const;
const limits = ["requests_per_minute", "tokens_per_minute", "concurrent_turns"] as const;

export function KeyForm({ onCancel, onMade }: FormProps) {
  const name = useSignal("");
  const scopes = useSignal<readonly string[]>(["chat", "read"]);
  const user = useSignal("");
  const until = useSignal("");
  const rate = useSignal<Rate>({});
  const budget = useSignal("");
  const error = useSignal<ApiError | null>(null);
  const sending = useSignal(false);
  const t = words.value;
  const limitNames: Record<(typeof limits)[number], string> = {
    requests_per_minute: t.requestsPerMinute,
    tokens_per_minute: t.tokensPerMinute,
    concurrent_turns: t.turnsAtOnce,
  };
  const submit = async () => {
    const made: NewKey = { name: name.value.trim(), scopes: [...scopes.value] };
    if (user.value.trim() !== "") made.user = user.value.trim();
    if (Object.keys(rate.value).length > 0) made.rate = rate.value;
    // To the end of that day, where the reader is.
    if (until.value !== "") made.expires_at = new Date(`${until.value}T23:59:59`).toISOString();
    if (budget.value.trim() !== "") made.limits = [{ window: "month", usd: budget.value.trim().replace(",", ".") }];
    sending.value = true;
    try {
      onMade(await roomApi.createKey(made));
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
        {t.name}
        <input
          required
          maxLength={100}
          value={name.value}
          ref={(input) => {
            if (input && name.value === "" && document.activeElement?.closest("form") !== input.form) input.focus();
          }}
          onInput={(event) => (name.value = event.currentTarget.value)}
        />
      </label>
      <fieldset>
        <legend>{t.scopes}</legend>
        {offered.map((scope) => (
          <label key={scope}>
            <input
              type="checkbox"
              checked={scopes.value.includes(scope)}
              onChange={(event) => {
                const rest = scopes.value.filter((one) => one !== scope);
                scopes.value = event.currentTarget.checked ? [...rest, scope] : rest;
              }}
            />
            {t.scopeNames[scope]}
          </label>
        ))}
      </fieldset>
      <label>
        {t.keyUser}
        <input
          maxLength={128}
          value={user.value}
          aria-describedby="key-user-more"
          onInput={(event) => (user.value = event.currentTarget.value)}
        />
        <small class="quiet" id="key-user-more">
          {t.keyUserMore}
        </small>
      </label>
      {limits.map((limit) => (
        <label key={limit}>
          {limitNames[limit]}
          <input
            type="number"
            min={1}
            placeholder={t.noLimit}
            value={rate.value[limit] ?? ""}
            onInput={(event) => {
              const { [limit]: _, ...rest } = rate.value;
              const value = event.currentTarget.valueAsNumber;
              rate.value = Number.isInteger(value) && value > 0 ? { ...rest, [limit]: value } : rest;
            }}
          />
        </label>
      ))}
      <label>
        {t.monthUsd}
        <input
          inputMode="decimal"
          pattern="\d{1,7}([.,]\d{1,12})?"
          placeholder={t.noLimit}
          value={budget.value}
          onInput={(event) => (budget.value = event.currentTarget.value)}
        />
      </label>
      <label>
        {t.expires}
        <input type="date" value={until.value} onInput={(event) => (until.value = event.currentTarget.value)} />
      </label>
      <div class="form-actions">
        <button type="submit" class="button strong" disabled={sending.value || scopes.value.length === 0}>
          {t.create}
        </button>
        <button type="button" class="button" onClick={onCancel}>
          {t.cancel}
        </button>
      </div>
      <Refusal error={error.value} />
    </form>
  );
}
