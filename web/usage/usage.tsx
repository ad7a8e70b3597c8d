// The usage page: three sums, bars by day, the groups behind them as a table, and all of it as a file for a spreadsheet.

import { useSignal } from "@preact/signals";
import { roomApi, type UsageRow } from "../api/rooms.ts";
import { useAsked } from "../rooms/asked.ts";
import { Frame } from "../rooms/frame.tsx";
import { Refusal } from "../rooms/refusal.tsx";
import { words } from "../rooms/words.ts";
import { asApiError, describe } from "../shell/errors.ts";
import { Icon } from "../shell/icon.tsx";
import { mayOpen } from "../shell/me.ts";
import { locale, narrow, showToast } from "../shell/state.ts";
import { save } from "../sidebar/files.ts";
import { accuracySigns, extrapolateUsd, printShort, printUsd } from "../text/money.ts";
import type { Dictionary } from "../text/text.ts";
import { printLocalDay } from "../text/time.ts";
import { Chart, DayTable } from "./chart.tsx";
import { GroupTable } from "./group-table.tsx";
import { askedFor, type Grouping, listGroupings } from "./grouping.ts";
import { nameSessionsAndKeys } from "./names.ts";
import { lastDays, listDays, listGroups } from "./sums.ts";

const periods = [7, 30, 90] as const;
type Period = (typeof periods)[number];
const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

export function UsageRoom() {
  return mayOpen("usage") ? <Usage /> : <Frame room="usage" title={words.value.usage} />;
}

function Usage() {
  const period = useSignal<Period>(30);
  const grouping = useSignal<Grouping>("model");
  const days = lastDays(period.value);
  const [from, to] = [days[0] ?? "", days.at(-1) ?? ""];
  const by = grouping.value;
  // Groups are summed by the server apart from the days: of many conversations on many days there are too many rows.
  const isMany = by === "session_id" || by === "user" || by === "key_id";
  const asked = useAsked(`${period.value} ${by}`, async (signal) => {
    const time = { from, to, tz: zone() };
    const group = askedFor(by);
    const [rows, byDay] = await Promise.all([
      roomApi.readUsage({ ...time, group_by: isMany ? group : `day,${group}` }, signal),
      isMany ? roomApi.readUsage({ ...time, group_by: "day" }, signal) : null,
    ]);
    const names = await nameSessionsAndKeys(by, rows.data, signal);
    return { by, days, rows: rows.data, dayRows: (byDay ?? rows).data, total: rows.total, names };
  });
  const t = words.value;
  const shown = asked.value;
  const nameOf = (row: UsageRow) => (shown ? (row[shown.by] ?? null) : null);
  const groups = shown ? listGroups(shown.rows, nameOf) : [];
  const dayNameOf = shown && shown.dayRows !== shown.rows ? () => null : nameOf;
  const dayGroups = shown && shown.dayRows !== shown.rows ? listGroups(shown.dayRows, () => null) : groups;
  const bars = shown ? listDays(shown.dayRows, shown.days, dayGroups, dayNameOf) : [];
  const purposes: Dictionary = t.purposes;
  const label = (name: string | null) => {
    if (name === null) return t.none;
    return shown?.names.get(name) ?? (shown?.by === "purpose" ? purposes[name] : undefined) ?? name;
  };
  const saveCsv = async () => {
    try {
      const file = await roomApi.readUsageCsv({ from, to, tz: zone(), group_by: `day,${askedFor(by)}` });
      save(await file.blob(), `usage-${by}-${from}-${to}.csv`);
    } catch (error) {
      showToast(describe(asApiError(error)));
    }
  };
  return (
    <Frame
      room="usage"
      title={t.usage}
      tools={
        <button
          type="button"
          class="button small"
          aria-label={t.saveCsv}
          disabled={groups.length === 0}
          onClick={() => void saveCsv()}
        >
          <Icon name="down" /> {narrow.value ? "CSV" : t.saveCsv}
        </button>
      }
    >
      <Sums />
      <div class="usage-choice">
        <label>
          {t.period}
          <select
            value={period.value}
            onChange={(event) => (period.value = Number(event.currentTarget.value) as Period)}
          >
            {periods.map((count) => (
              <option key={count} value={count}>
                {count === 7 ? t.days7 : count === 30 ? t.days30 : t.days90}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t.groupBy}
          <select value={by} onChange={(event) => (grouping.value = event.currentTarget.value as Grouping)}>
            {listGroupings().map((name) => (
              <option key={name} value={name}>
                {t.groups[name]}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Refusal error={asked.error} />
      {shown && groups.length === 0 && <p class="quiet">{t.nothingUsed}</p>}
      {shown && groups.length > 0 && (
        <>
          <Chart days={bars} groups={dayGroups} label={dayGroups === groups ? label : () => t.cost} />
          {shown.total.unpriced_turns > 0 && <p class="quiet">{t.unpriced}</p>}
          <GroupTable by={shown.by} groups={groups} total={shown.total.cost ?? "0"} label={label} />
          <DayTable days={bars} />
        </>
      )}
    </Frame>
  );
}

/** Today, this month, and what the month comes to. */
function Sums() {
  const now = new Date();
  const first = printLocalDay(new Date(now.getFullYear(), now.getMonth(), 1));
  const today = printLocalDay(now);
  const asked = useAsked(today, (signal) =>
    roomApi.readUsage({ from: first, to: today, group_by: "day", tz: zone() }, signal),
  );
  const t = words.value;
  const month = asked.value?.total;
  const spent = month?.cost ?? "0";
  const ofToday = asked.value?.data.find(({ day }) => day === today);
  const daysOfMonth = new Date(now.getFullYear(), now.getMonth() + 1, 0).getDate();
  const sign = month ? (accuracySigns[month.accuracy] ?? "") : "";
  const print = (amount: string) => printShort(amount, locale.value);
  const sums: [string, string, string][] = [
    [t.today, print(ofToday?.cost ?? "0"), printUsd(ofToday?.cost ?? "0", locale.value)],
    [t.thisMonth, sign + print(spent), printUsd(spent, locale.value)],
    [t.forecast, accuracySigns.estimated + print(extrapolateUsd(spent, now.getDate(), daysOfMonth)), t.forecastMore],
  ];
  return (
    <dl class="usage-sums">
      {sums.map(([name, amount, more]) => (
        <div key={name} title={more}>
          <dt>{name}</dt>
          <dd>{asked.value ? amount : "…"}</dd>
        </div>
      ))}
    </dl>
  );
}
