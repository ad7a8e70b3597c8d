// A table that says so when there is more of it than fits.

import type { ComponentChildren } from "preact";
import { text } from "../shell/state.ts";
import { Scrolling } from "./scrolling.tsx";
import type { Branch, Tree } from "./tree.ts";

interface TableProps {
  head: Tree[][];
  rows: Tree[][][];
  sides: NonNullable<Branch["sides"]>;
  draw(kids: readonly Tree[]): ComponentChildren;
}

export function TableView({ head, rows, sides, draw }: TableProps) {
  const side = (column: number) => sides[column] ?? undefined;
  return (
    <Scrolling class="table" label={text.value.table}>
      <table>
        <thead>
          <tr>
            {head.map((cell, column) => (
              <th key={column} scope="col" data-side={side(column)} dir="auto">
                {draw(cell)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, row) => (
            <tr key={row}>
              {cells.map((cell, column) => (
                <td key={column} data-side={side(column)} dir="auto">
                  {draw(cell)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolling>
  );
}
