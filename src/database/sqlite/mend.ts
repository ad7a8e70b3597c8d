// What can be made good when the database's files were taken away under the server: nothing that others put there is touched.

import { closeSync, copyFileSync, existsSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { backup } from "node:sqlite";
import { checkCopy, giveName, isTaken, syncFolder } from "./copy.ts";
import { damageMark, makeFolder, stamp } from "./file.ts";
import type { HeldFiles } from "./held-files.ts";
import { DatabaseInUse } from "./lock.ts";
import type { FileEnd, Loss } from "./watch.ts";

/** It cannot be made good here: nothing may be written any more, and the message says where everything is. */
export class Beyond extends Error {}

const logEnds = ["-wal", "-shm"] as const;

/**
 * Makes the losses good, or saves what is stored beside them. To be called while nothing is written. Returns what was done, as a sentence.
 * Throws `Beyond`; anything else means that it can be tried again.
 */
export async function mend(held: HeldFiles, losses: readonly Loss[]): Promise<string> {
  const { file } = held;
  const lostAs = (end: FileEnd) => losses.find((loss) => loss.end === end)?.how;
  await held.rest();
  const inUse = lostAs(".lock") !== undefined && !isLockedAgain(held);
  const database = lostAs("");
  if (database === "replaced" || (inUse && database === "missing")) throw await replaced(held);
  if (inUse)
    throw new Beyond(
      `The lock of the database ${file} was taken away and another process holds it now: this one writes no more. Everything that was acknowledged is in the database.`,
    );
  if (database === "missing") return putBack(held);
  if (database === "overwritten") throw await overwritten(held);
  if (database === "shorter" || lostAs("-wal") === "shorter") return repair(held);
  if (!lostAs("-wal") && !lostAs("-shm")) return `The lock of the database ${file} was taken away; it is taken again.`;
  writeLog(held);
  await clearLog(held);
  reopen(held);
  return `The log of the database ${file} was taken away under the server; all that was in it is in the database.`;
}

function isLockedAgain(held: HeldFiles): boolean {
  try {
    held.lockAgain();
    return true;
  } catch (cause) {
    if (cause instanceof DatabaseInUse) return false;
    throw cause;
  }
}

/** The file that has the name now is somebody's; ours is saved beside it, and its log is taken away, which would be played into theirs. */
async function replaced(held: HeldFiles, copy?: string): Promise<Beyond> {
  const saved = copy ?? (await saveCopy(held));
  for (const end of logEnds) if (await held.watch.isOurs(end)) rmSync(held.file + end, { force: true });
  return new Beyond(
    `The database ${held.file} was replaced by another file under the server. Everything that was acknowledged is in ${saved}; ` +
      `\`rozmova restore ${saved}\` puts it back.`,
  );
}

/** What was in the file is gone; what is there now is left as it is. In the log and in memory there may be everything still. */
async function overwritten(held: HeldFiles): Promise<Beyond> {
  const { file } = held;
  const saved = await saveCopy(held).catch(() => undefined);
  let known = "what was only there is lost; its log is kept beside it";
  try {
    if (saved !== undefined) checkCopy(saved);
    if (saved !== undefined) known = `what was in it was known still, and is in ${saved}`;
  } catch {
    rmSync(saved!, { force: true });
  }
  leaveToItself(file);
  for (const end of logEnds)
    if (await held.watch.isOurs(end)) renameSync(file + end, newName(`${file}${end}.saved-${stamp()}`));
  return new Beyond(`Another program has written into the database ${file} under the server: ${known}.`);
}

/** The name is free. Page by page the copy is what the log would be played into, so that a crash in between does no harm. */
async function putBack(held: HeldFiles): Promise<string> {
  const { file } = held;
  const saved = await saveCopy(held);
  try {
    writeLog(held); // a file that was moved is whole by itself as well
  } catch {
    // the copy has everything
  }
  if (!giveName(saved, file)) throw await replaced(held, saved);
  rmSync(saved); // at once: a start refuses a database with two names
  await clearLog(held);
  reopen(held);
  return `The database ${file} was deleted or moved away under the server; a whole copy of it was put in its place.`;
}

/** Bytes are gone. They may be in the log or in memory still: then the copy is sound. */
async function repair(held: HeldFiles): Promise<string> {
  const { file } = held;
  const saved = await saveCopy(held).catch(() => undefined);
  try {
    if (saved === undefined) throw new Error("it cannot be read");
    checkCopy(saved);
  } catch (cause) {
    if (saved !== undefined) rmSync(saved, { force: true });
    const why = cause instanceof Error ? cause.message : String(cause);
    const sentence =
      `The database ${file} or its log was cut off under the server, and what was cut off cannot be read any more (${why}). ` +
      "Nothing is written to what is left. Put a backup in its place with `rozmova restore`";
    leaveToItself(file);
    writeFileSync(file + damageMark, `${sentence}.\n`, { mode: 0o600 });
    throw new Beyond(`${sentence}, or remove ${file + damageMark} to start with what is left.`);
  }
  const aside = `${file}.cut-off-${stamp()}`;
  renameSync(file, aside);
  if (!giveName(saved, file)) throw await replaced(held, saved);
  rmSync(saved);
  await clearLog(held);
  reopen(held);
  return `The database ${file} or its log was cut off under the server; all of it was known still and is written anew. What was left is kept as ${aside}.`;
}

/**
 * SQLite writes its log into the file when the last connection is closed, at the process's end too, unless the name leads to
 * another one: it gets a file of its own with the same bytes.
 */
function leaveToItself(file: string): void {
  const same = newName(`${file}.same-${stamp()}`);
  try {
    copyFileSync(file, same);
    renameSync(same, file);
  } catch (cause) {
    rmSync(same, { force: true });
    throw cause;
  }
}

/** A whole copy, flushed, under a name that nothing had before. */
async function saveCopy({ file, connection }: HeldFiles): Promise<string> {
  makeFolder(file);
  const saved = newName(`${file}.saved-${stamp()}`);
  try {
    await backup(connection.database, saved, { rate: 1_000 });
    syncFolder(dirname(saved));
    return saved;
  } catch (cause) {
    rmSync(saved, { force: true });
    throw cause;
  }
}

function newName(name: string): string {
  for (let n = 1; ; n++) {
    const tried = n === 1 ? name : `${name}-${n}`;
    try {
      closeSync(openSync(tried, "wx", 0o600));
      return tried;
    } catch (cause) {
      if (!isTaken(cause)) throw cause;
    }
  }
}

/** Everything that is in the log goes into the database. */
function writeLog({ connection }: HeldFiles): void {
  const done = connection.database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get() as { busy: number };
  if (done.busy !== 0)
    throw new Error("another process reads the database and keeps its log from being written into it");
}

/** Takes our log and its index away; what others have put under these names is kept under another one. */
async function clearLog({ file, watch }: HeldFiles): Promise<void> {
  for (const end of logEnds) {
    if (!existsSync(file + end)) continue;
    if (await watch.isOurs(end)) rmSync(file + end, { force: true });
    else renameSync(file + end, newName(`${file}${end}.foreign-${stamp()}`));
  }
  syncFolder(dirname(file));
}

function reopen(held: HeldFiles): void {
  try {
    held.reopen();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Beyond(
      `The database ${held.file} cannot be opened again (${why}). Everything that was acknowledged is in it.`,
    );
  }
}
