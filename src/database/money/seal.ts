// Sealing the ledger, a step at a time behind the turns. Each step is one transaction, and so is whole whatever happens next.
//
// What is sealed: all entries of turns up to the mark, except those that seal_open names: of a turn that had no bill yet when the mark went
// by, or that got another call afterwards, the entries from a number on.

import type { BookedCall } from "../../money/verify/derive.ts";
import { firstHash, hashEntry, hashSeal, nameEntry, type Seal, type SealedEntry } from "../../money/verify/seal.ts";
import type { Reader, Tx } from "../tx.ts";
import { PriceRows, selectCalls } from "./verify-read.ts";

export interface SealEntries {
  /** Where the mark is, as the caller knows it, and where it goes: to a turn such that all before it can be seen. */
  from: number;
  to: number;
  at: number;
}

/** Turns of seal_open in one step. */
const openAtOnce = 64;

/** One step. False: the mark is elsewhere by now, another process has moved it; nothing was done. */
export async function sealEntries(tx: Tx, { from, to, at }: SealEntries): Promise<boolean> {
  // The guard: whoever has moved the mark holds its row until the seal is written.
  const moved = await tx.run("UPDATE seal_mark SET sealed_to = $2 WHERE id = 1 AND sealed_to = $1", [from, to]);
  if (moved === 0) return false;
  if (to > from)
    await tx.run(
      `INSERT INTO seal_open (turn, number) SELECT row, 1 FROM turn WHERE row > $1 AND row <= $2 AND settled = 0
       ON CONFLICT (turn) DO NOTHING`,
      [from, to],
    );
  // In this order: a turn that gets its bill meanwhile is in seal_open while the new ones are listed, and taken out of it afterwards.
  const added = await listNew(tx, from, to);
  const calls = [...added, ...(await listSettledOpen(tx))];
  if (calls.length > 0) await insertSeal(tx, calls, at);
  return true;
}

/** With the project whose it is. */
type OwnedCall = BookedCall & { project: string | null };

async function listNew(tx: Tx, from: number, to: number): Promise<OwnedCall[]> {
  if (to === from) return [];
  const isNew = `e.turn > $1 AND e.turn <= $2 AND NOT EXISTS (SELECT 1 FROM seal_open o WHERE o.turn = e.turn)`;
  return ownCalls(tx, from, to, `WHERE ${isNew} ORDER BY e.turn, e.number`, [from, to]);
}

async function listSettledOpen(tx: Tx): Promise<OwnedCall[]> {
  const settled = `SELECT o.turn FROM seal_open o CROSS JOIN turn t WHERE t.row = o.turn AND t.settled = 1 ORDER BY o.turn LIMIT ${openAtOnce}`;
  const open = await tx.all<{ turn: number; number: number }>(
    `DELETE FROM seal_open WHERE turn IN (SELECT turn FROM (${settled}) ready) RETURNING turn, number`,
  );
  open.sort((a, b) => a.turn - b.turn);
  const calls: OwnedCall[] = [];
  for (const { turn, number } of open)
    calls.push(
      ...(await ownCalls(tx, turn - 1, turn, "WHERE e.turn = $1 AND e.number >= $2 ORDER BY e.number", [turn, number])),
    );
  return calls;
}

/** Calls of turns behind a row up to another. */
async function ownCalls(
  tx: Tx,
  from: number,
  to: number,
  tail: string,
  params: readonly number[],
): Promise<OwnedCall[]> {
  const owners =
    "SELECT t.row AS turn, s.project FROM turn t JOIN session s ON s.row = t.session WHERE t.row > $1 AND t.row <= $2";
  const projects = await tx.all<{ turn: number; project: string }>(owners, [from, to]);
  const projectOf = new Map(projects.map(({ turn, project }) => [turn, project]));
  const calls = await selectCalls(tx, new PriceRows(tx), tail, params);
  return calls.map((call) => ({ ...call, project: projectOf.get(call.turnRow) ?? null }));
}

async function insertSeal(tx: Tx, calls: readonly OwnedCall[], at: number): Promise<void> {
  const [last] = await tx.all<{ number: number; entries: number; hash: string }>(
    "SELECT number, entries, hash FROM seal ORDER BY number DESC LIMIT 1",
  );
  const members = calls.map((call): SealedEntry => [call.turnRow, call.number, hashEntry(call)]);
  const entries = (last?.entries ?? 0) + calls.length;
  const hashes = members.map(([, , hash]) => hash);
  const hash = hashSeal(last?.hash ?? firstHash, at, entries, hashes);
  await tx.run(
    "INSERT INTO seal (number, sealed_at, entries, last_entry, hash, members) VALUES ($1, $2, $3, $4, $5, $6)",
    [(last?.number ?? 0) + 1, at, entries, nameEntry(calls.at(-1)!), hash, JSON.stringify(members)],
  );
  await countByProject(tx, calls);
}

/** What a project's own admins may know of the chain: how much of it is theirs. */
async function countByProject(tx: Tx, calls: readonly OwnedCall[]): Promise<void> {
  for (const [project, own] of Map.groupBy(calls, (call) => call.project)) {
    if (project === null) continue;
    await tx.run(
      `INSERT INTO seal_project (project, entries, last_entry) VALUES ($1, $2, $3) ON CONFLICT (project) DO UPDATE
       SET entries = seal_project.entries + excluded.entries, last_entry = excluded.last_entry`,
      [project, own.length, nameEntry(own.at(-1)!)],
    );
  }
}

/** A further call comes to a turn that may be sealed already: called in the transaction that books it. The mark stays where it is until that is over. */
export async function noteUnsealed(tx: Tx, turn: number, number: number): Promise<void> {
  const [mark] = await tx.all<{ sealed_to: number }>(
    `SELECT sealed_to FROM seal_mark WHERE id = 1 ${tx.dialect.lockRows}`,
  );
  if (mark!.sealed_to < turn) return;
  await tx.run("INSERT INTO seal_open (turn, number) VALUES ($1, $2) ON CONFLICT (turn) DO NOTHING", [turn, number]);
}

interface SealRow {
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

export interface SealState {
  mark: number;
  /** The newest turn that can be seen. */
  newest: number;
  /** What has to be over, and what is over, before every turn up to it can be seen or never will be. */
  begun: number;
  over: number;
  /** Whether a turn of seal_open has its bill by now. */
  isReady: boolean;
}

/** A number is given to a row before others can see the row: where several write at once, the newest one seen is not the newest of all before it. */
export async function readSealState(reader: Reader): Promise<SealState> {
  const snapshot = (what: string) =>
    reader.dialect.shared ? `CAST(CAST(${what}(pg_current_snapshot()) AS TEXT) AS BIGINT)` : "0";
  // CROSS: from the few that are open to their turns, whatever the planner believes.
  const ready = "SELECT 1 FROM seal_open o CROSS JOIN turn t WHERE t.row = o.turn AND t.settled = 1";
  const [row] = await reader.all<Omit<SealState, "isReady"> & { ready: number }>(
    `SELECT sealed_to AS mark, COALESCE((SELECT MAX(row) FROM turn), 0) AS newest, ${snapshot("pg_snapshot_xmax")} AS begun,
       ${snapshot("pg_snapshot_xmin")} AS over, CASE WHEN EXISTS (${ready}) THEN 1 ELSE 0 END AS ready FROM seal_mark WHERE id = 1`,
  );
  const { ready: isReady, ...state } = row!;
  return { ...state, isReady: isReady === 1 };
}
