// Postgres: a pool, one transaction per operation, and a lock per process by which others see whether it lives.

import pg from "pg";
import { AppError } from "../../errors.ts";
import { type Log, noLog } from "../../log.ts";
import type { Engine } from "../engine.ts";
import { type Migration, migrate, migrations, newestOf, readSchemaVersion, refuseNewer } from "../migrate.ts";
import { type OperationInput, type OperationName, type OperationResult, runOperation } from "../operations.ts";
import { indexedWords } from "../search/search-text.ts";
import { storageFailure } from "../sqlite/group-commit.ts";
import type { Reader, Tx, Value } from "../tx.ts";
import { postgresDialect, printVector } from "./dialect.ts";
import { explainPostgres, isTransient } from "./errors.ts";
import { holdLife, type Life, lifeLock } from "./life.ts";

const defaultPoolSize = 10;
const connectTimeoutMs = 10_000;
/** A transaction that meets others too often is given up after this many tries. */
const mostTries = 6;
const retryDelayMs = 20;
/** The lock that migrations are made under: any fixed number that no process id uses as its class. */
const migrationLock = 1_917_005;
const int8 = 20;

export interface PostgresOptions {
  processId: number;
  log?: Log | undefined;
  poolSize?: number | undefined;
  readOnly?: boolean | undefined;
  migrations?: readonly Migration[] | undefined;
}

