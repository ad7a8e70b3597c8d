// Group commit: operations that arrive while one group is written form the next, and share one flush to the disk.

import { AppError } from "../errors.ts";

/** One operation that waits for its group. */
export interface Job {
  run(): Promise<unknown>;
  resolve(value: unknown): void;
  reject(cause: unknown): void;
}

/** What a group needs from its database. All of them throw what the database throws. */
export interface GroupDatabase {
  begin(): void;
  /** Marks where the next operation begins, so that it alone can be undone. */
  mark(): void;
  release(): void;
  undo(): void;
  commit(): void;
  /** Undoes the whole group; does nothing when the database has done that itself. */
  rollback(): void;
  /** Whether an error means that storage fails, not that one operation was wrong. */
  isStorageFailure(cause: unknown): boolean;
}

/** A group holds writes of everybody up; this many take a few milliseconds. */
const mostJobs = 500;

export class GroupCommit {
  private queue: Job[] = [];
  private running: Promise<void> | undefined;
  private readonly database: GroupDatabase;

  constructor(database: GroupDatabase) {
    this.database = database;
  }

  /** Runs with the next group; settles only after that group is on the disk, or failed as a whole. */
  add<T>(run: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.queue.push({ run, resolve: (value) => resolve(value as T), reject });
      this.running ??= this.runGroups();
    });
  }

  /** Resolves when nothing is left to write. */
  async drain(): Promise<void> {
    while (this.running) await this.running;
  }

  private async runGroups(): Promise<void> {
    while (this.queue.length > 0) {
      // A full turn of the event loop lets everything that has arrived join the group. Measured with 100 callers over HTTP:
      // 9,600 writes a second, and 2,500 when a group begins with a microtask; alone, a write takes 0.46 ms either way.
      await new Promise((resolve) => setImmediate(resolve));
      await this.runGroup(this.queue.splice(0, mostJobs));
    }
    this.running = undefined;
  }

  private async runGroup(jobs: readonly Job[]): Promise<void> {
    let settle: (() => void)[];
    try {
      this.database.begin();
      settle = [];
      for (const job of jobs) settle.push(await this.runJob(job));
      this.database.commit();
    } catch (cause) {
      this.database.rollback();
      const failure = this.database.isStorageFailure(cause) ? storageFailure(cause) : cause;
      settle = jobs.map((job) => () => job.reject(failure));
    }
    for (const tell of settle) tell();
  }

  /** Returns how to tell the caller, once the group is safe. Throws when storage itself fails: then the group is lost. */
  private async runJob(job: Job): Promise<() => void> {
    this.database.mark();
    try {
      const value = await job.run();
      this.database.release();
      return () => job.resolve(value);
    } catch (cause) {
      if (this.database.isStorageFailure(cause)) throw cause;
      this.database.undo();
      return () => job.reject(cause);
    }
  }
}

/** What callers are told when the disk is full, read-only or broken; the cause is for the log. */
export function storageFailure(cause: unknown): AppError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AppError(
    "storage_unavailable",
    "The database cannot be written or read at the moment; nothing was stored.",
    {
      cause: new Error(reason, { cause }),
      retryAfterSeconds: 5,
    },
  );
}
