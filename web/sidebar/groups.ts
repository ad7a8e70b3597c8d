// What the list shows, in its order: pins, then days and months; a flat list of what was found, or of the trash.

import { computed } from "@preact/signals";
import type { Session } from "../api/wire.ts";
import { locale, text, trashShown } from "../shell/state.ts";
import { isTemporary } from "../temporary/temporary.ts";
import { headingOf } from "../text/time.ts";
import { pinned, searched, sessions } from "./sessions.ts";

export interface Group {
  /** Null: nothing stands above it. */
  heading: string | null;
  rows: readonly Session[];
}

export const groups = computed<readonly Group[]>(() => {
  if (searched.value !== "" || trashShown.value) return [{ heading: null, rows: sessions.value }];
  const found = new Map<string, Session[]>();
  if (pinned.value.length > 0) found.set(text.value.pinned, [...pinned.value]);
  for (const session of sessions.value) {
    if (session.pinned || isTemporary(session)) continue;
    const heading = headingOf(locale.value, text.value, session.active_at);
    const rows = found.get(heading);
    if (rows) rows.push(session);
    else found.set(heading, [session]);
  }
  return [...found].map(([heading, rows]) => ({ heading, rows }));
});

/** All rows from top to bottom, on the page or not. */
export const shownSessions = computed<readonly Session[]>(() => groups.value.flatMap(({ rows }) => rows));
