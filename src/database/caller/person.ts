// What stands in a person's place where the name must not: a keyed hash, the same one for the same name in the same project.

import { createHmac, randomBytes } from "node:crypto";
import { storableText } from "../columns.ts";
import type { Tx } from "../tx.ts";

/** 96 bits: no two people of any project meet in it. */
const hashLetters = 24;

/**
 * The alias of a user's name. Whoever has the database and guesses the name can confirm the guess, and nobody else; without the row `person` in the table
 * `secret`, nobody can any more.
 */
export async function aliasOf(tx: Tx, project: string | null, user: string): Promise<string> {
  const secret = await takePersonSecret(tx);
  const hash = createHmac("sha256", secret)
    .update(`${project ?? ""}\0${storableText(user)}`)
    .digest("hex");
  return `person-${hash.slice(0, hashLetters)}`;
}

/** Made once; the same for every process. */
async function takePersonSecret(tx: Tx): Promise<string> {
  const read = () => tx.all<{ value: string }>("SELECT value FROM secret WHERE name = 'person'");
  const [known] = await read();
  if (known) return known.value;
  const candidate = randomBytes(32).toString("base64url");
  await tx.run("INSERT INTO secret (name, value) VALUES ('person', $1) ON CONFLICT (name) DO NOTHING", [candidate]);
  const [row] = await read();
  return row!.value;
}
