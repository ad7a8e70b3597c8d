// Taking over turns whose process is gone, and reading what was saved of them.

import type { BegunCall } from "../money/ledger.ts";
import type { Counted } from "../money/usage.ts";
import type { DeadTurn } from "../store.ts";
import { CountedText } from "../turn/answer.ts";
import { countedFrom } from "./columns.ts";
import { unpackEvents } from "./event.ts";
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

/** Whether any turn runs, here or elsewhere, or waits for its bill. */
export async function hasUnsettled(reader: Reader): Promise<boolean> {
  const rows = await reader.all("SELECT 1 FROM turn WHERE settled = 0 LIMIT 1");
  return rows.length > 0;
}

interface DeadRow extends TurnRow {
  session: number;
  branch: number;
  position: number;
  question: string;
  answer: string;
  thought: string | null;
  events: string | null;
  calls: string | null;
  system: string | null;
  memory_from: number;
  memory_estimate: number;
  memory_tokens: number;
}

/** All that was saved of a claimed turn. What cannot be read of it is left out: it must be closed all the same. */
export async function readDeadTurn(reader: Reader, turnId: string): Promise<DeadTurn> {
  const [row] = await reader.all<DeadRow>(
    `SELECT ${turnColumns}, t.session, t.branch, t.position, t.question, t.answer, t.thought, t.events, t.calls, s.system, s.memory_from, s.memory_estimate, s.memory_tokens
     FROM turn t JOIN session s ON s.row = t.session WHERE t.id = $1`,
    [turnId],
  );
  const log = await foldLog(reader, turnId);
  if (row!.events !== null) {
    // It had ended, and only its bill is missing: its whole log is in its own row.
    log.text.add(row!.answer);
    log.thought.add(row!.thought ?? "");
  }
  return {
    owner: row!.project,
    turn: turnFrom({ ...row!, notices: isJson(row!.notices) ? row!.notices : null }),
    question: row!.question,
    memory: {
      ...{ session: row!.session, branch: row!.branch, position: row!.position, from: row!.memory_from },
      ...{ promptEstimate: row!.memory_estimate, promptTokens: row!.memory_tokens },
    },
    calls: isJson(row!.calls) ? (JSON.parse(row!.calls ?? "null") as BegunCall[] | null) : null,
    system: row!.system,
    text: log.text.text,
    thought: log.thought.text,
    textEstimate: log.text.estimate,
    thoughtEstimate: log.thought.estimate,
    nextNumber: Math.max(log.last, row!.last_number ?? 0) + 1,
    usageRaw: log.usageRaw,
    counted: log.counted,
    modelServed: log.modelServed ?? row!.model_served,
  };
}

/** No answer that is taken in is longer; what is read of a log never takes more memory than this. */
const longestText = 16 * 1024 * 1024;
const batchesAtOnce = 8;

/** Words from a log: the beginning, and the tokens of all. */
class Words extends CountedText {
  private room = longestText;

  override add(piece: string): void {
    const kept = piece.slice(0, this.room);
    this.room -= kept.length;
    super.add(kept);
    this.count(piece.slice(kept.length));
  }
}

interface BatchRow {
  first_number: number;
  count: number;
  events: string;
  usage_raw: string | null;
  counted: string | null;
  model_served: string | null;
}

/** The whole log, some batches at a time. */
async function foldLog(reader: Reader, turnId: string) {
  const log = {
    ...{ text: new Words(), thought: new Words(), last: 1 },
    ...{ usageRaw: null as string | null, counted: null as Counted | null, modelServed: null as string | null },
  };
  for (let first = 0; ; ) {
    const rows: BatchRow[] = await reader.all<BatchRow>(
      `SELECT first_number, count, events, usage_raw, counted, model_served FROM turn_event
       WHERE turn_id = $1 AND first_number > $2 ORDER BY first_number LIMIT $3`,
      [turnId, first, batchesAtOnce],
    );
    for (const row of rows) {
      log.usageRaw = row.usage_raw ?? log.usageRaw;
      if (isJson(row.counted)) log.counted = countedFrom(row.counted) ?? log.counted;
      log.modelServed = row.model_served ?? log.modelServed;
      log.last = row.first_number + row.count - 1;
      first = row.first_number;
      if (!isJson(row.events)) continue;
      for (const event of unpackEvents(row.events)) {
        if (typeof event === "string") log.text.add(event);
        else if (event.type === "thought-delta") log.thought.add(event.text);
      }
    }
    if (rows.length < batchesAtOnce) return log;
  }
}

function isJson(text: string | null): boolean {
  try {
    JSON.parse(text ?? "null");
    return true;
  } catch {
    return false;
  }
}