export async function openPostgres(url: string, options: PostgresOptions): Promise<Engine> {
  const config: pg.ClientConfig = { connectionString: url, pipeline: true, keepAlive: true, types: { getTypeParser } };
  const max = options.poolSize ?? defaultPoolSize;
  const pool = new pg.Pool({ ...config, max, connectionTimeoutMillis: connectTimeoutMs });
  const log = options.log ?? noLog;
  pool.on("error", (cause) => log.warn({ cause }, "an idle connection to Postgres broke; it will be replaced"));
  try {
    await migrateDatabase(pool, options.migrations ?? migrations, options.readOnly ?? false);
    const life = options.readOnly ? undefined : await holdLife(config, options.processId, log);
    return createEngine(pool, life, options.readOnly ?? false);
  } catch (cause) {
    await pool.end();
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

const statementNames = new Map<string, string>();

/** A query with its statement's name: each connection prepares a text once. */
function queryOf(sql: string, params: readonly Value[]): pg.QueryConfig {
  let name = statementNames.get(sql);
  if (!name) {
    name = `rozmova_${statementNames.size + 1}`;
    statementNames.set(sql, name);
  }
  return { name, text: sql, values: params.map(bindable) };
}

/** Text here cannot hold U+0000; an id or a key that has one simply matches nothing. */
function bindable(value: Value): Value {
  return typeof value === "string" && value.includes("\0") ? value.replaceAll("\0", "\ufffd") : value;
}

class PostgresTx implements Tx {
  readonly dialect = postgresDialect;
  /** Why the transaction fails: statements that were under way fail after it, only because it has. */
  firstFailure: unknown;
  private gathering = false;
  private readonly client: pg.PoolClient;
  private readonly life: Life | undefined;

  constructor(client: pg.PoolClient, life: Life | undefined) {
    this.client = client;
    this.life = life;
  }

  async all<R>(sql: string, params?: readonly Value[]): Promise<R[]> {
    const { rows } = await this.query(sql, params);
    return rows as R[];
  }

  async run(sql: string, params?: readonly Value[]): Promise<number> {
    const { rowCount } = await this.query(sql, params);
    return rowCount ?? 0;
  }

  async insert(sql: string, params: readonly Value[]): Promise<number> {
    const [inserted] = await this.all<{ row: number }>(`${sql} RETURNING row`, params);
    return inserted!.row;
  }

  private async query(sql: string, params: readonly Value[] = []): Promise<pg.QueryResult> {
    try {
      return await this.send(queryOf(sql, params));
    } catch (cause) {
      this.firstFailure ??= cause;
      throw cause;
    }
  }

  /**
   * Statements of the same moment leave in one write: each write is a system call that wakes the server, which on a busy machine
   * takes the processor from us. A turn then takes 8 writes instead of 17 (strace, 2026-11-26).
   */
  send(query: string | pg.QueryConfig): Promise<pg.QueryResult> {
    if (!this.gathering) {
      const { stream } = this.client.connection;
      this.gathering = true;
      stream.cork();
      process.nextTick(() => {
        this.gathering = false;
        stream.uncork();
      });
    }
    return this.client.query(query);
  }

  async indexText(row: number, owner: string, text: string | null, replace: boolean): Promise<void> {
    if (text === null) await this.run("DELETE FROM message_search WHERE rowid = $1", [row]);
    else {
      const conflict = replace ? "ON CONFLICT (rowid) DO UPDATE SET words = excluded.words" : "";
      const vector = printVector(indexedWords(owner, text));
      await this.run(`INSERT INTO message_search (rowid, words) VALUES ($1, CAST($2 AS tsvector)) ${conflict}`, [
        row,
        vector,
      ]);
    }
  }

  async listGone(processIds: readonly number[], self: number, leaseMs: number): Promise<number[]> {
    if (!this.life || this.life.heldMs() < leaseMs || (await this.isLockFree(self))) return [];
    const gone: number[] = [];
    for (const id of processIds) if (id !== self && (await this.isLockFree(id))) gone.push(id);
    return gone;
  }

  private async isLockFree(processId: number): Promise<boolean> {
    const rows = await this.all<{ free: boolean }>(
      "SELECT pg_try_advisory_xact_lock($1, $2) AS free",
      lifeLock(processId),
    );
    return rows[0]?.free ?? false;
  }
}

/** One transaction: all of `work`, or nothing. The connection is thrown away when its state is not certain. */
async function transact<T>(pool: pg.Pool, life: Life | undefined, work: (tx: Tx) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  const tx = new PostgresTx(client, life);
  let broken: Error | undefined;
  const onError = (cause: Error) => {
    broken = cause;
  };
  client.on("error", onError);
  try {
    const begun = tx.send("BEGIN");
    begun.catch(() => {}); // travels with the first statement, which fails too if this does
    const result = await work(tx);
    const { command } = await client.query("COMMIT");
    if (command !== "COMMIT") throw new Error("the transaction was rolled back");
    return result;
  } catch (cause) {
    await client.query("ROLLBACK").catch((failure: Error) => {
      broken = failure;
    });
    throw tx.firstFailure ?? cause;
  } finally {
    client.off("error", onError);
    client.release(broken);
  }
}

async function migrateDatabase(pool: pg.Pool, known: readonly Migration[], readOnly: boolean): Promise<void> {
  await transact(pool, undefined, async (tx) => {
    if (!readOnly) await tx.all("SELECT pg_advisory_xact_lock($1)", [migrationLock]);
    const [table] = await tx.all<{ found: boolean }>("SELECT to_regclass('schema_version') IS NOT NULL AS found");
    const version = await readSchemaVersion(tx, table?.found ?? false);
    refuseNewer(version, known, "The Postgres database");
    if (version < newestOf(known) && !readOnly) await migrate(tx, version, known);
  });
}

function createEngine(pool: pg.Pool, life: Life | undefined, readOnly: boolean): Engine {
  const reader: Reader = {
    dialect: postgresDialect,
    async all<R>(sql: string, params: readonly Value[] = [], plan?: "plan anew"): Promise<R[]> {
      try {
        const { name, ...query } = queryOf(sql, params);
        const { rows } = await pool.query(plan ? query : { name, ...query }); // without a name, it is planned for its values
        return rows as R[];
      } catch (cause) {
        throw explainPostgres(cause);
      }
    },
  };
  let closed: Promise<void> | undefined;
  return {
    reader,
    recent: reader,
    async write<N extends OperationName>(name: N, input: OperationInput<N>): Promise<OperationResult<N>> {
      if (readOnly || closed)
        throw new AppError("storage_unavailable", "The database is open for reading only, or closed.");
      return retryTransient(() => transact(pool, life, (tx) => runOperation(tx, name, input)));
    },
    settleSearch: async () => {}, // the index is written with the text
    async backup() {
      throw new AppError("conflict", "A Postgres database is copied with its own tools, for instance pg_dump.");
    },
    async checkRoom() {}, // the server answers for its disk: the test write fails when it is full
    close() {
      closed ??= Promise.all([pool.end(), life?.close()]).then(() => {});
      return closed;
    },
  };
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
