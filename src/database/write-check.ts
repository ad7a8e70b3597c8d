// A write that changes nothing of anybody's: whether the database still takes any.

import type { Tx } from "./tx.ts";

export async function writeCheck(tx: Tx, { at }: { at: number }): Promise<void> {
  await tx.run("INSERT INTO write_check (id, at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET at = excluded.at", [at]);
}
