// Looking at a database without changing it: for the doctor, beside a running server.

import { hasKeys } from "./caller/key.ts";
import { migrations, newestOf } from "./migrate.ts";
import { openEngine } from "./open.ts";

/** The schema that brought callers. */
const firstWithKeys = 4;

export interface Inspection {
  /** 0 for a database without tables. */
  schemaVersion: number;
  newestVersion: number;
  /** Whether there is a key that is good now. */
  hasKey: boolean;
}

/** Opens what is there for reading. Throws storage_unavailable when it cannot be, or is newer than this program. */
export async function inspectDatabase(databaseUrl: string): Promise<Inspection> {
  const engine = await openEngine(databaseUrl, { processId: 0, readOnly: true });
  try {
    const reader = engine.durable;
    const tables =
      reader.dialect.name === "sqlite"
        ? "SELECT name FROM sqlite_schema WHERE name = 'schema_version'"
        : "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'schema_version'";
    const made = (await reader.all(tables)).length > 0;
    const [row] = made
      ? await reader.all<{ version: number }>("SELECT MAX(version) AS version FROM schema_version")
      : [];
    const schemaVersion = Number(row?.version ?? 0);
    const hasKey = schemaVersion >= firstWithKeys && (await hasKeys(reader, Date.now()));
    return { schemaVersion, newestVersion: newestOf(migrations), hasKey };
  } finally {
    await engine.close();
  }
}

/** Throws a sentence where the schema is not this program's: what only reads cannot bring it up to date. */
export async function refuseOlder(databaseUrl: string): Promise<void> {
  const { schemaVersion, newestVersion } = await inspectDatabase(databaseUrl);
  if (schemaVersion === newestVersion) return;
  throw new Error(
    `The database has schema version ${schemaVersion}, and this program reads version ${newestVersion}: start the server once, which brings it up to date.`,
  );
}

/** The file of a `sqlite:` address; undefined for Postgres. */
export function sqliteFile(databaseUrl: string): string | undefined {
  return /^sqlite:(?:\/\/)?(.+)$/.exec(databaseUrl)?.[1];
}
