// Whose a session is: what a caller bound to one user is held against.

import type { Reader } from "../tx.ts";

const statements = {
  session: "SELECT id, user_name FROM session WHERE id = $1 AND project = $2",
  turn: "SELECT s.id, s.user_name FROM turn t JOIN session s ON s.row = t.session AND s.project = $2 WHERE t.id = $1",
};

export async function findSessionUser(
  reader: Reader,
  project: string,
  kind: "session" | "turn",
  id: string,
): Promise<{ id: string; user: string | null } | undefined> {
  const [row] = await reader.all<{ id: string; user_name: string | null }>(statements[kind], [id, project]);
  return row && { id: row.id, user: row.user_name };
}
