// The audit: who made, changed, refused or erased what, the newest first.

import { useSignal } from "@preact/signals";
import { roomApi } from "../api/rooms.ts";
import { Scrolling } from "../prose/scrolling.tsx";
import { words } from "../rooms/words.ts";
import { locale } from "../shell/state.ts";
import { printNumber } from "../text/text.ts";
import { printDateTime } from "../text/time.ts";
import { usePages } from "./pages.ts";
import { Refusal } from "./refusal.tsx";

export function AuditView() {
  const action = useSignal("");
  const chosen = action.value || undefined;
  const seen = useSignal<readonly string[]>([]);
  const pages = usePages(action.value, async (after, signal) => {
    const page = await roomApi.listAudit(after, chosen, signal);
    seen.value = [...new Set([...seen.value, ...page.data.map((line) => line.action)])].sort();
    return page;
  });
  const t = words.value;
  return (
    <>
      <Refusal error={pages.error} />
      {seen.value.length > 0 && (
        <div class="usage-choice">
          <label>
            {t.action}
            <select value={action.value} onChange={(event) => (action.value = event.currentTarget.value)}>
              <option value="">{t.everything}</option>
              {seen.value.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        </div>
      )}
      {pages.ready && !pages.error && pages.items.length === 0 && <p class="quiet">{t.noLines}</p>}
      {pages.items.length > 0 && (
        <Scrolling class="room-scroll" label={t.audit}>
          <table class="room-table">
            <thead>
              <tr>
                <th scope="col">{t.at}</th>
                <th scope="col">{t.action}</th>
                <th scope="col">{t.target}</th>
                <th scope="col">{t.by}</th>
                <th scope="col" class="number">
                  {t.howMany}
                </th>
              </tr>
            </thead>
            <tbody>
              {pages.items.map((line) => (
                <tr key={line.id}>
                  <td>{printDateTime(locale.value, line.at)}</td>
                  <th scope="row">
                    <code>{line.action}</code>
                  </th>
                  <td>{line.target ?? "—"}</td>
                  <td>{line.key_id ?? t.nobody}</td>
                  <td class="number">{printNumber(locale.value, line.count)}</td>
                </tr>
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
    </>
  );
}
