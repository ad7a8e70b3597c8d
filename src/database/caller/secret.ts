// What tokens are signed with: made once, and the same for every process.

import type { Tx } from "../tx.ts";

export async function takeTokenSecret(tx: Tx, { candidate }: { candidate: string }): Promise<string> {
  await tx.run("INSERT INTO secret (name, value) VALUES ('token', $1) ON CONFLICT (name) DO NOTHING", [candidate]);
  const [row] = await tx.all<{ value: string }>("SELECT value FROM secret WHERE name = 'token'");
  return row!.value;
}
