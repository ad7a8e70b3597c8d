// Conversations and keys by their names, where the usage page has only their ids.

import { api } from "../api/api.ts";
import { listAllKeys, type UsageRow } from "../api/rooms.ts";
import { text } from "../shell/state.ts";
import { compareUsd } from "../text/money.ts";

/** Names that are asked for at most: those of the most expensive ones. */
const mostNames = 12;

export async function nameSessionsAndKeys(
  by: string,
  rows: readonly UsageRow[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  if (by === "key_id") {
    const keys = await listAllKeys(signal).catch(() => []);
    return new Map(keys.map(({ id, name }) => [id, name]));
  }
  const names = new Map<string, string>();
  if (by !== "session_id") return names;
  const first = rows.toSorted((one, other) => compareUsd(other.cost ?? "0", one.cost ?? "0")).slice(0, mostNames);
  await Promise.all(
    first.map(async ({ session_id }) => {
      const session = session_id === undefined ? null : await api.getSession(session_id).catch(() => null);
      if (session) names.set(session.id, session.title ?? text.value.untitled);
    }),
  );
  return names;
}
