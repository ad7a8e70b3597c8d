// The writes of this room by name: each runs as one transaction, takes one cloneable input and returns a cloneable result.

import { noteAll } from "./caller/audit.ts";
import { createKey, deleteKey, rotateKey, touchKeys, updateKey } from "./caller/key.ts";
import { createProject, updateProject } from "./caller/project.ts";
import { drawRates, sweepRates } from "./caller/rate.ts";
import { takeTokenSecret } from "./caller/secret.ts";
import { erasePerson, forgetPerson } from "./conversation/erase-person.ts";
import { beginImport, endImport, importSome } from "./conversation/import.ts";
import { listLeftImports, undoImport } from "./conversation/import-left.ts";
import { beginPurge, notePurges, purgeSome } from "./conversation/purge.ts";
import { removeVersion, restoreVersion } from "./conversation/removed.ts";
import { beginTitle, claimDeadTitles, endTitle, noteTitleCalls } from "./conversation/title.ts";
import { beginVersionPurge, beginVersionPurges } from "./conversation/version-purge.ts";
import { appendEvents } from "./event.ts";
import { sweepKeys } from "./idempotency.ts";
import { deleteBudgets, increaseBudgets, putBudgets } from "./money/budget.ts";
import { sealEntries } from "./money/seal.ts";
import { rollUsage } from "./money/usage-roll.ts";
import { claimDeadTurns } from "./recovery.ts";
import { createSession, restoreSession, trashSession, updateSession } from "./session.ts";
import { noteCalls, renewLease, requestStop } from "./turn.ts";
import { closeTurn, settleTurn } from "./turn-close.ts";
import { openTurn } from "./turn-open.ts";
import type { Tx } from "./tx.ts";

/** Changes nothing of anybody's: whether the database still takes a write. */
async function writeCheck(tx: Tx, { at }: { at: number }): Promise<void> {
  await tx.run("INSERT INTO write_check (id, at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET at = excluded.at", [at]);
}

export const operations = {
  createSession,
  updateSession,
  trashSession,
  restoreSession,
  removeVersion,
  restoreVersion,
  openTurn,
  appendEvents,
  noteCalls,
  closeTurn,
  settleTurn,
  requestStop,
  renewLease,
  claimDeadTurns,
  sweepKeys,
  createKey,
  updateKey,
  rotateKey,
  deleteKey,
  touchKeys,
  createProject,
  updateProject,
  takeTokenSecret,
  noteAll,
  beginImport,
  importSome,
  endImport,
  listLeftImports,
  undoImport,
  beginTitle,
  noteTitleCalls,
  endTitle,
  claimDeadTitles,
  drawRates,
  sweepRates,
  beginPurge,
  beginVersionPurge,
  beginVersionPurges,
  purgeSome,
  erasePerson,
  forgetPerson,
  notePurges,
  putBudgets,
  increaseBudgets,
  deleteBudgets,
  rollUsage,
  sealEntries,
  writeCheck,
};

type Operations = typeof operations;
export type OperationName = keyof Operations;
export type OperationInput<N extends OperationName> = Parameters<Operations[N]>[1];
export type OperationResult<N extends OperationName> = Awaited<ReturnType<Operations[N]>>;

/** One name has one input and one result: what TypeScript cannot see through the table is said here, once. */
export function runOperation<N extends OperationName>(
  tx: Tx,
  name: N,
  input: OperationInput<N>,
): Promise<OperationResult<N>> {
  const table: { [M in OperationName]: (tx: Tx, input: OperationInput<M>) => Promise<unknown> } = operations;
  return table[name](tx, input) as Promise<OperationResult<N>>;
}
