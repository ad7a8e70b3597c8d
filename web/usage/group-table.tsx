// What each group used and cost, the most expensive first; what it cost is beside its name, on narrow screens too.

import { Scrolling } from "../prose/scrolling.tsx";
import { words } from "../rooms/words.ts";
import { addressOf, locale } from "../shell/state.ts";
import { columnPrinter, printUsd, shareOf } from "../text/money.ts";
import { fill, printNumber } from "../text/text.ts";
import type { Grouping } from "./grouping.ts";
import { type Group, mostColours } from "./sums.ts";

const mostRows = 100;

interface TableProps {
  by: Grouping;
  groups: readonly Group[];
  total: string;
  label(name: string | null): string;
}

export function GroupTable({ by, groups, total, label }: TableProps) {
  const t = words.value;
  const percent = new Intl.NumberFormat(locale.value, { style: "percent", maximumFractionDigits: 1 });
  const coloured = by === "model" || by === "purpose" || by === "vendor";
  const shown = groups.slice(0, mostRows);
  const print = columnPrinter([...shown.map(({ cost }) => cost), total], locale.value);
  return (
    <>
      <Scrolling class="room-scroll" label={t.groups[by]}>
        <table class="room-table">
          <thead>
            <tr>
              <th scope="col">{t.groups[by]}</th>
              {[t.cost, t.share, t.turns, t.input, t.output].map((name) => (
                <th key={name} scope="col" class="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((group, index) => (
              <tr key={group.name}>
                <th scope="row" class={coloured ? `series-${Math.min(index, mostColours)}` : ""}>
                  {coloured && <i aria-hidden="true" />}
                  {by === "session_id" && group.name !== null ? (
                    <a href={addressOf(group.name)}>{label(group.name)}</a>
                  ) : (
                    label(group.name)
                  )}
                </th>
                <td class="number" title={printUsd(group.cost, locale.value)}>
                  {print(group.cost)}
                </td>
                <td class="number">{percent.format(shareOf(group.cost, total))}</td>
                <td class="number">{printNumber(locale.value, group.turns)}</td>
                <td class="number">{printNumber(locale.value, group.input)}</td>
                <td class="number">{printNumber(locale.value, group.output)}</td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">{t.total}</th>
              <td class="number">{print(total)}</td>
              <td colSpan={4} />
            </tr>
          </tfoot>
        </table>
      </Scrolling>
      <p class="quiet exact">{fill(t.exactly, { cost: printUsd(total, locale.value) })}</p>
    </>
  );
}
