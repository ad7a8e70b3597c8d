// The count of changes to keys and projects, by which every process knows when to forget what it remembers of them.

import type { Reader, Tx } from "../tx.ts";

export async function readCallerVersion(reader: Reader): Promise<number> {
  const [row] = await reader.all<{ version: number }>("SELECT version FROM caller_version WHERE id = 1");
  return row!.version;
}

/** In the transaction of the change, so that nobody sees one without the other. */
export async function countChange(tx: Tx): Promise<void> {
  await tx.run("UPDATE caller_version SET version = version + 1 WHERE id = 1");
}
