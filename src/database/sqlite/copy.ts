// SQLite files that are not in use: proving a copy sound, and putting one in a database's place.

import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { AppError } from "../../errors.ts";
import { migrations, refuseNewer } from "../migrate.ts";
import { damageMark, makePrivate, resolveFile, stamp } from "./file.ts";
import { takeLock } from "./lock.ts";

export type Progress = (done: number, total: number) => void;

export interface CheckedCopy {
  schemaVersion: number;
  sessions: number;
  messages: number;
}

/**
 * Makes a finished copy one plain file and proves it: every page, every index, every reference, the schema's version.
 * Throws storage_unavailable with a sentence for the operator.
 */
export function checkCopy(file: string, shownAs: string = file): CheckedCopy {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file);
    database.exec("PRAGMA journal_mode = DELETE");
    refuseDamage(database, shownAs);
    return describeCopy(database, shownAs);
  } catch (cause) {
    throw cause instanceof AppError ? cause : refusal(`${shownAs} is not a sound SQLite database`, cause);
  } finally {
    database?.close();
  }
}

function refuseDamage(database: DatabaseSync, shownAs: string): void {
  const [first] = database.prepare("PRAGMA integrity_check(1)").all() as { integrity_check: string }[];
  if (first?.integrity_check !== "ok") throw refusal(`${shownAs} is damaged`, first?.integrity_check);
  const dangling = database.prepare("PRAGMA foreign_key_check").all();
  if (dangling.length > 0)
    throw refusal(`${shownAs} is damaged`, `${dangling.length} rows refer to rows that are missing`);
}

function describeCopy(database: DatabaseSync, shownAs: string): CheckedCopy {
  const read = (sql: string) => (database.prepare(sql).get() as { n: number }).n;
  if (read("SELECT COUNT(*) AS n FROM sqlite_schema WHERE name IN ('schema_version', 'session', 'turn')") < 3)
    throw refusal(`${shownAs} is not a Rozmova database`, "its tables are missing");
  const schemaVersion = read("SELECT MAX(version) AS n FROM schema_version");
  refuseNewer(schemaVersion, migrations, shownAs);
  return {
    schemaVersion,
    sessions: read("SELECT COUNT(*) AS n FROM session"),
    messages: read("SELECT COALESCE(SUM(message_count), 0) AS n FROM session"),
  };
}

export interface Restored extends CheckedCopy {
  /** Where the database that was there before is now; null when there was none. */
  keptAside: string | null;
}

/**
 * Puts a copy of `from` in the place of `file`. At every moment a whole database has that name: the old one, with its log played
 * into it, until one atomic rename, then the new one. The old one is kept under another name, which nothing had before. Throws storage_unavailable, with nothing changed, when `from` is not sound or a process holds `file`.
 */
export async function restoreSqlite(from: string, path: string, at: Date, progress?: Progress): Promise<Restored> {
  const file = resolveFile(path);
  const lock = takeLock(file);
  const incoming = `${file}.incoming`;
  try {
    removeDatabase(incoming);
    makePrivate(incoming);
    await copyDatabase(from, incoming, progress);
    const checked = checkCopy(incoming, from);
    if (existsSync(file)) playLog(file);
    const keptAside = existsSync(file) ? keepAside(file, at) : null;
    // Only a damaged database has a log left here, and it would be played into the new file.
    for (const end of logs) rmSync(file + end, { force: true });
    renameSync(incoming, file);
    rmSync(file + damageMark, { force: true });
    syncFolder(dirname(file));
    return { ...checked, keptAside };
  } finally {
    removeDatabase(incoming);
    lock.close();
  }
}

/** Through SQLite rather than byte by byte: what is still in a write-ahead log beside the source belongs to it. */
async function copyDatabase(from: string, to: string, progress: Progress | undefined): Promise<void> {
  if (!existsSync(from)) throw refusal(`${from} cannot be restored`, "there is no such file");
  let source: DatabaseSync | undefined;
  try {
    source = new DatabaseSync(from, { readOnly: true });
    await backup(source, to, {
      rate: 1000,
      progress: ({ totalPages, remainingPages }) => progress?.(totalPages - remainingPages, totalPages),
    });
  } catch (cause) {
    throw refusal(`${from} cannot be restored`, cause);
  } finally {
    source?.close();
  }
}

/** What SQLite keeps beside a database: its write-ahead log with the index of it, or the journal of a change that was cut off. */
const logs = ["-wal", "-shm", "-journal"];

/** Makes the old database whole by itself. One that is damaged stays as it is, log and all. Throws while another process reads it. */
function playLog(file: string): void {
  let busy = false;
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file);
    const done = database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get() as { busy: number } | undefined;
    busy = done?.busy === 1;
  } catch {
    return;
  } finally {
    database?.close(); // the last connection takes the empty log away
  }
  if (busy) throw refusal(`${file} cannot be replaced`, "another process is reading it; try again when it is done");
}

/** Gives the old database a second name that is free, with its log where it still has one. */
function keepAside(file: string, at: Date): string {
  for (let n = 1; ; n++) {
    const aside = `${file}.before-restore-${stamp(at)}${n === 1 ? "" : `-${n}`}`;
    if (logs.some((end) => existsSync(aside + end)) || !giveName(file, aside)) continue;
    for (const end of logs) if (existsSync(file + end)) giveName(file + end, aside + end);
    return aside;
  }
}

/** False when something has that name already. */
export function giveName(file: string, name: string): boolean {
  try {
    linkSync(file, name);
  } catch (cause) {
    if (isTaken(cause)) return false;
    try {
      copyFileSync(file, name, constants.COPYFILE_EXCL); // a file system without hard links
    } catch (failure) {
      if (isTaken(failure)) return false;
      throw failure;
    }
  }
  return true;
}

export function isTaken(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "EEXIST";
}

function removeDatabase(file: string): void {
  for (const end of ["", "-wal", "-shm", "-journal"]) rmSync(file + end, { force: true });
}

/** A rename is on disk when its folder is. Windows knows no such thing. */
export function syncFolder(folder: string): void {
  if (process.platform === "win32") return;
  const handle = openSync(folder, "r");
  fsyncSync(handle);
  closeSync(handle);
}

function refusal(sentence: string, cause: unknown): AppError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AppError("storage_unavailable", `${sentence}: ${reason}.`, { cause });
}
