// Postgres: a pool, one transaction per operation, and a lock per process by which others see whether it lives.

import pg from "pg";
import { AppError } from "../../errors.ts";
import { type Log, noLog } from "../../log.ts";
import type { Engine } from "../engine.ts";
import { type Migration, migrate, migrations, newestOf, readSchemaVersion, refuseNewer } from "../migrate.ts";
import { type OperationInput, type OperationName, type OperationResult, runOperation } from "../operations.ts";
import { storageFailure } from "../sqlite/group-commit.ts";
import type { Reader, Tx, Value } from "../tx.ts";
import { Connections, type Lent } from "./connections.ts";
import { postgresDialect } from "./dialect.ts";
import { explainPostgres, isTransient } from "./errors.ts";
import { holdLife, type Life } from "./life.ts";
import { queryOf, transact } from "./transaction.ts";

const defaultPoolSize = 10;
/** A transaction that meets others too often is given up after this many tries. */
const mostTries = 6;
const retryDelayMs = 20;
/** The lock that migrations are made under: any fixed number that no process id uses as its class. */
const migrationLock = 1_917_005;
const int8 = 20;
/** A search may go through much; a migration, through everything, after another process's. */
const searchMs = 20_000;
const migrateMs = 3_600_000;
/** One statement of a reading of everything. */
const snapshotMs = 3_600_000;

export interface PostgresOptions {
  /** A random number below 2^31 that tells this process from all others that share the database. */
  processId: number;
  log?: Log | undefined;
  /** Connections at most. */
  poolSize?: number | undefined;
  readOnly?: boolean | undefined;
  migrations?: readonly Migration[] | undefined;
}

export async function openPostgres(url: string, options: PostgresOptions): Promise<Engine> {
  const config: pg.ClientConfig = { connectionString: url, pipeline: true, keepAlive: true, types: { getTypeParser } };
  const max = options.poolSize ?? defaultPoolSize;
  const log = options.log ?? noLog;
  const connections = new Connections(config, max, log);
  try {
    await migrateDatabase(connections, options.migrations ?? migrations, options.readOnly ?? false);
    const life = options.readOnly ? undefined : await holdLife(config, options.processId, log);
    return createEngine(connections, life, options.readOnly ?? false);
  } catch (cause) {
    await connections.close();
    throw cannotOpen(cause);
  }
}

function cannotOpen(cause: unknown): unknown {
  const explained = explainPostgres(cause);
  if (explained === cause || !(explained instanceof AppError)) return cause;
  const reason =
    cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : String(cause);
  return new AppError("storage_unavailable", `The Postgres database cannot be opened: ${reason}.`, { cause });
}

/** 64-bit integers are numbers here; whatever can pass 2^53 is read as text by its statement. */
function getTypeParser(oid: number, format?: "text" | "binary"): (text: string) => unknown {
  if (oid !== int8) return pg.types.getTypeParser(oid, format as "text");
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value)) throw new RangeError(`the integer ${text} must be read as text`);
    return value;
  };
}

function migrateDatabase(connections: Connections, known: readonly Migration[], readOnly: boolean): Promise<void> {
  const bringUp = async (tx: Tx) => {
    await tx.run("SET LOCAL statement_timeout = 0");
    if (!readOnly) await tx.all("SELECT pg_advisory_xact_lock($1)", [migrationLock]);
    const [table] = await tx.all<{ found: boolean }>("SELECT to_regclass('schema_version') IS NOT NULL AS found");
    const version = await readSchemaVersion(tx, table?.found ?? false);
    refuseNewer(version, known, "The Postgres database");
    if (version < newestOf(known) && !readOnly) await migrate(tx, version, known);
  };
  return transact(connections, undefined, bringUp, migrateMs);
}

function createEngine(connections: Connections, life: Life | undefined, readOnly: boolean): Engine {
  const reader: Reader = {
    dialect: postgresDialect,
    async all<R>(sql: string, params: readonly Value[] = [], plan?: "plan anew"): Promise<R[]> {
      try {
        const { name, ...query } = queryOf(sql, params);
        // Without a name, it is planned for its values.
        const read = ({ client }: Lent) => client.query(plan ? query : { name, ...query });
        const { rows } = await connections.lend(read, plan ? searchMs : undefined);
        return rows as R[];
      } catch (cause) {
        throw explainPostgres(cause);
      }
    },
  };
  let closed: Promise<void> | undefined;
  return {
    durable: reader,
    committed: reader,
    async write<N extends OperationName>(name: N, input: OperationInput<N>): Promise<OperationResult<N>> {
      if (readOnly || closed)
        throw new AppError("storage_unavailable", "The database is open for reading only, or closed.");
      return retryTransient(() => transact(connections, life, (tx) => runOperation(tx, name, input)));
    },
    snapshot: (work) => readAtOneMoment(connections, work),
    settleSearch: async () => {}, // the index is written with the text
    async backup() {
      throw new AppError("conflict", "A Postgres database is copied with its own tools, for instance pg_dump.");
    },
    checkFiles: async () => {}, // they are the server's
    async checkRoom() {}, // the server answers for its disk: the test write fails when it is full
    close() {
      closed ??= Promise.all([connections.close(), life?.close()]).then(() => {});
      return closed;
    },
  };
}

/** On one connection, in a transaction that sees the database as it was at its first statement. */
function readAtOneMoment<T>(connections: Connections, work: (reader: Reader) => Promise<T>): Promise<T> {
  const begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
  const read = async (lent: Lent) => {
    const { client } = lent;
    try {
      await client.query(
        `${begin}; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0`,
      );
      lent.heard();
      return await work({
        dialect: postgresDialect,
        async all<R>(sql: string, params: readonly Value[] = []): Promise<R[]> {
          const { rows } = await client.query(queryOf(sql, params));
          lent.heard();
          return rows as R[];
        },
      });
    } finally {
      await lent.rollBack();
    }
  };
  return connections.lend(read, snapshotMs);
}

async function retryTransient<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (cause) {
      if (!isTransient(cause)) throw explainPostgres(cause);
      if (tries === mostTries) throw storageFailure(cause);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * retryDelayMs * 2 ** tries));
    }
  }
}
