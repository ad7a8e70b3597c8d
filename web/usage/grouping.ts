// What usage can be grouped by: as the API asks for it, and as its rows name it.

import type { UsageRow } from "../api/rooms.ts";
import { may } from "../shell/me.ts";

const askedAs = {
  ...{ model: "model", session_id: "session", key_id: "key" },
  ...{ user: "user", purpose: "purpose", vendor: "vendor", project: "project" },
} as const satisfies Partial<Record<keyof UsageRow, string>>;
export type Grouping = keyof typeof askedAs;

export const askedFor = (by: Grouping): string => askedAs[by];

/** There is one project for all but operators. */
export function listGroupings(): Grouping[] {
  return (Object.keys(askedAs) as Grouping[]).filter((by) => by !== "project" || may("operator"));
}
