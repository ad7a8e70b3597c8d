// A connection to SQLite, and the writer's transaction as operations see it.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Tx, Value } from "../tx.ts";
import { createWordTable, sqliteDialect } from "./dialect.ts";
import type { GroupDatabase } from "./group-commit.ts";

interface Prepared {
  statement: StatementSync;
  /** Whether its rows are what it has changed. */
  returnsChanges: boolean;
}

/** A connection with its prepared statements. Values are bound, never spliced. */
export class Connection {
  /** How many statements have changed something so far. */
  changes = 0;
  private readonly prepared = new Map<string, Prepared>();
  /** Only `use` changes it. */
  database!: DatabaseSync;
  private wipes = false;

  constructor(database: DatabaseSync) {
    this.use(database);
  }

  /** From now on this one is written and read. */
  use(database: DatabaseSync): void {
    this.database = database;
    this.prepared.clear();
    database.exec(createWordTable);
    if (this.wipes) this.wipeDeleted();
  }

  /** From now on the pages that become free are overwritten, too (sqlite.org/pragma.html#pragma_secure_delete, read 2026-11-27). */
  wipeDeleted(): void {
    this.wipes = true;
    this.database.exec("PRAGMA secure_delete = ON");
  }

  all<R>(sql: string, params: readonly Value[] = []): R[] {
    const { statement, returnsChanges } = this.prepare(sql);
    const rows = statement.all(...params) as R[];
    if (returnsChanges && rows.length > 0) this.changes++;
    return rows;
  }

  run(sql: string, params: readonly Value[] = []): number {
    const changed = Number(this.prepare(sql).statement.run(...params).changes);
    if (changed > 0) this.changes++;
    return changed;
  }

  insert(sql: string, params: readonly Value[]): number {
    this.changes++;
    return Number(this.prepare(sql).statement.run(...params).lastInsertRowid);
  }

  /** For words that change no row. */
  do(sql: string): void {
    this.prepare(sql).statement.run();
  }

  /**
   * How many pages are in the log alone; nothing may be under way. NOOP copies none (sqlite.org/pragma.html#pragma_wal_checkpoint, read
   * 2026-11-28). 0 where SQLite does not say: then its own checkpoints come.
   */
  countLogPages(): number {
    try {
      const [answer] = this.all<{ log: number; checkpointed: number }>("PRAGMA wal_checkpoint(NOOP)");
      return answer!.log - answer!.checkpointed;
    } catch {
      return 0;
    }
  }

  /**
   * A value behind a plus sign, which changes nothing, is none that a plan is made for: else SQLite compiles a statement with a join, a range or a limit
   * anew whenever it gets other values (10 to 35 us; measured 2026-11-28, SQLite 3.54). A `?` alone is the next value, and has no name:
   * for every value that is bound, node:sqlite has SQLite look through all names that there are.
   */
  private prepare(sql: string): Prepared {
    let prepared = this.prepared.get(sql);
    if (!prepared) {
      let last = 0;
      const bound = sql.replace(/\$(\d+)/g, (_, place) => {
        const name = Number(place) === last + 1 ? "" : place;
        last = Math.max(last, place);
        return `+?${name}`;
      });
      prepared = { statement: this.database.prepare(bound), returnsChanges: / RETURNING /.test(sql) };
      this.prepared.set(sql, prepared);
    }
    return prepared;
  }
}

/** Is told what waits to be indexed. */
export interface IndexWaiting {
  turn(row: number): void;
  title(): void;
  /** Not to be indexed: words were taken away. */
  wiped(): void;
}

/**
 * The transaction as one operation sees it. An operation that failed may still have statements under way: once it is over,
 * or SQLite has ended the transaction itself, they must not reach what others write.
 */
export class SqliteTx implements Tx {
  readonly dialect = sqliteDialect;
  private readonly connection: Connection;
  private readonly waiting: IndexWaiting | undefined;
  private closed = false;

  /** Without `waiting`: for what runs before the first operation. */
  constructor(connection: Connection, waiting?: IndexWaiting) {
    this.connection = connection;
    this.waiting = waiting;
  }

