// A page of rows in the order of their ids.

import type { Listed, Page } from "../../store.ts";
import type { Reader, Value } from "../tx.ts";

/** `select` ends in a condition. `order`: which end the list begins at. */
export async function listRows<R>(
  reader: Reader,
  select: string,
  params: Value[],
  { limit, after, before }: Page,
  order: "ASC" | "DESC",
): Promise<Listed<R>> {
  let sql = select;
  const [beyond, ahead] = order === "ASC" ? [">", "<"] : ["<", ">"];
  if (after !== undefined) sql += ` AND id ${beyond} $${params.push(after)}`;
  if (before !== undefined) sql += ` AND id ${ahead} $${params.push(before)}`;
  const backwards = before !== undefined && after === undefined;
  const direction = backwards === (order === "ASC") ? "DESC" : "ASC";
  const rows = await reader.all<R>(`${sql} ORDER BY id ${direction} LIMIT $${params.push(limit + 1)}`, params);
  const data = rows.slice(0, limit);
  return { data: backwards ? data.reverse() : data, hasMore: rows.length > limit };
}
