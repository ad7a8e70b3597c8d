// Calls for a title: begun, booked as further calls of their turn, and taken over when their process is gone.

import type { Session } from "../../conversation/session.ts";
import { excerptCharacters } from "../../conversation/title.ts";
import type { BeginTitle, DeadTitle, EndTitle, TitleSource } from "../../conversation/title-store.ts";
import { AppError, notFound } from "../../errors.ts";
import type { Grant } from "../../money/budget.ts";
import { type BegunCall, type LedgerEntry, sumCost, sumUsage } from "../../money/ledger.ts";
import { accuracyAt, rankOf, storableText, type UsageRow, usageColumns, usageFrom, usageValues } from "../columns.ts";
import { claimKey, releaseKey } from "../idempotency.ts";
import { noteLate } from "../money/follow.ts";
import { lookAtBudgets, noteTitleHolds, printHolds, readHolds, settleLate, takeHolds } from "../money/hold.ts";
import { addToTotals, insertEntries, totalsValues } from "../money/ledger.ts";
import { sealing } from "../money/seal.ts";
import { summing } from "../money/usage-roll.ts";
import { cutSegments, listSegments } from "../path.ts";
import { findSessionAt, versionMismatch } from "../session.ts";
import type { Reader, Tx } from "../tx.ts";
import { keepModelTitle } from "./model-title.ts";
import { isThere } from "./siblings.ts";

/** The newest turns that are looked at, beside the first. */
const newestTurns = 4;
/** A turn's receipt must stay one that can be read. */
const mostCalls = 100;

interface SourceRow {
  row: number;
  deleted_at: number | null;
  model: string | null;
  user_name: string | null;
  tip_branch: number;
  tip_position: number;
}

export async function readTitleSource(reader: Reader, owner: string, id: string): Promise<TitleSource | undefined> {
  const [row] = await reader.all<SourceRow>(
    "SELECT row, deleted_at, model, user_name, tip_branch, tip_position FROM session WHERE id = $1 AND project = $2 AND purged_at IS NULL",
    [id, owner],
  );
  if (!row) return undefined;
  const turns = await readEnds(reader, row);
  return {
    session: row.row,
    turn: turns.at(-1)?.row ?? null,
    isTrashed: row.deleted_at !== null,
    model: row.model,
    user: row.user_name,
    excerpts: turns,
  };
}

/** The path's first turn and its newest, as far as they are over and booked. */
async function readEnds(reader: Reader, { row, tip_branch: branch, tip_position: tip }: SourceRow) {
  const segments = await listSegments(reader, row, branch, tip);
  const parts = [...cutSegments(segments, 0, 0), ...cutSegments(segments, Math.max(1, tip - newestTurns + 1), tip)];
  const turns: { row: number; question: string; answer: string }[] = [];
  for (const part of parts)
    turns.push(
      ...(await reader.all<{ row: number; question: string; answer: string }>(
        `SELECT row, SUBSTR(question, 1, ${excerptCharacters + 1}) AS question, SUBSTR(answer, 1, ${excerptCharacters + 1}) AS answer FROM turn
         WHERE session = $1 AND branch = $2 AND position BETWEEN $3 AND $4 AND settled = 1 AND status <> 'running' ORDER BY position`,
        [row, part.branch, part.low, part.high],
      )),
    );
  return turns;
}

/** The session stays as it is until the call is written down: whoever names it now does so before, or overtakes the call. */
export async function beginTitle(tx: Tx, input: BeginTitle): Promise<Grant | null> {
  const holder = await readHolder(tx, input);
  const looked = await lookAtBudgets(tx, holder, input.ask);
  const { owner, session, turn, ifVersion, processId, leaseMs, promptEstimate, calls, idempotency } = input;
  const [now] = await tx.all<{ id: string; version: number; deleted_at: number | null }>(
    `SELECT id, version, deleted_at FROM session WHERE row = $1 AND project = $2 AND purged_at IS NULL ${tx.dialect.lockRows}`,
    [session, owner],
  );
  if (!now) throw notFound("session");
  if (now.deleted_at !== null) throw inTrash();
  if (ifVersion !== undefined && now.version !== ifVersion) throw versionMismatch(now.version, ifVersion);
  if (looked.refusal) throw looked.refusal;
  if (idempotency && (await claimKey(tx, owner, idempotency, now.id, input.at)) !== undefined)
    throw new AppError("conflict", "This title has been asked for already.", { retryAfterSeconds: 1 });
  const [made] = await tx.all<{ calls: number }>("SELECT COUNT(*) AS calls FROM ledger WHERE turn = $1", [turn]);
  if (made!.calls >= mostCalls)
    throw new AppError(
      "conflict",
      `The newest answer has ${mostCalls} calls in its receipt already; a title can be made again after the next one.`,
    );
  const held = looked.grant ? await takeHolds(tx, looked, input.ask, holder) : undefined;
  const begun = await tx.run(
    `INSERT INTO title_call (session, turn, process_id, lease_until, prompt_estimate, calls, holds)
     VALUES ($1, $2, $3, ${tx.dialect.now} + $4, $5, $6, $7) ON CONFLICT (session) DO NOTHING`,
    [session, turn, processId, leaseMs, promptEstimate, JSON.stringify(calls), held ? printHolds(held) : null],
  );
  if (begun === 0)
    throw new AppError("conflict", "A title is being made for this session already.", { retryAfterSeconds: 1 });
  return held?.grant ?? null;
}

