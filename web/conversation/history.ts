// Pages of history as what is shown: read before they are put on the page, and merged with what is there already.

import { api } from "../api/api.ts";
import type { History } from "../api/wire.ts";
import { type Shown, show } from "../message/shown.ts";

export const pageSize = 50;
/** Messages are put on the page when they have been read, so that they do not grow under the reader's eyes; but not later than this. */
const readWithinMs = 400;

/** A page of history, oldest first, ready to be shown. */
export async function showPage(page: History): Promise<Shown[]> {
  const shown = page.data.toReversed().map((message) => show(message));
  const all = Promise.all(shown.map(({ prose }) => prose.ready));
  await Promise.race([all, new Promise((resolve) => setTimeout(resolve, readWithinMs))]);
  return shown;
}

/** What is shown, with the newest page as the server has it now; what has not changed stays the same object. */
export function mergePage(shown: readonly Shown[], page: History): { messages: Shown[]; keptOlder: boolean } {
  const known = new Map(shown.map((one) => [one.message.value.id, one]));
  const fresh = page.data.toReversed().map((message) => {
    const same = known.get(message.id);
    if (!same || same.message.value.status !== message.status) return show(message);
    same.message.value = message;
    return same;
  });
  const first = fresh[0] ? shown.findIndex((one) => one.message.value.id === fresh[0]?.message.value.id) : -1;
  const older = first > 0 ? shown.slice(0, first) : [];
  return { messages: [...older, ...fresh], keptOlder: older.length > 0 };
}

/** A turn that failed before its first word is kept in the history: the page with it, or null. */
export async function findStored(id: string, question: Shown, shown: readonly Shown[]): Promise<History | null> {
  const page = await api.readHistory(id, { limit: pageSize, order: "desc" }).catch(() => null);
  const newest = page?.data[1];
  const known = shown.some((one) => one.message.value.id === newest?.id);
  return newest?.role === "user" && newest.content === question.message.value.content && !known ? page : null;
}
