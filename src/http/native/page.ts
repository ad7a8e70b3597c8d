// A page of a list, bounded in bytes: it ends early where its items are long, and says that there is more.

import type { Listed, Page } from "../../store.ts";
import type { HttpAnswer } from "../answer.ts";
import { invalidRequest } from "../field-errors.ts";
import { jsonHeaders } from "../route.ts";

/** At most so many items are in memory at a time, beside the page itself. */
const itemsAtOnce = 20;
export const mostPageBytes = 2 * 1024 * 1024;

/**
 * The page as JSON; `placeOf` says where an item stands, for lists whose items move. Holds one item more than fits at most, and always one
 * if there is any. Throws invalid_request for two cursors at once.
 */
export async function answerPage<Item extends { id: string }>(
  { limit, after, before, at }: Page,
  encode: (item: Item) => object,
  list: (part: Page) => Promise<Listed<Item>>,
  placeOf?: (item: Item) => number,
): Promise<HttpAnswer> {
  refuseTwoCursors(after, before);
  const backwards = before !== undefined && after === undefined;
  const items: { id: string; text: string; at: number | undefined }[] = [];
  let bytes = 0;
  let hasMore = true;
  while (hasMore && items.length < limit && bytes < mostPageBytes) {
    const { id: cursor, at: place = at } = items.at(-1) ?? {};
    const part = {
      limit: Math.min(itemsAtOnce, limit - items.length),
      after: backwards ? after : (cursor ?? after),
      before: backwards ? (cursor ?? before) : before,
      at: place,
    };
    const listed = await list(part);
    hasMore = listed.hasMore;
    for (const item of backwards ? listed.data.toReversed() : listed.data) {
      if (bytes >= mostPageBytes) {
        hasMore = true;
        break;
      }
      const text = JSON.stringify(encode(item));
      bytes += Buffer.byteLength(text);
      items.push({ id: item.id, text, at: placeOf?.(item) });
    }
    if (listed.data.length === 0) hasMore = false;
  }
  if (backwards) items.reverse();
  const ends = `"first_id":${JSON.stringify(items[0]?.id ?? null)},"last_id":${JSON.stringify(items.at(-1)?.id ?? null)}`;
  const body = `{"object":"list","data":[${items.map(({ text }) => text).join(",")}],${ends},"has_more":${hasMore}}`;
  return { status: 200, headers: { ...jsonHeaders }, body };
}

export function refuseTwoCursors(after: string | undefined, before: string | undefined): void {
  if (after !== undefined && before !== undefined)
    throw invalidRequest([{ pointer: "?before", detail: "cannot go with after" }]);
}
