// Reading everything as it was at one moment, beside whoever writes.

import { DatabaseSync } from "node:sqlite";
import type { Reader, Value } from "../tx.ts";
import { Connection, isStorageFailure } from "./connection.ts";
import { sqliteDialect } from "./dialect.ts";
import { storageFailure } from "./group-commit.ts";
import { lockWaitMs } from "./lock.ts";

/**
 * Gives `work` a connection of its own, whose open transaction keeps what it sees as it is. Meanwhile the log of what is written
 * cannot begin anew: it grows by as much as is written until `work` is over.
 */
export async function readAtOneMoment<T>(file: string, work: (reader: Reader) => Promise<T>): Promise<T> {
  let connection: Connection | undefined;
  try {
    const opened = new Connection(new DatabaseSync(file, { readOnly: true, timeout: lockWaitMs }));
    connection = opened;
    opened.database.exec("BEGIN; SELECT 1 FROM sqlite_schema");
    return await work({
      dialect: sqliteDialect,
      all: async <R>(sql: string, params: readonly Value[] = []) => opened.all<R>(sql, params),
    });
  } catch (cause) {
    throw isStorageFailure(cause) ? storageFailure(cause) : cause;
  } finally {
    connection?.database.close();
  }
}
