// A short write beside a running server: a connection of our own, for as long as a command runs.

import { DatabaseSync } from "node:sqlite";
import { AppError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import { type Migration, newestOf, readSchemaVersion, refuseNewer } from "../migrate.ts";
import { type OperationInput, type OperationName, type OperationResult, runOperation } from "../operations.ts";
import { Connection, SqliteTx } from "./connection.ts";
import { sqliteDialect } from "./dialect.ts";
import { storageFailure } from "./group-commit.ts";
import { readAtOneMoment } from "./snapshot.ts";

/** How long the server's writes are waited for: a group of them takes milliseconds. */
const waitMs = 5_000;

/** Throws storage_unavailable when the schema is not the one that this program writes. */
export async function openBeside(file: string, known: readonly Migration[]): Promise<Engine> {
  const database = new DatabaseSync(file, { timeout: waitMs });
  try {
    // FULL: whoever is told has it on the disk. Checkpoints are the server's business.
    database.exec("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = ON");
    const connection = new Connection(database);
    const version = await readSchemaVersion(new SqliteTx(connection), true);
    refuseNewer(version, known, `The database ${file}`);
    if (version < newestOf(known))
      throw new AppError(
        "storage_unavailable",
        `The server that has ${file} open is of an older version; restart it with this one first.`,
      );
    return createBesideEngine(file, connection);
  } catch (cause) {
    database.close();
    throw cause instanceof AppError ? cause : storageFailure(cause);
  }
}

function createBesideEngine(file: string, connection: Connection): Engine {
  const { database } = connection;
  const reader = {
    dialect: sqliteDialect,
    all: async <R>(sql: string, params: readonly (string | number | bigint | null)[] = []) =>
      connection.all<R>(sql, params),
  };
  let open = true;
  return {
    durable: reader,
    committed: reader,
    async write<N extends OperationName>(name: N, input: OperationInput<N>): Promise<OperationResult<N>> {
      const tx = new SqliteTx(connection);
      try {
        database.exec("BEGIN IMMEDIATE");
        const result = await runOperation(tx, name, input);
        database.exec("COMMIT");
        return result;
      } catch (cause) {
        if (database.isTransaction) database.exec("ROLLBACK");
        throw cause instanceof AppError ? cause : storageFailure(cause);
      }
    },
    snapshot: (work) => readAtOneMoment(file, work),
    settleSearch: async () => {},
    async backup() {
      throw new AppError("conflict", "A copy is made by a connection that reads.");
    },
    checkRoom: async () => {},
    checkFiles: async () => {},
    async close() {
      if (open) database.close();
      open = false;
    },
  };
}
