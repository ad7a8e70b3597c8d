// Taking over turns whose process is gone.

import type { DeadTurn, MemoryState } from "../store.ts";
import { readLog } from "./event.ts";
import { type TurnRow, turnColumns, turnFrom } from "./turn.ts";
import type { Reader, Tx } from "./tx.ts";

export interface ClaimDeadTurns {
  processId: number;
  now: number;
  leaseUntil: number;
  limit: number;
}

/** Each dead turn goes to one caller: the conditional update sees the process it took it from. Returns the ids claimed. */
export async function claimDeadTurns(tx: Tx, input: ClaimDeadTurns): Promise<string[]> {
  const { processId, now, leaseUntil, limit } = input;
  const owners = await tx.all<{ process_id: number }>("SELECT DISTINCT process_id FROM turn WHERE settled = 0");
  const claimed: string[] = [];
  for (const owner of owners) {
    // A turn of the caller's own has no lease only if the caller knows nothing of it: the answer to its opening, or to its
    // claim, was lost with the line.
    const gone = owner.process_id !== processId && (await tx.isProcessGone(owner.process_id));
    // An expired lease speaks for one turn only; a process that is gone, for all of its turns.
    const rows = await tx.all<{ id: string }>(
      `UPDATE turn SET process_id = $1, lease_until = $2 WHERE process_id = $3 AND settled = 0 ${gone ? "" : "AND lease_until < $4"}
         AND id IN (SELECT id FROM turn WHERE process_id = $3 AND settled = 0 ${gone ? "" : "AND lease_until < $4"} ORDER BY id LIMIT ${gone ? "$4" : "$5"})
       RETURNING id`,
      [processId, leaseUntil, owner.process_id, ...(gone ? [] : [now]), limit - claimed.length],
    );
    for (const row of rows) claimed.push(row.id);
    if (claimed.length >= limit) break;
  }
  return claimed;
}

interface DeadRow extends TurnRow {
  branch: number;
  position: number;
  system: string | null;
  memory_from: number;
  memory_estimate: number;
  memory_tokens: number;
}

/** All that was saved of a claimed turn. */
export async function readDeadTurn(reader: Reader, turnId: string): Promise<DeadTurn> {
  const [row] = await reader.all<DeadRow>(
    `SELECT t.*, m.branch, m.position, s.system, s.memory_from, s.memory_estimate, s.memory_tokens
     FROM (SELECT ${turnColumns} FROM turn WHERE id = $1) t JOIN message m ON m.id = t.user_message_id JOIN session s ON s.id = t.session_id`,
    [turnId],
  );
  const log = await readLog(reader, turnId, 1);
  const last = log.events.at(-1)?.number ?? 1;
  return {
    owner: row!.owner,
    turn: turnFrom(row!),
    memory: memoryOf(row!),
    system: row!.system,
    events: log.events.map(({ event }) => event),
    nextNumber: Math.max(last, row!.last_number ?? 0) + 1,
    usageRaw: log.usageRaw,
    modelServed: log.modelServed ?? row!.model_served,
  };
}

function memoryOf(row: DeadRow): MemoryState {
  const { branch, position, memory_from, memory_estimate, memory_tokens } = row;
  return { branch, position, from: memory_from, promptEstimate: memory_estimate, promptTokens: memory_tokens };
}
