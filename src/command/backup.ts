// `rozmova backup FILE`: a consistent copy of the SQLite database, proven sound before it gets its name.

import { existsSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { loadConfig } from "../config.ts";
import { sqliteFile } from "../database/inspect.ts";
import { openStore } from "../database/open.ts";
import { checkCopy, syncFolder } from "../database/sqlite/copy.ts";
import { createProgress } from "./progress.ts";

/** Prints the copy's path on stdout. A server may be running; a file that exists is never written over. */
export async function runBackup(target: string, flags: string[]): Promise<void> {
  const { databaseUrl } = loadConfig(flags);
  const source = sqliteFile(databaseUrl);
  if (source === undefined)
    throw new Error(
      "The database is Postgres, which brings its own tool: pg_dump, which finds the database and its password in PGHOST, PGDATABASE, PGUSER and PGPASSWORD",
    );
  if (!existsSync(source)) throw new Error(`There is no database at ${source} to copy.`);
  const file = resolve(target);
  if (existsSync(file)) throw new Error(`${file} exists already; give another name or remove it first.`);
  if (!existsSync(dirname(file))) throw new Error(`There is no folder ${dirname(file)}; make it first.`);
  const partial = `${file}.partial`;
  const progress = createProgress("Copying");
  const store = await openStore(databaseUrl, { processId: 0, readOnly: true });
  try {
    rmSync(partial, { force: true });
    await store.backup(partial, progress.report);
    const copy = checkCopy(partial, "The copy");
    renameSync(partial, file);
    syncFolder(dirname(file));
    progress.clear();
    const megabytes = (statSync(file).size / 1e6).toFixed(1);
    console.error(
      `Copied and checked: ${megabytes} MB, ${copy.sessions} sessions, ${copy.messages} messages, schema version ${copy.schemaVersion}.`,
    );
    console.log(file);
  } finally {
    progress.clear();
    await store.close();
    for (const end of ["", "-wal", "-shm", "-journal"]) rmSync(partial + end, { force: true });
  }
}