  close(): void {
    this.closed = true;
  }

  all<R>(sql: string, params?: readonly Value[]): Promise<R[]> {
    return this.ask("all", sql, params);
  }

  run(sql: string, params?: readonly Value[]): Promise<number> {
    return this.ask("run", sql, params);
  }

  insert(sql: string, params: readonly Value[]): Promise<number> {
    return this.ask("insert", sql, params);
  }

  /** Only noted: its texts are read when it is indexed, and after a crash it is found by its number. */
  indexTurn(row: number): Promise<void> {
    this.waiting?.turn(row);
    return noted;
  }

  /** Noted too; and what a crash makes forgotten is looked for from its first row on. */
  async indexSession(session: number): Promise<void> {
    const rows = this.open().all<{ row: number }>("SELECT row FROM turn WHERE session = $1 ORDER BY row", [session]);
    if (rows.length === 0) return;
    this.open().run("UPDATE search_mark SET indexed_to = $1 WHERE id = 1 AND indexed_to > $1", [rows[0]!.row - 1]);
    for (const { row } of rows) this.waiting?.turn(row);
  }

  async indexTitle(session: number): Promise<void> {
    this.open().run("INSERT INTO title_pending (session) VALUES ($1) ON CONFLICT (session) DO NOTHING", [session]);
    this.waiting?.title();
  }

  async wipe(): Promise<void> {
    const connection = this.open();
    connection.wipeDeleted();
    connection.run("UPDATE scrub SET asked = asked + 1 WHERE id = 1");
    this.waiting?.wiped();
  }

  /** Whoever else wrote here is gone: the file's lock is ours alone. */
  async listGone(processIds: readonly number[], self: number): Promise<number[]> {
    return processIds.filter((id) => id !== self);
  }

  /** Not async: each of a turn's statements would make four objects for it. */
  private ask<R>(what: "all" | "run" | "insert", sql: string, params: readonly Value[] = nothing): Promise<R> {
    try {
      return Promise.resolve(this.open()[what](sql, params) as R);
    } catch (cause) {
      return Promise.reject(cause);
    }
  }

  private open(): Connection {
    if (this.closed || (this.waiting && !this.connection.database.isTransaction))
      throw new Error("the transaction is over");
    return this.connection;
  }
}

const nothing: readonly never[] = [];
const noted = Promise.resolve();

/** SQLITE_PERM, BUSY, LOCKED, NOMEM, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB (sqlite.org/rescode.html, read 2026-11-23). */
const storageCodes = new Set([3, 5, 6, 7, 8, 10, 11, 13, 14, 15, 26]);

/** Whether an error of node:sqlite means that storage fails, not that a statement was wrong. */
export function isStorageFailure(cause: unknown): boolean {
  return (
    cause instanceof Error &&
    "errcode" in cause &&
    typeof cause.errcode === "number" &&
    storageCodes.has(cause.errcode & 0xff)
  );
}

/**
 * What group commit needs of the writer connection. The log is flushed by us and not by COMMIT (`synchronous` is NORMAL),
 * so that no stream waits for the disk; what is told only after the flush is as safe as with FULL.
 */
export function groupDatabase(
  connection: Connection,
  flush: () => Promise<void>,
  waiting: IndexWaiting,
): GroupDatabase {
  return {
    begin: () => connection.do("BEGIN IMMEDIATE"),
    openTx: () => new SqliteTx(connection, waiting),
    changes: () => connection.changes,
    mark: () => connection.do("SAVEPOINT operation"),
    release: () => connection.do("RELEASE operation"),
    undo: () => connection.database.exec("ROLLBACK TO operation; RELEASE operation"),
    commit: () => connection.do("COMMIT"),
    flush,
    rollback: () => {
      if (connection.database.isTransaction) connection.database.exec("ROLLBACK");
    },
    // SQLite ends the transaction itself on the worst errors.
    isStorageFailure: (cause) => isStorageFailure(cause) || !connection.database.isTransaction,
  };
}
