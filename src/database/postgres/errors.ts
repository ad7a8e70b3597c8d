// What went wrong in Postgres, by SQLSTATE (postgresql.org/docs/18/errcodes-appendix.html, read 2026-11-23), never by text.

import pg from "pg";
import { AppError } from "../../errors.ts";
import { StaleSession } from "../../store.ts";
import { storageFailure } from "../sqlite/group-commit.ts";

// Classes: 08 connection, 28 refused login, 53 out of disk, memory or connections, 57P0 shutting down, 58 input/output,
// XX corrupted. Codes: 25006 read-only server, 3D000 no such database, 25P03 and 57014 a statement or idle time limit.
const storageStates = /^(08...|28...|53...|57P0.|58...|XX...|25006|25P03|3D000|57014)$/;
/** serialization_failure, deadlock_detected: the same transaction may well succeed when tried again. */
const transientStates = new Set(["40001", "40P01"]);

/** The server's last word on a connection: admin_shutdown, crash_shutdown. */
export function wasEnded(cause: unknown): boolean {
  return cause instanceof pg.DatabaseError && /^57P0[12]$/.test(cause.code ?? "");
}

export function isTransient(cause: unknown): boolean {
  return cause instanceof pg.DatabaseError && transientStates.has(cause.code ?? "");
}

/**
 * What a failed query means to the caller: storage trouble, or the error itself. What is neither the server's word nor a mistake of
 * this program, which would fail again and again, is a lost connection.
 */
export function explainPostgres(cause: unknown): unknown {
  if (cause instanceof AppError || cause instanceof StaleSession || isMistake(cause)) return cause;
  if (!(cause instanceof pg.DatabaseError)) return storageFailure(cause);
  return storageStates.test(cause.code ?? "") || isTransient(cause) ? storageFailure(cause) : cause;
}

function isMistake(cause: unknown): boolean {
  return [TypeError, RangeError, SyntaxError, ReferenceError].some((kind) => cause instanceof kind);
}
