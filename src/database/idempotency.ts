// Idempotency keys: what a caller has asked for once is done once.

import { AppError } from "../errors.ts";
import type { Idempotency } from "../store.ts";
import type { Reader, Tx } from "./tx.ts";

/** One sweep removes at most this many, so that it never holds up other writes for long. */
const sweptAtOnce = 1000;

interface KeyRow {
  body_hash: string;
  target_id: string;
}

/**
 * Takes the key for `targetId`; undefined when it is ours now, else the id it was used for before.
 * Two at once: the second waits for the first's transaction and then finds its row. Throws idempotency_mismatch.
 */
export async function claimKey(
  tx: Tx,
  owner: string,
  idempotency: Idempotency,
  targetId: string,
  at: number,
): Promise<string | undefined> {
  const taken = await tx.run(
    `INSERT INTO idempotency (project, key, body_hash, target_id, expires_at) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (project, key) DO UPDATE SET body_hash = excluded.body_hash, target_id = excluded.target_id, expires_at = excluded.expires_at
     WHERE idempotency.expires_at <= $6`,
    [owner, idempotency.key, idempotency.bodyHash, targetId, idempotency.expiresAt, at],
  );
  if (taken > 0) return undefined;
  return (await findKey(tx, owner, idempotency, at))?.targetId;
}

/** What the key was used for, unless it has expired. Throws idempotency_mismatch when the body was another one. */
export async function findKey(
  reader: Reader,
  owner: string,
  idempotency: Idempotency,
  at: number,
): Promise<{ targetId: string } | undefined> {
  const [row] = await reader.all<KeyRow>(
    "SELECT body_hash, target_id FROM idempotency WHERE project = $1 AND key = $2 AND expires_at > $3",
    [owner, idempotency.key, at],
  );
  if (!row) return undefined;
  if (row.body_hash !== idempotency.bodyHash)
    throw new AppError("idempotency_mismatch", "This Idempotency-Key was used before, with another request.");
  return { targetId: row.target_id };
}

/** What a key was claimed for has another id after all: in the transaction that claimed it. */
export async function moveKey(tx: Tx, owner: string, key: string, targetId: string): Promise<void> {
  await tx.run("UPDATE idempotency SET target_id = $3 WHERE project = $1 AND key = $2 AND target_id <> $3", [
    ...[owner, key, targetId],
  ]);
}

/** Lets go of the key that a turn was asked with. */
export async function releaseKey(tx: Tx, owner: string, key: string, targetId: string): Promise<void> {
  await tx.run("DELETE FROM idempotency WHERE project = $1 AND key = $2 AND target_id = $3", [owner, key, targetId]);
}

/** Removes keys that have expired, some at a time. */
export async function sweepKeys(tx: Tx, { at }: { at: number }): Promise<number> {
  return tx.run(
    `DELETE FROM idempotency WHERE (project, key) IN (SELECT project, key FROM idempotency WHERE expires_at <= $1 ORDER BY expires_at LIMIT ${sweptAtOnce})
     AND expires_at <= $1`,
    [at],
  );
}
