// A table that says so when there is more of it than fits.

import type { ComponentChildren } from "preact";
import { text } from "../shell/state.ts";
import { Scrolling } from "./scrolling.tsx";
import { type Branch, type Tree, wordsOf } from "./tree.ts";

interface TableProps {
  head: Tree[][];
  rows: Tree[][][];
  sides: NonNullable<Branch["sides"]>;
  draw(kids: readonly Tree[]): ComponentChildren;
}

/** Numbers and dates, with what they are counted in. */
const number = /^[^\p{L}]*\d[^\p{L}]*\p{L}{0,4}[^\p{L}]*$/u;
/** In characters: longer ones are broken all the same; words that need some room, and more. */
const longestNumber = 32;
const someWords = 24;
const manyWords = 60;

/** What the style sheet makes the width of a cell of: a number is not broken, many words get room. */
function kindOf(cell: readonly Tree[]): string | undefined {
  const words = wordsOf(cell);
  if (words.length <= longestNumber && number.test(words)) return "number";
  if (words.length >= manyWords) return "long";
  return words.length >= someWords ? "some" : undefined;
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
                <td key={column} class={kindOf(cell)} data-side={side(column)} dir="auto">
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
