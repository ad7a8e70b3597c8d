// A database engine: readers, and named writes that are one transaction each.

import type { OperationInput, OperationName, OperationResult } from "./operations.ts";
import type { Reader } from "./tx.ts";

export interface Engine {
  /** Reads what is on the disk, and so may be told. */
  readonly durable: Reader;
  /** Reads what is committed, though perhaps not on the disk yet: for what only goes into a later write. Never waits for the disk. */
  readonly committed: Reader;
  /** Runs one operation as one transaction, durable when the promise resolves. The input must be structured-cloneable. */
  write<N extends OperationName>(name: N, input: OperationInput<N>): Promise<OperationResult<N>>;
  /** All that `work` reads is of one moment, however long it takes and whatever is written meanwhile. For commands, beside a running server. */
  snapshot<T>(work: (reader: Reader) => Promise<T>): Promise<T>;
  /** Resolves when everything that was committed before can be found. */
  settleSearch(): Promise<void>;
  /** A consistent copy while running; Postgres refuses, it has its own tools. */
  backup(file: string, progress?: (done: number, total: number) => void): Promise<void>;
  /** Throws storage_unavailable, with a sentence for the operator, while the database's own files are not where they were opened. */
  checkFiles(): Promise<void>;
  /** Throws storage_unavailable when there is no room for another write, where that can be known without one. */
  checkRoom(): Promise<void>;
  close(): Promise<void>;
}