/** A title is for whom its turn was for: so the ledger has it, and so it is held of the budgets. */
async function readHolder(
  tx: Tx,
  { owner, session, turn, at }: { owner: string; session: number; turn: number; at: number },
) {
  const [row] = await tx.all<{ id: string; user_name: string | null; key_id: string | null }>(
    "SELECT s.id, t.user_name, t.key_id FROM turn t JOIN session s ON s.row = t.session WHERE t.row = $1 AND s.row = $2",
    [turn, session],
  );
  return { project: owner, sessionId: row?.id ?? "", user: row?.user_name ?? null, keyId: row?.key_id ?? null, at };
}

export function inTrash(): AppError {
  return new AppError("conflict", "The session is in the trash; restore it first.");
}

export interface NoteTitleCalls {
  session: number;
  processId: number;
  calls: readonly BegunCall[];
}

export async function noteTitleCalls(tx: Tx, { session, processId, calls }: NoteTitleCalls): Promise<void> {
  const noted = await tx.run("UPDATE title_call SET calls = $3 WHERE session = $1 AND process_id = $2", [
    session,
    processId,
    JSON.stringify(calls),
  ]);
  if (noted === 0) throw new AppError("conflict", "Another process has taken the title's calls over.");
}

/** The guard: only one caller ever books what was begun. The session is locked first, as by whoever names it. */
export async function endTitle(tx: Tx, input: EndTitle): Promise<{ session: Session | undefined } | undefined> {
  const { owner, session, processId, entries, at } = input;
  await tx.run("UPDATE session SET version = version + 1 WHERE row = $1", [session]);
  const [begun] = await tx.all<{ turn: number; named: number; holds: string | null }>(
    "DELETE FROM title_call WHERE session = $1 AND process_id = $2 RETURNING turn, named, holds",
    [session, processId],
  );
  if (!begun) return undefined;
  const after = await findSessionAt(tx, owner, session);
  if (input.releaseKey !== undefined && after) await releaseKey(tx, owner, input.releaseKey, after.id);
  const last = entries.length > 0 ? await bookWithTurn(tx, session, begun.turn, entries) : 0;
  const holder = await readHolder(tx, { owner, session, turn: begun.turn, at });
  const counted = await settleLate(tx, holder, readHolds(begun.holds).holds, { entries, cost: sumCost(entries) });
  if (entries.length > 0) await noteTitleHolds(tx, begun.turn, [last + 1, last + entries.length], counted);
  if (input.title !== null && begun.named === 0)
    await giveTitle(tx, { ...input, turn: begun.turn, title: storableText(input.title) });
  return { session: await findSessionAt(tx, owner, session) };
}

interface BookedRow extends UsageRow {
  number: number;
  total_pico: string | null;
  accuracy_rank: number;
}

