// The files that the server has open: its connection, the log that is flushed, the lock, and the thread of the checkpoints.

import { fdatasync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import type { Checkpointer } from "./checkpoint.ts";
import type { Connection } from "./connection.ts";
import { makePrivate } from "./file.ts";
import { lockWaitMs, takeLock } from "./lock.ts";
import { FileWatch } from "./watch.ts";

export interface HeldParts {
  connection: Connection;
  lock: DatabaseSync;
  maxFileBytes: number | undefined;
}

export class HeldFiles {
  readonly file: string;
  readonly connection: Connection;
  private readonly maxFileBytes: number | undefined;
  private readonly checkpointer: Checkpointer;
  private lock: DatabaseSync;
  private watched: FileWatch;

  constructor(file: string, { connection, lock, maxFileBytes }: HeldParts, checkpointer: Checkpointer) {
    this.file = file;
    this.connection = connection;
    this.lock = lock;
    this.maxFileBytes = maxFileBytes;
    this.checkpointer = checkpointer;
    this.watched = new FileWatch(file);
  }

  get watch(): FileWatch {
    return this.watched;
  }

  /** Waits for the disk beside the event loop. */
  flush(): Promise<void> {
    return flushFile(this.watched.log);
  }

  /** No connection but ours is open in this process when it resolves; the next checkpoint opens its own again. */
  rest(): Promise<void> {
    return this.checkpointer.close();
  }

  /** Takes the lock that has the name now. Throws `DatabaseInUse` when another process has it. */
  lockAgain(): void {
    const lock = takeLock(this.file, 0);
    this.lock.close();
    this.lock = lock;
    this.watched.adopt(".lock");
  }

  /** Lets go of the files and opens those that have the names now: all that was written must be in them. */
  reopen(): void {
    const { connection, watched } = this;
    connection.database.close();
    watched.close();
    connection.use(openDatabase(this.file, this.maxFileBytes));
    connection.all("SELECT 1 FROM sqlite_schema"); // makes the log and its index
    this.watched = new FileWatch(this.file);
  }

  async close(): Promise<void> {
    await this.rest();
    this.connection.database.close();
    this.watched.close();
    this.lock.close();
  }
}

const flushFile = promisify(fdatasync);

/** The connection that writes. */
export function openDatabase(file: string, maxFileBytes: number | undefined): DatabaseSync {
  makePrivate(file);
  const database = new DatabaseSync(file, { timeout: lockWaitMs });
  try {
    database.exec(
      // NORMAL: the log is flushed by us, before anybody is told (connection.ts); SQLite itself flushes around checkpoints.
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; " +
        // FAST: what is changed or deleted leaves its page, at no cost in reads and writes (docs/decisions/erasure.md).
        "PRAGMA secure_delete = FAST; " +
        // 4 MB of pages (more is slower: docs/decisions/sqlite.md); checkpoints are ours too (checkpoint.ts), and SQLite's own should ours ever fail.
        "PRAGMA cache_size = -4000; PRAGMA wal_autocheckpoint = 16000",
    );
    if (maxFileBytes !== undefined) {
      const { page_size } = database.prepare("PRAGMA page_size").get() as { page_size: number };
      database.exec(`PRAGMA max_page_count = ${Math.ceil(maxFileBytes / page_size)}`);
    }
    return database;
  } catch (cause) {
    database.close();
    throw cause;
  }
}
