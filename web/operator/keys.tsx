// Keys: made, shown once, limited, given a new secret, blocked, deleted.

import { useSignal } from "@preact/signals";
import { type Key, roomApi } from "../api/rooms.ts";
import { Scrolling } from "../prose/scrolling.tsx";
import { words } from "../rooms/words.ts";
import { CopyButton } from "../shell/button.tsx";
import { Dialog } from "../shell/dialog.tsx";
import { asApiError, describe } from "../shell/errors.ts";
import { locale, showToast } from "../shell/state.ts";
import { printUsd } from "../text/money.ts";
import { fill, printNumber } from "../text/text.ts";
import { printDateTime } from "../text/time.ts";
import { KeyForm } from "./key-form.tsx";
import { usePages } from "./pages.ts";
import { Refusal } from "./refusal.tsx";

export function KeysView() {
  const pages = usePages("keys", (after, signal) => roomApi.listKeys(after, signal));
  const making = useSignal(false);
  const secret = useSignal<string | null>(null);
  const revoking = useSignal<Key | null>(null);
  const t = words.value;
  const put = (key: Key) =>
    pages.change((keys) =>
      keys.some(({ id }) => id === key.id) ? keys.map((one) => (one.id === key.id ? key : one)) : [key, ...keys],
    );
  const attempt = async (act: () => Promise<void>) => {
    try {
      await act();
    } catch (error) {
      showToast(describe(asApiError(error)));
    }
  };
  const rotate = (key: Key) =>
    attempt(async () => {
      const made = await roomApi.rotateKey(key.id, 3_600);
      put(made);
      secret.value = made.secret;
      showToast(t.rotateMore);
    });
  const setDisabled = (key: Key, disabled: boolean) =>
    attempt(async () => put(await roomApi.changeKey(key.id, { disabled })));
  const revoke = (key: Key) =>
    attempt(async () => {
      await roomApi.deleteKey(key.id);
      pages.change((keys) => keys.filter(({ id }) => id !== key.id));
    });
  return (
    <>
      <Refusal error={pages.error} />
      {secret.value !== null && (
        <section class="secret" aria-label={t.newKey}>
          <p>{t.secretOnce}</p>
          <code>{secret.value}</code>
          <CopyButton read={() => secret.value ?? ""} label={t.copy} wordy />{" "}
          <button type="button" class="button small" onClick={() => (secret.value = null)}>
            {t.done}
          </button>
        </section>
      )}
      {!pages.error && !making.value && (
        <button type="button" class="button strong" onClick={() => (making.value = true)}>
          {t.newKey}
        </button>
      )}
      {making.value && (
        <KeyForm
          onCancel={() => (making.value = false)}
          onMade={(made) => {
            making.value = false;
            secret.value = made.secret;
            put(made);
          }}
        />
      )}
      {pages.ready && !pages.error && pages.items.length === 0 && <p class="quiet">{t.noKeys}</p>}
      {pages.items.length > 0 && (
        <Scrolling class="room-scroll" label={t.keys}>
          <table class="room-table cards">
            <thead>
              <tr>
                <th scope="col">{t.name}</th>
                <th scope="col">{t.scopes}</th>
                <th scope="col">{t.lastUsed}</th>
                <td />
              </tr>
            </thead>
            <tbody>
              {pages.items.map((key) => (
                <KeyRow
                  key={key.id}
                  of={key}
                  onRotate={() => void rotate(key)}
                  onDisable={(disabled) => void setDisabled(key, disabled)}
                  onRevoke={() => (revoking.value = key)}
                />
              ))}
            </tbody>
          </table>
        </Scrolling>
      )}
      {pages.hasMore && (
        <button type="button" class="button small" onClick={pages.more}>
          {t.loadMore}
        </button>
      )}
      {revoking.value && (
        <Dialog title={t.revoke} onClose={() => (revoking.value = null)}>
          <p>{fill(t.revokeMore, { name: revoking.value.name })}</p>
          <div class="dialog-actions">
            <button type="button" class="button" data-first onClick={() => (revoking.value = null)}>
              {t.cancel}
            </button>
            <button
              type="button"
              class="button danger"
              onClick={() => {
                const key = revoking.value;
                revoking.value = null;
                if (key) void revoke(key);
              }}
            >
              {t.revoke}
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}

interface RowProps {
  of: Key;
  onRotate(): void;
  onDisable(disabled: boolean): void;
  onRevoke(): void;
}

function KeyRow({ of: key, onRotate, onDisable, onRevoke }: RowProps) {
  const t = words.value;
  const expired = key.expires_at !== null && Date.parse(key.expires_at) <= Date.now();
  const scopeNames: Readonly<Record<string, string | undefined>> = t.scopeNames;
  const limits: [string, number | undefined][] = [
    [t.requestsPerMinute, key.rate?.requests_per_minute],
    [t.tokensPerMinute, key.rate?.tokens_per_minute],
    [t.turnsAtOnce, key.rate?.concurrent_turns],
  ];
  return (
    <tr>
      <th scope="row">
        {key.name}
        <small>
          <code>{key.prefix}…</code> · {key.project}
          {key.user !== null && ` · ${key.user}`}
        </small>
        {(key.disabled || expired) && <small class="retires">{key.disabled ? t.blocked : t.expired}</small>}
      </th>
      <td>
        {key.scopes.map((scope) => scopeNames[scope] ?? scope).join(", ")}
        {limits.map(
          ([name, limit]) =>
            limit !== undefined && (
              <small key={name}>
                {name}: {printNumber(locale.value, limit)}
              </small>
            ),
        )}
        {key.limits.map(({ window, usd, models }) => (
          <small key={`${window} ${models}`}>
            {t.windows[window]}: {printUsd(usd, locale.value)}
            {models && ` · ${models.join(", ")}`}
          </small>
        ))}
        {key.expires_at && !expired && (
          <small>
            {t.expires} {printDateTime(locale.value, key.expires_at)}
          </small>
        )}
      </td>
      <td>
        {key.last_used_at ? printDateTime(locale.value, key.last_used_at) : t.never}
        <small>
          {t.made} {printDateTime(locale.value, key.created_at)}
        </small>
      </td>
      <td>
        <div class="actions">
          <button type="button" class="button small" onClick={onRotate}>
            {t.rotate}
          </button>
          <button type="button" class="button small" onClick={() => onDisable(!key.disabled)}>
            {key.disabled ? t.enable : t.disable}
          </button>
          <button type="button" class="button small danger" onClick={onRevoke}>
            {t.revoke}
          </button>
        </div>
      </td>
    </tr>
  );
}
