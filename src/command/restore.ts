// `rozmova restore FILE`: puts a backup in the database's place and keeps the old one under another name.

import { resolve } from "node:path";
import { loadConfig } from "../config.ts";
import { sqliteFile } from "../database/inspect.ts";
import { restoreSqlite } from "../database/sqlite/copy.ts";
import { createProgress } from "./progress.ts";

/** Prints on stdout where the old database is kept, if there was one. Refuses while a server holds the database. */
export async function runRestore(source: string, flags: string[]): Promise<void> {
  const { databaseUrl } = loadConfig(flags);
  const file = sqliteFile(databaseUrl);
  if (file === undefined)
    throw new Error(
      "The database is Postgres, which brings its own tool: pg_restore, which finds the database and its password in PGHOST, PGDATABASE, PGUSER and PGPASSWORD",
    );
  const progress = createProgress("Restoring");
  try {
    const restored = await restoreSqlite(resolve(source), resolve(file), new Date(), progress.report);
    progress.clear();
    console.error(
      `Restored ${restored.sessions} sessions, ${restored.messages} messages, schema version ${restored.schemaVersion}.`,
    );
    if (restored.keptAside === null) return;
    console.error("The database that was there before is kept as:");
    console.log(restored.keptAside);
  } finally {
    progress.clear();
  }
}
