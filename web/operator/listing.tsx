// A list of the server's as a table, page by page.

import type { ComponentChildren } from "preact";
import { Scrolling } from "../prose/scrolling.tsx";
import { words } from "../rooms/words.ts";
import type { Pages } from "./pages.ts";

interface ListingProps<T> {
  pages: Pages<T>;
  label: string;
  /** Their names; an empty one has only actions. */
  columns: readonly string[];
  row: (item: T) => ComponentChildren;
}

export function Listing<T>({ pages, label, columns, row }: ListingProps<T>) {
  return (
    <>
      {pages.items.length > 0 && (
        <Scrolling class="room-scroll" label={label}>
          <table class="room-table cards">
            <thead>
              <tr>
                {columns.map((name) =>
                  name === "" ? (
                    <td key={name} />
                  ) : (
                    <th key={name} scope="col">
                      {name}
                    </th>
                  ),
                )}
              </tr>
            </thead>
            <tbody>{pages.items.map(row)}</tbody>
          </table>
        </Scrolling>
      )}
      <More pages={pages} />
    </>
  );
}

export function More({ pages }: { pages: Pick<Pages<unknown>, "hasMore" | "more"> }) {
  if (!pages.hasMore) return null;
  return (
    <button type="button" class="button small" onClick={pages.more}>
      {words.value.loadMore}
    </button>
  );
}
