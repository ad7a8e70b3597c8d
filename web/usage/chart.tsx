// Cost by day: bars of our own, drawn as SVG, coloured by the style sheet; the same as a table for whoever does not see them.

import { useSignal } from "@preact/signals";
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
  /** By hand; null: the last day that cost something. */
  const chosen = useSignal<string | null>(null);
  const byHand = days.findIndex(({ day }) => day === chosen.value);
  const at =
    byHand >= 0
      ? byHand
      : Math.max(
          0,
          days.findLastIndex(({ total }) => isPositive(total)),
        );
  const choose = (index: number) => {
    chosen.value = days[index]?.day ?? null;
  };
  const said = days[at] ? sayDay(days[at], names) : "";
  return (
    <figure class="chart">
      <div class="chart-top">
        <span class="quiet">{printShort(most, locale.value)}</span>
      </div>
      <svg viewBox={`0 0 ${days.length * step} ${height}`} preserveAspectRatio="none" role="img" aria-label={summary}>
        {days.map((day, index) => (
          <Bar
            key={day.day}
            day={day}
            most={most}
            x={index * step}
            chosen={index === at}
            onChoose={() => choose(index)}
          />
        ))}
      </svg>
      <input
        type="range"
        min={0}
        max={days.length - 1}
        value={at}
        aria-label={t.day}
        aria-valuetext={said}
        onInput={(event) => choose(Number(event.currentTarget.value))}
      />
      <div class="chart-foot quiet" aria-hidden="true">
        <span>{printDay(locale.value, first)}</span>
        <span>{printDay(locale.value, last)}</span>
      </div>
      <p class="chart-said" aria-hidden="true">
        {said}
      </p>
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

/** "12 Nov 2026: $0.50 (gemini-2.5-pro $0.30, gemini-2.5-flash $0.20)" */
function sayDay({ day, total, parts }: Day, names: readonly string[]): string {
  const print = (amount: string) => printShort(amount, locale.value);
  const shown = parts.flatMap((part, index) => (isPositive(part) ? `${names[index]} ${print(part)}` : []));
  const of = names.length > 1 && shown.length > 0 ? ` (${shown.join(", ")})` : "";
  return `${printDay(locale.value, day)}: ${print(total)}${of}`;
}

interface BarProps {
  day: Day;
  most: string;
  x: number;
  chosen: boolean;
  onChoose(): void;
}

/** By hover, click and touch; the slider under the bars is the keyboard's. */
function Bar({ day, most, x, chosen, onChoose }: BarProps) {
  let top = height;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the slider says and does the same
    <g data-chosen={chosen} onClick={onChoose} onPointerEnter={onChoose}>
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
