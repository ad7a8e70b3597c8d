// SQLite: one connection that writes with group commit, and reads between the groups.

import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { AppError } from "../../errors.ts";
import { type Log, noLog } from "../../log.ts";
import type { Engine } from "../engine.ts";
import { type Migration, migrate, migrations, newestOf, readSchemaVersion, refuseNewer } from "../migrate.ts";
import { type OperationInput, type OperationName, type OperationResult, runOperation } from "../operations.ts";
import type { Reader, Value } from "../tx.ts";
import { openBeside } from "./beside.ts";
import { Checkpointer } from "./checkpoint.ts";
import { Connection, groupDatabase, isStorageFailure, SqliteTx } from "./connection.ts";
import { sqliteDialect } from "./dialect.ts";
import { makePrivate, refuseForeign, refuseRemains, resolveFile, stamp } from "./file.ts";
import { GroupCommit, storageFailure } from "./group-commit.ts";
import { FileGuard } from "./guard.ts";
import { HeldFiles, openDatabase } from "./held-files.ts";
import { cannotOpen, DatabaseInUse, lockWaitMs, takeLock } from "./lock.ts";
import { readScrub, Scrubber } from "./scrub.ts";
import { readLeft, SearchIndexer, WaitingTexts } from "./search-indexer.ts";
import { readAtOneMoment } from "./snapshot.ts";

/** Less than this free on the disk counts as full: a turn's end must still fit, and so must the next checkpoint. */
const leastFreeBytes = 8 * 1024 * 1024;
const backupPages = 1000;

export interface SqliteOptions {
  log?: Log | undefined;
  /** For reading and backup beside a running server: takes no lock, migrates nothing, changes nothing. */
  readOnly?: boolean | undefined;
  /** For a command's short write: where another process has the lock, it is made beside it. */
  beside?: boolean | undefined;
  /** The file may not grow beyond this; writes then fail as on a full disk. */
  maxFileBytes?: number | undefined;
  migrations?: readonly Migration[] | undefined;
  /** The files were taken away and could not be put back; told once, with a sentence for the operator. */
  onLost?: ((why: string) => void) | undefined;
}

export async function openSqlite(path: string, options: SqliteOptions = {}): Promise<Engine> {
  const file = resolveFile(path);
  if (options.readOnly) return openForReading(file, options.migrations ?? migrations);
  try {
    refuseRemains(file);
    refuseForeign(file);
  } catch (cause) {
    throw cause instanceof AppError ? cause : cannotOpen(file, cause);
  }
  if (options.beside && isLocked(file)) return openBeside(file, options.migrations ?? migrations);
  const lock = takeLock(file);
  let writer: Connection | undefined;
  try {
    writer = new Connection(openDatabase(file, options.maxFileBytes));
    await migrateFile(writer, file, options.migrations ?? migrations, options.log ?? noLog);
    // SQLite opens a file that may not be written for reading, without a word; it says so at the first write.
    writer.run("DELETE FROM write_check WHERE id = -1");
    return await createEngine(file, writer, lock, options);
  } catch (cause) {
    writer?.database.close();
    lock.close();
    throw cause instanceof AppError ? cause : cannotOpen(file, cause);
  }
}

/** Whether another process has the database open. */
function isLocked(file: string): boolean {
  try {
    takeLock(file, 0).close();
    return false;
  } catch (cause) {
    if (cause instanceof DatabaseInUse) return true;
    throw cause;
  }
}

/** A database that has data is copied before it is changed. A migration that fails leaves it as it was. */
async function migrateFile(writer: Connection, file: string, known: readonly Migration[], log: Log): Promise<void> {
  const tx = new SqliteTx(writer);
  const version = await readFileVersion(writer, tx);
  refuseNewer(version, known, `The database ${file}`);
  if (version === newestOf(known)) return;
  if (version > 0) {
    const copy = `${file}.before-${newestOf(known)}-${stamp()}.bak`;
    makePrivate(copy);
    await backup(writer.database, copy);
    log.info(
      { from: version, to: newestOf(known), copy },
      "the database is brought up to date; a copy of it as it was is kept",
    );
  }
  writer.database.exec("BEGIN IMMEDIATE");
  try {
    await migrate(tx, version, known);
    writer.database.exec("COMMIT");
  } catch (cause) {
    if (writer.database.isTransaction) writer.database.exec("ROLLBACK");
    throw cause;
  }
  if (version > 0 && version < firstThatWipes) leaveOld(writer, file, log);
}

/** Versions before this one left what they changed or deleted in the pages' free parts: one rewriting takes it out for good. */
const firstThatWipes = 9;

