// One process per database: the lock that says so, and what is said of a file that cannot be opened.

import { DatabaseSync } from "node:sqlite";
import { AppError } from "../../errors.ts";
import { makePrivate } from "./file.ts";

/** How long the start waits for the process before it to let go of the file. */
export const lockWaitMs = 2_000;

/**
 * The lock is a transaction on a file beside: the kernel lets go of it however the process ends. Throws storage_unavailable, and
 * `DatabaseInUse` when another process has it.
 */
export function takeLock(file: string, waitMs: number = lockWaitMs): DatabaseSync {
  let lock: DatabaseSync | undefined;
  try {
    makePrivate(`${file}.lock`);
    lock = new DatabaseSync(`${file}.lock`, { timeout: waitMs });
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (cause) {
    lock?.close();
    if (cause instanceof Error && "errcode" in cause && cause.errcode === 5) throw new DatabaseInUse(file);
    throw cannotOpen(file, cause);
  }
}

export class DatabaseInUse extends AppError {
  constructor(file: string) {
    super(
      "storage_unavailable",
      `The database ${file} is in use by another process. Stop it first, or give this one another DATABASE_URL.`,
    );
  }
}

export function cannotOpen(file: string, cause: unknown): AppError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const hint = /disk I\/O|is full/.test(reason) ? " `rozmova doctor` says what room its disk has." : "";
  return new AppError("storage_unavailable", `The database ${file} cannot be opened for writing: ${reason}.${hint}`, {
    cause,
  });
}
