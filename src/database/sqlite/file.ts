// The database's file: one place whatever path leads there, its owner's alone, and never another program's.

import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { AppError } from "../../errors.ts";

const mostLinks = 40;

/**
 * The file itself, where `path` is a symbolic link or lies behind one, also if it is still to be made: its lock and its log lie beside it, so
 * that two paths to one file are one database.
 */
export function resolveFile(path: string, links = 0): string {
  const whole = resolve(path);
  if (existsSync(whole)) return realpathSync(whole);
  try {
    if (links < mostLinks) return resolveFile(resolve(dirname(whole), readlinkSync(whole)), links + 1);
  } catch {
    // no link: the file is still to be made
  }
  const folder = dirname(whole);
  return existsSync(folder) ? join(realpathSync(folder), basename(whole)) : whole;
}

/** Makes the folder and the file if they are not there, for this user alone: what people said is in them. SQLite gives its log the same rights. */
export function makePrivate(file: string): void {
  makeFolder(file);
  if (!existsSync(file)) closeSync(openSync(file, "a", 0o600));
}

/** The file's folder, and those above it. */
export function makeFolder(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
}

/** The second as a part of a file's name. */
export function stamp(at: Date = new Date()): string {
  return at.toISOString().replace(/[-:]/g, "").slice(0, 15);
}

/** After the database's name: the file that says why it must not be opened. */
export const damageMark = ".damaged";

/**
 * Throws storage_unavailable where a database was and is no more: its log alone would be thrown away by SQLite, and an empty database would
 * take its place without a word.
 */
export function refuseRemains(file: string): void {
  if (existsSync(file + damageMark))
    throw new AppError(
      "storage_unavailable",
      `${readFileSync(file + damageMark, "utf8").slice(0, 1_000)} Or remove ${file + damageMark} to start with what is left.`,
    );
  const sizeOf = (name: string) => statSync(name, { throwIfNoEntry: false })?.size ?? 0;
  if (sizeOf(file) > 0 || sizeOf(`${file}-wal`) === 0) return;
  throw new AppError(
    "storage_unavailable",
    `The database ${file} is gone or empty, but its log ${file}-wal is there: put the database back, or move the log away to begin with an empty database.`,
  );
}

/** Throws storage_unavailable for a file with tables that are not ours, and for one that has a second name: its log would lie beside one of them only. */
export function refuseForeign(file: string): void {
  if (!existsSync(file)) return;
  const { nlink, size } = statSync(file);
  if (nlink > 1)
    throw new AppError(
      "storage_unavailable",
      `The database ${file} has ${nlink} names (hard links): opened under two of them it would be destroyed. Copy it to a file of its own.`,
    );
  if (size === 0) return;
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    if (tables.length > 0 && !tables.some(({ name }) => name === "schema_version"))
      throw new AppError(
        "storage_unavailable",
        `${file} is a SQLite database of another program, which would be changed; give this one another DATABASE_URL.`,
      );
  } finally {
    database.close();
  }
}
