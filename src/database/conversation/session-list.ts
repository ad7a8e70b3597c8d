// Lists of sessions: in the order of their use, or as they were made.

import type { Session } from "../../conversation/session.ts";
import { notFound } from "../../errors.ts";
import { isId, timeOf } from "../../id.ts";
import type { Listed, SessionPage } from "../../store.ts";
import { chooseSessions, type SessionRow, sessionColumns, sessionFrom } from "../session.ts";
import type { Reader, Value } from "../tx.ts";

/**
 * Newest first: by its last message, in the trash by when it was put there, or by when it was made. A cursor is any id of ours,
 * also of a session that has left the list since. What moves while pages are read shows at most twice, or on the next first page;
 * what does not move shows once, as long as the caller says where the cursor stood.
 */
export async function listSessions(reader: Reader, owner: string, page: SessionPage): Promise<Listed<Session>> {
  const { after, before, limit, deleted, order = "updated" } = page;
  const params: Value[] = [owner, limit + 1];
  const keys = order === "created" ? ["id"] : [deleted ? "deleted_at" : "active_at", "id"];
  let where = `project = $1 AND ${chooseSessions(reader, page, params)}`;
  for (const [cursor, sign] of [
    [after, "<"],
    [before, ">"],
  ] as const) {
    if (cursor === undefined) continue;
    if (!isId(cursor)) throw notFound("session");
    const place =
      order === "created" ? [cursor] : [page.at ?? (await findTime(reader, owner, cursor, deleted)), cursor];
    where += ` AND (${keys.join(", ")}) ${sign} (${place.map((value) => `$${params.push(value)}`).join(", ")})`;
  }
  const backwards = before !== undefined && after === undefined;
  const direction = backwards ? "ASC" : "DESC";
  const rows = await reader.all<SessionRow>(
    `SELECT ${sessionColumns} FROM session WHERE ${where} ORDER BY ${keys.map((key) => `${key} ${direction}`).join(", ")} LIMIT $2`,
    params,
  );
  const data = rows.slice(0, limit).map(sessionFrom);
  return { data: backwards ? data.reverse() : data, hasMore: rows.length > limit };
}

/** When the cursor's session was last used, or put into the trash; of one that is not there, when it was made. */
async function findTime(reader: Reader, owner: string, id: string, deleted: boolean): Promise<number> {
  const [row] = await reader.all<{ active_at: number; deleted_at: number | null }>(
    "SELECT active_at, deleted_at FROM session WHERE id = $1 AND project = $2",
    [id, owner],
  );
  return (deleted ? row?.deleted_at : undefined) ?? row?.active_at ?? timeOf(id);
}