/** Takes about as long as the copy before. Where there is no room for it, what is there stays, and the operator is told. */
function leaveOld({ database }: Connection, file: string, log: Log): void {
  try {
    database.exec("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (cause) {
    const sentence = `The database ${file} could not be rewritten: what was changed or deleted before this upgrade may still stand in the file. VACUUM takes it out.`;
    log.warn({ cause }, sentence);
  }
}

function readFileVersion(connection: Connection, tx: SqliteTx): Promise<number> {
  const tables = connection.all("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_version'");
  return readSchemaVersion(tx, tables.length > 0);
}

async function openForReading(file: string, known: readonly Migration[]): Promise<Engine> {
  try {
    const connection = new Connection(new DatabaseSync(file, { readOnly: true, timeout: lockWaitMs }));
    refuseNewer(await readFileVersion(connection, new SqliteTx(connection)), known, `The database ${file}`);
    return createReadOnlyEngine(file, connection);
  } catch (cause) {
    throw cause instanceof AppError ? cause : cannotOpen(file, cause);
  }
}

/**
 * Copies what was committed when it began. The open transaction keeps the copy on that state: without it SQLite starts
 * over at every write of another connection, and a busy server's backup never ends.
 */
async function copyWhileWritten(file: string, target: string, progress?: (done: number, total: number) => void) {
  let source: DatabaseSync | undefined;
  try {
    makePrivate(target);
    source = new DatabaseSync(file, { readOnly: true, timeout: lockWaitMs });
    source.exec("BEGIN; SELECT 1 FROM sqlite_schema");
    const report = ({ remainingPages, totalPages }: { remainingPages: number; totalPages: number }) =>
      progress?.(totalPages - remainingPages, totalPages);
    const pages = await backup(source, target, { rate: backupPages, progress: report });
    progress?.(pages, pages);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AppError("storage_unavailable", `The copy ${target} cannot be made: ${reason}.`, { cause });
  } finally {
    source?.close();
  }
}

async function createEngine(
  file: string,
  connection: Connection,
  lock: DatabaseSync,
  { log = noLog, maxFileBytes, onLost = () => {} }: SqliteOptions,
): Promise<Engine> {
  const noCheckpoint = (why: string) => log.warn({ why }, "a checkpoint failed; trying again later");
  const countPages = () => connection.countLogPages();
  const checkpointer = new Checkpointer(file, countPages, noCheckpoint, () => guard.isSound());
  const held = new HeldFiles(file, { connection, lock, maxFileBytes }, checkpointer);
  const waiting = new WaitingTexts(await readLeft(new SqliteTx(connection)));
  const flush = async () => {
    await held.flush();
    await guard.confirm();
  };
  const group = new GroupCommit(groupDatabase(connection, flush, waiting), () => checkpointer.afterGroup());
  const guard = new FileGuard({ held, group, log, onLost });
  const indexer = new SearchIndexer(waiting, (work) => group.add(work));
  const scrubber = new Scrubber({ group, checkpointer, indexer, log });
  waiting.onWiped = () => scrubber.soon();
  const { asked, done } = await readScrub(new SqliteTx(connection));
  if (asked > 0) connection.wipeDeleted();
  if (asked > done) scrubber.soon();
  let closed: Promise<void> | undefined;
  const closeAll = async () => {
    await scrubber.close();
    await indexer.close();
    await group.settle();
    await guard.close();
  };
  return {
    durable: createReader(connection, () => group.flushed),
    committed: createReader(connection, () => group.committed),
    write<N extends OperationName>(name: N, input: OperationInput<N>): Promise<OperationResult<N>> {
      if (closed) return Promise.reject(new AppError("storage_unavailable", "The database is closed."));
      return group.add((tx) => runOperation(tx, name, input));
    },
    snapshot: (work) => readAtOneMoment(file, work),
    settleSearch: () => indexer.settle(),
    backup: (target, progress) => copyWhileWritten(file, target, progress),
    checkFiles: () => guard.check(),
    async checkRoom() {
      const { bavail, bsize } = await statfs(dirname(file));
      if (bavail * bsize >= leastFreeBytes) return;
      throw new AppError("storage_unavailable", "The disk of the database is full: less than 8 MiB are free.");
    },
    close() {
      closed ??= closeAll();
      return closed;
    },
  };
}

/** Beside a running server: sees what that server has committed. */
function createReadOnlyEngine(file: string, connection: Connection): Engine {
  const reader = createReader(connection, () => undefined);
  let closed = false;
  return {
    durable: reader,
    committed: reader,
    async write() {
      throw new AppError("storage_unavailable", "The database is open for reading only.");
    },
    snapshot: (work) => readAtOneMoment(file, work),
    settleSearch: async () => {},
    backup: (target, progress) => copyWhileWritten(file, target, progress),
    checkFiles: async () => {},
    checkRoom: async () => {},
    async close() {
      if (!closed) connection.database.close();
      closed = true;
    },
  };
}

/**
 * Reads on the writer's connection, whose pages stay valid from group to group: those of a second connection would be
 * thrown away with every commit (measured: 10 us for a session, instead of 6). `moment` is what has to be waited for.
 */
function createReader(connection: Connection, moment: () => Promise<void> | undefined): Reader {
  return {
    dialect: sqliteDialect,
    async all<R>(sql: string, params: readonly Value[] = []): Promise<R[]> {
      for (let wait = moment(); wait; wait = moment()) await wait;
      try {
        return connection.all<R>(sql, params);
      } catch (cause) {
        throw isStorageFailure(cause) ? storageFailure(cause) : cause;
      }
    },
  };
}
