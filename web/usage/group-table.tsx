// What each group used and cost, the most expensive first.

import { Scrolling } from "../prose/scrolling.tsx";
import { words } from "../rooms/words.ts";
import { addressOf, locale } from "../shell/state.ts";
import { printShort, printUsd, shareOf } from "../text/money.ts";
import { printNumber } from "../text/text.ts";
import { type Group, mostColours } from "./sums.ts";

const mostRows = 100;

interface TableProps {
  by: "model" | "session_id" | "key_id" | "user" | "purpose" | "vendor";
  groups: readonly Group[];
  total: string;
  label(name: string | null): string;
}

export function GroupTable({ by, groups, total, label }: TableProps) {
  const t = words.value;
  const percent = new Intl.NumberFormat(locale.value, { style: "percent", maximumFractionDigits: 1 });
  const coloured = by === "model" || by === "purpose" || by === "vendor";
  return (
    <Scrolling class="room-scroll" label={t.groups[by]}>
      <table class="room-table">
        <thead>
          <tr>
            <th scope="col">{t.groups[by]}</th>
            {[t.turns, t.input, t.output, t.share, t.cost].map((name) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {groups.slice(0, mostRows).map((group, index) => (
            <tr key={group.name}>
              <th scope="row" class={coloured ? `series-${Math.min(index, mostColours)}` : ""}>
                {coloured && <i aria-hidden="true" />}
                {by === "session_id" && group.name !== null ? (
                  <a href={addressOf(group.name)}>{label(group.name)}</a>
                ) : (
                  label(group.name)
                )}
              </th>
              <td class="number">{printNumber(locale.value, group.turns)}</td>
              <td class="number">{printNumber(locale.value, group.input)}</td>
              <td class="number">{printNumber(locale.value, group.output)}</td>
              <td class="number">{percent.format(shareOf(group.cost, total))}</td>
              <td class="number" title={printUsd(group.cost, locale.value)}>
                {printShort(group.cost, locale.value)}
              </td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">{t.total}</th>
            <td colSpan={5} class="number">
              {printUsd(total, locale.value)}
            </td>
          </tr>
        </tfoot>
      </table>
    </Scrolling>
  );
}
