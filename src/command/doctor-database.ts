// The doctor on the disk and the database.

import { accessSync, constants, existsSync, statfsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type Config, needsKey } from "../config.ts";
import { inspectDatabase, sqliteFile } from "../database/inspect.ts";
import { type Finding, note, ok, wrong } from "./finding.ts";

/** Below this there is too little room to be at ease: a round number of our choosing. */
const comfortableBytes = 500 * 1024 * 1024;

/** Room and permission to write where a SQLite database lives or will live. */
export function checkDisk(config: Config): Finding {
  const file = sqliteFile(config.databaseUrl);
  if (file === undefined) return note("disk", "the database is elsewhere; its disk was not looked at");
  const folder = existingFolder(dirname(resolve(file)));
  if (!statSync(folder).isDirectory())
    return wrong("disk", `${folder} is a file, not a folder`, "name another place for the database (DATABASE_URL)");
  for (const path of [folder, resolve(file)]) {
    if (existsSync(path) && !isWritable(path))
      return wrong("disk", `${path} cannot be written`, "give the user that runs Rozmova the right to write there");
  }
  const { bavail, bsize } = statfsSync(folder);
  const free = `${Math.floor((bavail * bsize) / 1024 / 1024)} MiB free in ${folder}`;
  if (bavail * bsize < comfortableBytes) return wrong("disk", free, "make room, or move the database (DATABASE_URL)");
  return ok("disk", `${free}, writable`);
}

function existingFolder(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : existingFolder(dirname(folder));
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether the database opens, and whether this program knows its schema. */
export async function checkDatabase(config: Config): Promise<Finding> {
  const file = sqliteFile(config.databaseUrl);
  if (file !== undefined && !existsSync(file)) return ok("database", `${file} does not exist yet; the start makes it`);
  try {
    const { schemaVersion, newestVersion } = await inspectDatabase(config.databaseUrl);
    if (schemaVersion === 0) return ok("database", "opens, and is empty; the start makes its tables");
    if (schemaVersion === newestVersion) return ok("database", `opens, schema version ${schemaVersion}`);
    return note("database", `opens, schema version ${schemaVersion}; the start brings it to ${newestVersion}`);
  } catch (cause) {
    const remedy =
      file === undefined
        ? "see that the server runs, and that DATABASE_URL names it, its user and its password rightly"
        : "restore a backup (rozmova restore FILE), or name another file in DATABASE_URL";
    return wrong("database", cause instanceof Error ? cause.message : String(cause), remedy);
  }
}

/** Whether anybody can call at all. Undefined where no key is needed. */
export async function checkCallers(config: Config): Promise<Finding | undefined> {
  if (!needsKey(config)) return undefined;
  const file = sqliteFile(config.databaseUrl);
  const isThere = file === undefined || existsSync(file);
  try {
    if (isThere && (await inspectDatabase(config.databaseUrl)).hasKey) return ok("callers", "there is a key");
  } catch {
    return note("callers", "not known: the database cannot be read");
  }
  const remedy =
    "make the first key, with the same DATABASE_URL: npm run rozmova -- key create --name first --scope chat,read,admin";
  return wrong("callers", "a key is needed and there is none: every request is answered 401", remedy);
}
