// The thread that makes checkpoints: one connection, one statement, one answer for each message.

import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import type { Asked, CheckpointAnswer } from "./checkpoint.ts";

let database: DatabaseSync | undefined;

function checkpoint(how: "PASSIVE" | "TRUNCATE"): CheckpointAnswer {
  try {
    database ??= new DatabaseSync(String(workerData));
    // PASSIVE waits for nobody: what a reader still needs is left for the next time (sqlite.org/pragma.html#pragma_wal_checkpoint, read 2026-11-26).
    // Nor does TRUNCATE on this connection, which has no busy handler.
    const row = database.prepare(`PRAGMA wal_checkpoint(${how})`).get() as { busy: number };
    return { busy: row.busy !== 0 };
  } catch (cause) {
    return { failure: cause instanceof Error ? cause.message : String(cause) };
  }
}

/** A connection that is not closed would keep the files' locks as long as the process lives. */
function close(): CheckpointAnswer {
  database?.close();
  database = undefined;
  return { busy: false };
}

parentPort?.on("message", (asked: Asked) =>
  parentPort?.postMessage(asked === "close" ? close() : checkpoint(asked === "cut" ? "TRUNCATE" : "PASSIVE")),
);
