// The audit: who made, changed, refused or erased what, the newest first.

import { useSignal } from "@preact/signals";
import { type AuditLine, type Key, roomApi } from "../api/rooms.ts";
import { Refusal } from "../rooms/refusal.tsx";
import { words } from "../rooms/words.ts";
import { locale } from "../shell/state.ts";
import { type Dictionary, printNumber } from "../text/text.ts";
import { printDateTime } from "../text/time.ts";
import { Listing } from "./listing.tsx";
import { scopeWords, useKeys } from "./named.ts";
import { usePages } from "./pages.ts";

export function AuditView() {
  const action = useSignal("");
  const chosen = action.value || undefined;
  const keys = useKeys();
  const pages = usePages(
    action.value,
    (after, signal) => roomApi.listAudit(after, chosen, signal),
    ({ id }) => id,
  );
  const t = words.value;
  const isEmpty = pages.ready && !pages.error && pages.items.length === 0;
  return (
    <>
      <Refusal error={pages.error} />
      {(chosen !== undefined || (keys && pages.items.length > 0)) && (
        <div class="room-tools">
          <label>
            {t.action}
            <select value={action.value} onChange={(event) => (action.value = event.currentTarget.value)}>
              <option value="">{t.everything}</option>
              {Object.entries(t.actions).map(([name, said]) => (
                <option key={name} value={name}>
                  {said}
                </option>
              ))}
            </select>
          </label>
        </div>
      )}
      {isEmpty && <p class="quiet empty">{chosen === undefined ? t.noLines : t.noSuchLines}</p>}
      {keys && (
        <Listing
          pages={pages}
          label={t.audit}
          columns={[t.action, t.target, t.by, t.at]}
          row={(line) => <Line key={line.id} line={line} keys={keys} />}
        />
      )}
    </>
  );
}

function Line({ line, keys }: { line: AuditLine; keys: readonly Key[] }) {
  const t = words.value;
  const actions: Dictionary = t.actions;
  return (
    <tr>
      <th scope="row">
        {actions[line.action] ?? line.action}
        {line.count > 1 && ` × ${printNumber(locale.value, line.count)}`}
        <small>
          <code>{line.action}</code>
        </small>
      </th>
      <td class="named" data-label={t.target}>
        <Named text={line.target} keys={keys} />
      </td>
      <td class="named" data-label={t.by}>
        {line.key_id === null ? <span class="quiet">{t.nobody}</span> : <Named text={line.key_id} keys={keys} />}
      </td>
      <td class="when">{printDateTime(locale.value, line.at)}</td>
    </tr>
  );
}

function NamedId({ name, id }: { name: string; id: string }) {
  return (
    <>
      {name}
      <small class="id">{id}</small>
    </>
  );
}

/** A key's or a budget's name with its id; else the id. */
function Named({ text, keys }: { text: string | null; keys: readonly Key[] }) {
  if (text === null) return <>—</>;
  const name = keys.find(({ id }) => id === text)?.name ?? scopeWords(text, keys);
  return name === text ? <span class="id">{text}</span> : <NamedId name={name} id={text} />;
}
