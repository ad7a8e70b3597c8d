// Cost by day: bars of our own, drawn as SVG, coloured by the style sheet; the same as a table for whoever does not see them.

import { words } from "../rooms/words.ts";
import { locale } from "../shell/state.ts";
import { addUsd, columnPrinter, compareUsd, isPositive, printShort, printUsd, shareOf } from "../text/money.ts";
import { fill } from "../text/text.ts";
import { printDay } from "../text/time.ts";
import { type Day, type Group, mostColours } from "./sums.ts";

const height = 160;
const step = 10;

interface ChartProps {
  days: readonly Day[];
  groups: readonly Group[];
  label(name: string | null): string;
}

export function Chart({ days, groups, label }: ChartProps) {
  const most = days.reduce((top, { total }) => (compareUsd(total, top) > 0 ? total : top), "0");
  const all = days.reduce((sum, { total }) => addUsd(sum, total), "0");
  const t = words.value;
  const [first, last] = [days[0]?.day ?? "", days.at(-1)?.day ?? ""];
  const summary = fill(t.chart, {
    from: printDay(locale.value, first),
    to: printDay(locale.value, last),
    cost: printShort(all, locale.value),
  });
  const names = groups.slice(0, mostColours).map(({ name }) => label(name));
  if (groups.length > mostColours) names.push(t.others);
  return (
    <figure class="chart">
      <div class="chart-top">
        <span class="quiet">{printShort(most, locale.value)}</span>
      </div>
      <svg viewBox={`0 0 ${days.length * step} ${height}`} preserveAspectRatio="none" role="img" aria-label={summary}>
        {days.map((day, index) => (
          <Bar key={day.day} day={day} most={most} x={index * step} />
        ))}
      </svg>
      <div class="chart-foot quiet" aria-hidden="true">
        <span>{printDay(locale.value, first)}</span>
        <span>{printDay(locale.value, last)}</span>
      </div>
      {names.length > 1 && (
        <ul class="legend">
          {names.map((name, index) => (
            <li key={name} class={`series-${index}`}>
              <i aria-hidden="true" /> {name}
            </li>
          ))}
        </ul>
      )}
    </figure>
  );
}

function Bar({ day, most, x }: { day: Day; most: string; x: number }) {
  let top = height;
  return (
    <g>
      <title>{`${printDay(locale.value, day.day)}: ${printUsd(day.total, locale.value)}`}</title>
      <rect class="chart-day" x={x} y={0} width={step} height={height} />
      {day.parts.map((part, index) => {
        const size = shareOf(part, most) * height;
        top -= size;
        return size === 0 ? null : (
          <rect key={index} class={`series-${index}`} x={x + 1} y={top} width={step - 2} height={size} />
        );
      })}
    </g>
  );
}

/** The bars as a table, the newest day first. */
export function DayTable({ days }: { days: readonly Day[] }) {
  const t = words.value;
  const print = columnPrinter(
    days.map(({ total }) => total),
    locale.value,
  );
  return (
    <details class="by-day">
      <summary>{t.byDay}</summary>
      <table class="room-table">
        <thead>
          <tr>
            <th scope="col">{t.day}</th>
            <th scope="col" class="number">
              {t.cost}
            </th>
          </tr>
        </thead>
        <tbody>
          {days.toReversed().map(({ day, total }) => (
            <tr key={day}>
              <th scope="row">{printDay(locale.value, day)}</th>
              <td class="number" title={printUsd(total, locale.value)}>
                {isPositive(total) ? print(total) : "—"}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
