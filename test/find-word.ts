// Where a word still is: every file of a SQLite database, every table of a Postgres one.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import pg from "pg";
import { eventually } from "./client.ts";

/** A word that nothing else has. In small letters, as the index has it, which does not repeat how the word before begins: its end is looked for. */
export const newWord = () =>
  randomBytes(20)
    .toString("hex")
    .replace(/\d/g, (digit) => "ghijklmnop"[Number(digit)]!);
const endOf = (word: string) => word.slice(-30);

export async function findWord(databaseUrl: string, word: string): Promise<string[]> {
  if (databaseUrl.startsWith("sqlite:")) {
    const file = databaseUrl.slice("sqlite:".length);
    return ["", "-wal", "-shm"].filter((end) => readFileSync(file + end).includes(endOf(word)));
  }
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'",
  );
  const found: string[] = [];
  for (const { name: table } of rows) {
    const hit = await client.query(`SELECT 1 FROM "${table}" x WHERE x::text LIKE $1 LIMIT 1`, [`%${endOf(word)}%`]);
    if (hit.rowCount) found.push(table);
  }
  await client.end();
  return found;
}

export const waitUntilGone = (databaseUrl: string, word: string) =>
  eventually(
    () => findWord(databaseUrl, word),
    (places) => places.length === 0,
  );
