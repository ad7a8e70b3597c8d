// Taking over turns whose process is gone, and reading what was saved of them.

import type { DeadTurn, MemoryState } from "../store.ts";
import { readLog } from "./event.ts";
import { type TurnRow, turnColumns, turnFrom } from "./turn.ts";
import type { Reader, Tx } from "./tx.ts";

export interface ClaimDeadTurns {
  processId: number;
  /** The caller's own turns that it knows of. */
  known: readonly string[];
  leaseMs: number;
  limit: number;
}

/**
 * Each dead turn goes to one caller: the conditional update sees the process it took it from. A process is believed dead when
 * its lock is free and the lease is over, by the database's clock; where only one process can have the database open, at once.
 * A turn of the caller's own is claimed when the caller knows nothing of it and its lease is over: the answer to its opening
 * was lost with the connection, or its end could not be stored before. Returns the ids claimed.
 */
export async function claimDeadTurns(tx: Tx, input: ClaimDeadTurns): Promise<string[]> {
  const { processId, known, leaseMs, limit } = input;
  const processes = await tx.all<{ process_id: number }>("SELECT DISTINCT process_id FROM turn WHERE settled = 0");
  const ids = processes.map(({ process_id }) => process_id);
  const others = ids.filter((id) => id !== processId);
  const gone = others.length === 0 ? [] : await tx.listGone(others, processId, leaseMs);
  const { now, shared } = tx.dialect;
  const claimed: string[] = [];
  for (const runner of ids.includes(processId) ? [processId, ...gone] : gone) {
    const own = runner === processId;
    const dead = `process_id = $3 AND settled = 0 ${own || shared ? `AND lease_until < ${now}` : ""}
      AND NOT (id ${tx.dialect.inList("$4")})`;
    const rows = await tx.all<{ id: string }>(
      `UPDATE turn SET process_id = $1, lease_until = ${now} + $2 WHERE ${dead}
         AND id IN (SELECT id FROM turn WHERE ${dead} ORDER BY row LIMIT $5) RETURNING id`,
      [processId, leaseMs, runner, JSON.stringify(own ? known : []), limit - claimed.length],
    );
    for (const row of rows) claimed.push(row.id);
    if (claimed.length >= limit) break;
  }
  return claimed;
}

interface DeadRow extends TurnRow {
  branch: number;
  position: number;
  question: string;
  system: string | null;
  memory_from: number;
  memory_estimate: number;
  memory_tokens: number;
}

/** All that was saved of a claimed turn. */
export async function readDeadTurn(reader: Reader, turnId: string): Promise<DeadTurn> {
  const [row] = await reader.all<DeadRow>(
    `SELECT ${turnColumns}, t.branch, t.position, t.question, s.system, s.memory_from, s.memory_estimate, s.memory_tokens
     FROM turn t JOIN session s ON s.row = t.session WHERE t.id = $1`,
    [turnId],
  );
  const log = await readLog(reader, turnId, 1);
  const last = log.events.at(-1)?.number ?? 1;
  return {
    owner: row!.project,
    turn: turnFrom(row!),
    question: row!.question,
    memory: memoryOf(row!),
    system: row!.system,
    events: log.events.map(({ event }) => event),
    nextNumber: Math.max(last, row!.last_number ?? 0) + 1,
    usageRaw: log.usageRaw,
    counted: log.counted,
    modelServed: log.modelServed ?? row!.model_served,
  };
}

function memoryOf(row: DeadRow): MemoryState {
  const { branch, position, memory_from, memory_estimate, memory_tokens } = row;
  return {
    branch,
    position: position * 2,
    from: memory_from * 2,
    promptEstimate: memory_estimate,
    promptTokens: memory_tokens,
  };
}
