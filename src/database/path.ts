// Paths: which ranges of which branches make up the way from the first turn to a given one.

import type { Reader } from "./tx.ts";

/** Positions `low..high` of one branch; the first turn of a path stands at 0. */
export interface Segment {
  branch: number;
  low: number;
  high: number;
}

/** The path of the session with this row that ends at `position` on `branch`, oldest segment first; empty when position is -1. */
export async function listSegments(
  reader: Reader,
  session: number,
  branch: number,
  position: number,
): Promise<Segment[]> {
  if (position < 0) return [];
  if (branch === 0) return [{ branch: 0, low: 0, high: position }];
  const chain = await reader.all<Segment & { parent_branch: number | null }>(
    `WITH RECURSIVE chain (branch, parent_branch, low, high) AS (
       SELECT branch, parent_branch, fork_position, CAST($3 AS BIGINT) FROM branch WHERE session = $1 AND branch = $2
       UNION ALL
       SELECT b.branch, b.parent_branch, b.fork_position, chain.low - 1
       FROM chain JOIN branch b ON b.session = $1 AND b.branch = chain.parent_branch)
     SELECT branch, parent_branch, low, high FROM chain ORDER BY low`,
    [session, branch, position],
  );
  const segments = chain.map(({ branch, low, high }) => ({ branch, low, high }));
  const oldest = chain[0];
  if (oldest?.parent_branch === 0) segments.unshift({ branch: 0, low: 0, high: oldest.low - 1 });
  return segments;
}

/** The part of a path between two positions, both included. */
export function cutSegments(segments: readonly Segment[], low: number, high: number): Segment[] {
  const cut: Segment[] = [];
  for (const segment of segments) {
    const part = { branch: segment.branch, low: Math.max(segment.low, low), high: Math.min(segment.high, high) };
    if (part.low <= part.high) cut.push(part);
  }
  return cut;
}

/** How many positions two paths have in common, from the first one on. */
export function sharedLength(one: readonly Segment[], other: readonly Segment[]): number {
  let shared = 0;
  for (const [index, segment] of one.entries()) {
    const beside = other[index];
    if (beside?.branch !== segment.branch) break;
    shared = Math.min(segment.high, beside.high) + 1;
    if (segment.high !== beside.high) break;
  }
  return shared;
}

export function isOnPath(segments: readonly Segment[], branch: number, position: number): boolean {
  return segments.some((segment) => segment.branch === branch && segment.low <= position && position <= segment.high);
}