/** The turn's usage and cost stay the sums over its calls, and the session's grow by the same. Returns how many calls it had before. */
async function bookWithTurn(tx: Tx, session: number, turn: number, entries: readonly LedgerEntry[]): Promise<number> {
  const rows = await tx.all<BookedRow>(
    `SELECT number, CAST(total_pico AS TEXT) AS total_pico, accuracy_rank, ${usageColumns} FROM ledger WHERE turn = $1 ORDER BY number`,
    [turn],
  );
  const [imported] = await tx.all<BookedRow>(
    `SELECT 0 AS number, CAST(cost_pico AS TEXT) AS total_pico, accuracy_rank, ${usageColumns} FROM imported_turn WHERE turn = $1`,
    [turn],
  );
  const last = rows.at(-1)?.number ?? 0;
  const before = (imported ? [imported, ...rows] : rows).map((row) => ({
    total: row.total_pico === null ? null : BigInt(row.total_pico),
    accuracy: accuracyAt(row.accuracy_rank ?? 0),
    usage: usageFrom(row),
  }));
  const all = [...before, ...entries];
  const [cost, usage, added] = [sumCost(all), sumUsage(all), sumCost(entries)];
  const unpricedTurns = cost.unpricedTurns - sumCost(before).unpricedTurns;
  await noteLate(tx, summing, turn, last + 1);
  await noteLate(tx, sealing, turn, last + 1);
  await insertEntries(
    tx,
    turn,
    entries.map((entry) => ({ ...entry, attempt: last + entry.attempt })),
  );
  await tx.run(
    `UPDATE turn SET cost_pico = $2, accuracy_rank = $3, input_tokens = $4, cached_tokens = $5, output_tokens = $6, thinking_tokens = $7,
       tool_tokens = $8, total_tokens = $9 WHERE row = $1`,
    [turn, cost.total, rankOf(cost.accuracy), ...usageValues(usage)],
  );
  await tx.run(`UPDATE session SET ${addToTotals} WHERE row = $1`, [
    session,
    ...totalsValues({ usage: sumUsage(entries), cost: { ...added, unpricedTurns } }),
  ]);
  return last;
}

/** Not in the trash: what is there stays as it was put there. Nor where what it is made of was deleted meanwhile. */
async function giveTitle(
  tx: Tx,
  { session, owner, at, turn, title }: Pick<EndTitle, "session" | "owner" | "at"> & { turn: number; title: string },
): Promise<void> {
  const given = await tx.run(
    `UPDATE session SET title = $3, updated_at = $4 WHERE row = $1 AND project = $2 AND deleted_at IS NULL
       AND EXISTS (SELECT 1 FROM turn t WHERE t.row = $5 AND ${isThere("t")})`,
    [session, owner, title, at, turn],
  );
  if (given === 0) return;
  await keepModelTitle(tx, session, turn, title);
  await tx.indexTitle(session, owner, title);
}

export interface ClaimDeadTitles {
  processId: number;
  known: readonly number[];
  leaseMs: number;
}

interface DeadRow {
  session: number;
  process_id: number;
  prompt_estimate: number;
  calls: string;
  project: string;
}

/** As `recovery.ts` says of turns: a process is gone when it shows no sign of life, and its call's time is over. */
export async function claimDeadTitles(tx: Tx, { processId, known, leaseMs }: ClaimDeadTitles): Promise<DeadTitle[]> {
  const { now, shared } = tx.dialect;
  const rows = await tx.all<DeadRow & { is_over: number }>(
    `SELECT c.session, c.process_id, c.prompt_estimate, c.calls, COALESCE(s.project, '') AS project,
       CASE WHEN c.lease_until < ${now} THEN 1 ELSE 0 END AS is_over
     FROM title_call c LEFT JOIN session s ON s.row = c.session ORDER BY c.session`,
  );
  const others = [...new Set(rows.map((row) => row.process_id).filter((id) => id !== processId))];
  const gone = new Set(others.length === 0 ? [] : await tx.listGone(others, processId, leaseMs));
  const dead: DeadTitle[] = [];
  for (const row of rows) {
    const isOwn = row.process_id === processId;
    const isDead = isOwn ? row.is_over === 1 : gone.has(row.process_id) && (!shared || row.is_over === 1);
    if (!isDead || (isOwn && known.includes(row.session))) continue;
    const claimed = await tx.run(
      `UPDATE title_call SET process_id = $1, lease_until = ${now} + $2 WHERE session = $3 AND process_id = $4`,
      [processId, leaseMs, row.session, row.process_id],
    );
    if (claimed > 0)
      dead.push({
        owner: row.project,
        session: row.session,
        promptEstimate: row.prompt_estimate,
        calls: JSON.parse(row.calls),
      });
  }
  return dead;
}

/** Whether any title is being made, here or elsewhere. */
export async function hasTitleCalls(reader: Reader): Promise<boolean> {
  return (await reader.all("SELECT 1 FROM title_call LIMIT 1")).length > 0;
}
