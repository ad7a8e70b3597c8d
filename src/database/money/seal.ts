// Sealing the ledger, a step at a time behind the turns. Each step is one transaction, and so is whole whatever happens next.

import { firstHash, hashSeal, hashText, nameEntry, type Seal, type SealedEntry } from "../../money/verify/seal.ts";
import { usageColumns } from "../columns.ts";
import type { Reader, Tx } from "../tx.ts";
import { type Entries, type Follow, type FollowStep, follow } from "./follow.ts";

/** All entries of turns up to the mark are sealed, except those that are open. */
export const sealing: Follow = { mark: "seal_mark", column: "sealed_to", open: "seal_open" };

/** One step: returns how many open turns were in it. Undefined: the mark is elsewhere by now; nothing was done. */
export async function sealEntries(tx: Tx, step: FollowStep): Promise<number | undefined> {
  const followed = await follow(tx, sealing, step);
  if (!followed) return undefined;
  const rows: EntryRow[] = [];
  for (const entries of followed.entries) rows.push(...(await listEntries(tx, entries)));
  if (rows.length > 0) await insertSeal(tx, rows, step.at);
  return followed.reopened;
}

interface EntryRow {
  /** The turn's row, and whose it is. */
  row: number;
  project: string | null;
  id: string | null;
  number: number;
  /** What is hashed. */
  form: string;
}

/** Printed by the database: a third of what an entry's seal would cost otherwise. */
const form = [
  ...["CAST('rozmova-entry-1' AS TEXT)", "t.id", "e.number", "e.purpose", "e.at", "e.vendor"],
  ...["e.model_requested", "e.model_served", "p.key", ...usageColumns.split(", ").map((name) => `e.${name}`)],
  ...["CAST(e.total_pico AS TEXT)", "e.accuracy_rank", "e.balanced", "e.outcome", "e.error_code"],
  ...["e.lines", "e.usage_raw", "e.counted"],
];

function listEntries(tx: Tx, { from, where, params }: Entries): Promise<EntryRow[]> {
  const sql = `SELECT e.turn AS row, s.project, t.id, e.number, ${tx.dialect.jsonArray(form)} AS form FROM ${from}
    LEFT JOIN turn t ON t.row = e.turn LEFT JOIN session s ON s.row = t.session LEFT JOIN price p ON p.row = e.price
    WHERE ${where} ORDER BY e.turn, e.number`;
  return tx.all(sql, params);
}

async function insertSeal(tx: Tx, rows: readonly EntryRow[], at: number): Promise<void> {
  const [last] = await tx.all<{ number: number; entries: number; hash: string }>(
    "SELECT number, entries, hash FROM seal ORDER BY number DESC LIMIT 1",
  );
  const members = rows.map((row): SealedEntry => [row.row, row.number, hashText(row.form)]);
  const entries = (last?.entries ?? 0) + rows.length;
  const hashes = members.map(([, , hash]) => hash);
  const hash = hashSeal(last?.hash ?? firstHash, at, entries, hashes);
  await tx.run(
    "INSERT INTO seal (number, sealed_at, entries, last_entry, hash, members) VALUES ($1, $2, $3, $4, $5, $6)",
    [(last?.number ?? 0) + 1, at, entries, nameOf(rows.at(-1)!), hash, JSON.stringify(members)],
  );
  await countByProject(tx, rows);
}

function nameOf({ id, number }: EntryRow): string {
  return nameEntry({ turn: id, number });
}

/** What a project's own admins may know of the chain: how much of it is theirs. */
async function countByProject(tx: Tx, rows: readonly EntryRow[]): Promise<void> {
  for (const [project, own] of Map.groupBy(rows, (row) => row.project)) {
    if (project === null) continue;
    await tx.run(
      `INSERT INTO seal_project (project, entries, last_entry) VALUES ($1, $2, $3) ON CONFLICT (project) DO UPDATE
       SET entries = seal_project.entries + excluded.entries, last_entry = excluded.last_entry`,
      [project, own.length, nameOf(own.at(-1)!)],
    );
  }
}

export interface SealRow {
  sealed_at: number;
  entries: number;
  last_entry: string;
  hash: string;
}

/** The newest seal; of a project, with how much of all that is sealed is its own. Undefined: nothing is sealed yet. */
export async function findSeal(reader: Reader, project: string | undefined): Promise<Seal | undefined> {
  const own = "(SELECT entries, last_entry FROM seal_project WHERE project = $1) p ON 1 = 1";
  const [row] = await (project === undefined
    ? reader.all<SealRow>("SELECT sealed_at, entries, last_entry, hash FROM seal ORDER BY number DESC LIMIT 1")
    : reader.all<SealRow>(
        `SELECT s.sealed_at, COALESCE(p.entries, 0) AS entries, COALESCE(p.last_entry, '') AS last_entry, s.hash
         FROM (SELECT sealed_at, hash FROM seal ORDER BY number DESC LIMIT 1) s LEFT JOIN ${own}`,
        [project],
      ));
  return row && { sealedAt: row.sealed_at, entries: row.entries, lastEntry: row.last_entry, hash: row.hash };
}
