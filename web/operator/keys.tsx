// Keys: made, shown once, changed, given a new secret, blocked, deleted.

import { useSignal } from "@preact/signals";
import { type Key, type Rate, roomApi } from "../api/rooms.ts";
import { Refusal } from "../rooms/refusal.tsx";
import { words } from "../rooms/words.ts";
import { asApiError, describe } from "../shell/errors.ts";
import { may } from "../shell/me.ts";
import { locale, showToast } from "../shell/state.ts";
import { printUsd } from "../text/money.ts";
import { fill, printNumber } from "../text/text.ts";
import { printDate, printDateTime } from "../text/time.ts";
import { Confirm } from "./confirm.tsx";
import { KeyForm, rateWords } from "./key-form.tsx";
import { Listing } from "./listing.tsx";
import { useModelIds, useProjects } from "./named.ts";
import { usePages } from "./pages.ts";
import { SecretDialog } from "./secret.tsx";
import { Tokens } from "./tokens.tsx";

export function KeysView() {
  const pages = usePages(
    "keys",
    (after, signal) => roomApi.listKeys(after, signal),
    ({ id }) => id,
  );
  const models = useModelIds();
  const projects = useProjects();
  /** Null: a new one. */
  const editing = useSignal<Key | null | undefined>(undefined);
  const secret = useSignal<{ of: string; text: string; more: string } | null>(null);
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
      secret.value = { of: key.name, text: made.secret, more: `${t.secretOnce} ${t.rotateMore}` };
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
      {!pages.error && (
        <button type="button" class="button strong" onClick={() => (editing.value = null)}>
          {t.newKey}
        </button>
      )}
      {pages.ready && !pages.error && pages.items.length === 0 && <p class="quiet empty">{t.noKeys}</p>}
      <Listing
        pages={pages}
        label={t.keys}
        columns={[t.name, t.scopes, t.lastUsed, ""]}
        row={(key) => (
          <KeyRow
            key={key.id}
            of={key}
            onChange={() => (editing.value = key)}
            onRotate={() => void rotate(key)}
            onDisable={(disabled) => void setDisabled(key, disabled)}
            onRevoke={() => (revoking.value = key)}
          />
        )}
      />
      {pages.ready && may("chat") && <Tokens />}
      {editing.value !== undefined && (
        <KeyForm
          of={editing.value}
          models={models}
          projects={projects ?? []}
          onClose={() => (editing.value = undefined)}
          onDone={(key) => {
            editing.value = undefined;
            const { secret: text, ...made } = key;
            put(made);
            if (text !== undefined) secret.value = { of: key.name, text, more: t.secretOnce };
          }}
        />
      )}
      {secret.value && (
        <SecretDialog
          title={secret.value.of}
          more={secret.value.more}
          secret={secret.value.text}
          copy={t.copy}
          onDone={() => (secret.value = null)}
        />
      )}
      {revoking.value && (
        <Confirm
          title={t.revoke}
          more={fill(t.revokeMore, { name: revoking.value.name })}
          onConfirm={(
            (key) => () =>
              void revoke(key)
          )(revoking.value)}
          onClose={() => (revoking.value = null)}
        />
      )}
    </>
  );
}

interface RowProps {
  of: Key;
  onChange(): void;
  onRotate(): void;
  onDisable(disabled: boolean): void;
  onRevoke(): void;
}

/** "Requests a minute: 60", for the key and for each user of it. */
function listRates(rate: Rate | null): string[] {
  const print = ({ per_user: _, ...limits }: Rate) =>
    Object.entries(limits).map(
      ([name, limit]) => `${rateWords(name as Parameters<typeof rateWords>[0])}: ${printNumber(locale.value, limit)}`,
    );
  if (!rate) return [];
  return [...print(rate), ...print(rate.per_user ?? {}).map((line) => `${words.value.limitsOfUser} · ${line}`)];
}

function KeyRow({ of: key, onChange, onRotate, onDisable, onRevoke }: RowProps) {
  const t = words.value;
  const expired = key.expires_at !== null && Date.parse(key.expires_at) <= Date.now();
  const scopeNames: Readonly<Record<string, string | undefined>> = t.scopeNames;
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
        {listRates(key.rate).map((line) => (
          <small key={line}>{line}</small>
        ))}
        {key.limits.map(({ window, usd, models }) => (
          <small key={`${window} ${models}`}>
            {t.windows[window]}: {printUsd(usd, locale.value)}
            {models && ` · ${models.join(", ")}`}
          </small>
        ))}
        {key.models && (
          <small>
            {t.onlyModels}: {key.models.join(", ")}
          </small>
        )}
        {key.expires_at && !expired && (
          <small>
            {t.expires} {printDate(locale.value, key.expires_at)}
          </small>
        )}
      </td>
      <td class="when">
        {key.last_used_at ? printDateTime(locale.value, key.last_used_at) : t.neverUsed}
        <small>
          {t.made} {printDate(locale.value, key.created_at)}
        </small>
      </td>
      <td>
        <div class="actions">
          <button type="button" class="button small" onClick={onChange}>
            {t.change}
          </button>
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
