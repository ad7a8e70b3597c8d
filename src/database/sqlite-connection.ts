// A connection to SQLite, and the writer's transaction as operations see it.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Tx, Value } from "./engine.ts";
import type { GroupDatabase } from "./group-commit.ts";
import { indexedWords } from "./search.ts";
import { sqliteDialect } from "./sqlite-dialect.ts";

/** A connection with its prepared statements. Values are bound, never spliced. */
export class Connection {
  readonly database: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.database = database;
  }

  all<R>(sql: string, params: readonly Value[] = []): R[] {
    return this.prepare(sql).all(...params) as R[];
  }

  run(sql: string, params: readonly Value[] = []): number {
    return Number(this.prepare(sql).run(...params).changes);
  }

  private prepare(sql: string): StatementSync {
    let statement = this.statements.get(sql);
    if (!statement) {
      statement = this.database.prepare(sql.replace(/\$(\d)/g, "?$1"));
      this.statements.set(sql, statement);
    }
    return statement;
  }
}

/** A row for the search index; `words` null takes the row away. */
interface IndexRow {
  row: number;
  words: string | null;
  replace: boolean;
}

/** The writer's transaction as operations see it. Index rows are collected: FTS5 writes a segment per savepoint otherwise. */
export class SqliteTx implements Tx {
  readonly dialect = sqliteDialect;
  pending: IndexRow[] = [];
  private readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  async all<R>(sql: string, params?: readonly Value[]): Promise<R[]> {
    return this.connection.all<R>(sql, params);
  }

  async run(sql: string, params?: readonly Value[]): Promise<number> {
    return this.connection.run(sql, params);
  }

  async indexText(row: number, owner: string, text: string | null, replace: boolean): Promise<void> {
    this.pending.push({ row, words: text === null ? null : indexedWords(owner, text).join(" "), replace });
  }

  /** Whoever else wrote here is gone: the file's lock is ours alone. */
  async isProcessGone(): Promise<boolean> {
    return true;
  }

  flush(): void {
    const rows = this.pending;
    this.pending = [];
    for (const { row, words, replace } of rows) {
      if (replace) this.connection.run("DELETE FROM message_search WHERE rowid = $1", [row]);
      if (words !== null)
        this.connection.run("INSERT INTO message_search (rowid, words) VALUES ($1, $2)", [row, words]);
    }
  }
}

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

/** What group commit needs of the writer connection. */
export function groupDatabase({ database }: Connection, tx: SqliteTx): GroupDatabase {
  const statement = (sql: string) => database.prepare(sql);
  const [begin, mark, release, commit] = [
    statement("BEGIN IMMEDIATE"),
    statement("SAVEPOINT operation"),
    statement("RELEASE operation"),
    statement("COMMIT"),
  ];
  let marked = 0;
  return {
    begin: () => void begin.run(),
    mark: () => {
      marked = tx.pending.length;
      mark.run();
    },
    release: () => void release.run(),
    undo: () => {
      tx.pending.length = marked;
      database.exec("ROLLBACK TO operation; RELEASE operation");
    },
    flush: () => tx.flush(),
    commit: () => void commit.run(),
    rollback: () => {
      tx.pending = [];
      if (database.isTransaction) database.exec("ROLLBACK");
    },
    // SQLite ends the transaction itself on the worst errors.
    isStorageFailure: (cause) => isStorageFailure(cause) || !database.isTransaction,
  };
}
