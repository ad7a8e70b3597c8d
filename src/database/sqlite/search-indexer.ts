// SQLite's search index is written behind the turns: a row in it costs a quarter of a turn when it is written alone, and
// little among a hundred. What waits is in a table, written with the text itself, so that nothing is forgotten by a crash.

import { indexedText, titleBase } from "../search/search-text.ts";
import type { Tx } from "../tx.ts";

/**
 * Rows in one transaction. Everybody else waits for it: with 128 rows the slowest turn of a hundred took 7.2 ms instead of 5.4 with
 * 32 (300 turns a second). Where turns come faster than that, many rows at once cost less (3 % of a full server), so whoever has
 * made this many steps without catching up takes more.
 */
const fewRows = 32;
const patientSteps = 8;
const mostRows = 256;
/** Nor more text than this, the last one excepted: some three milliseconds. */
const mostCharacters = 64 * 1024;
const delayMs = 200;

interface PendingRow {
  row: number;
  /** 1: the index may hold an older text under this number. */
  stale: number;
  owner: string | null;
  text: string | null;
}

export interface IndexStep {
  /** How many rows were indexed. */
  rows: number;
  /** Whether others may wait still. */
  more: boolean;
}

/** Indexes the oldest rows that wait, at most `limit`, fewer where they are long. One transaction. */
export async function indexPending(tx: Tx, limit: number): Promise<IndexStep> {
  const waiting = await tx.all<PendingRow>(
    `SELECT p.row, p.stale, COALESCE(m.content, t.title) AS text, COALESCE(s.owner, t.owner) AS owner
     FROM (SELECT row, stale FROM search_pending ORDER BY row LIMIT $1) p
     LEFT JOIN message m ON m.row = p.row LEFT JOIN session s ON s.id = m.session_id
     LEFT JOIN session t ON t.row = p.row - $2`,
    [limit, titleBase],
  );
  let rows = 0;
  for (let characters = 0; rows < waiting.length && characters < mostCharacters; rows++) {
    const { row, stale, owner, text } = waiting[rows]!;
    if (stale === 1) await tx.run("DELETE FROM message_search WHERE rowid = $1", [row]);
    if (owner === null || text === null) continue;
    characters += text.length;
    await tx.run("INSERT INTO message_search (rowid, words) VALUES ($1, $2)", [row, indexedText(owner, text)]);
  }
  if (rows > 0) await tx.run("DELETE FROM search_pending WHERE row <= $1", [waiting[rows - 1]!.row]);
  return { rows, more: rows < waiting.length || rows === limit };
}

/** Decides when to index: a moment after something was written, or at once when somebody searches. */
export class SearchIndexer {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private working: Promise<void> | undefined;
  private closed = false;
  /** Whether something may wait: noted since the last step began. */
  private waiting = false;
  private readonly step: (limit: number) => Promise<IndexStep>;

  constructor(step: (limit: number) => Promise<IndexStep>) {
    this.step = step;
  }

  /** Something waits, or is about to. */
  soon(): void {
    if (this.closed) return;
    this.waiting = true;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.work().catch(() => this.soon()); // no room on the disk, say: it waits on, and so do those who search
    }, delayMs);
    this.timer.unref();
  }

  /** Resolves when everything that was committed before the call can be found. Throws what the database throws. */
  async settle(): Promise<void> {
    await this.working?.catch(() => {});
    if (this.waiting) await this.work(); // else a search costs no write
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.working?.catch(() => {});
  }

  private work(): Promise<void> {
    this.working ??= this.indexAll().finally(() => {
      this.working = undefined;
    });
    return this.working;
  }

  private async indexAll(): Promise<void> {
    try {
      let limit = fewRows;
      let more = true;
      for (let steps = 1; more && !this.closed; steps++) {
        this.waiting = false;
        const step = await this.step(limit);
        more = step.more;
        // After a step that long texts have cut short, the next one does not read again what it would have to leave.
        limit = step.rows < limit ? step.rows : Math.min(limit * 2, steps < patientSteps ? fewRows : mostRows);
      }
    } catch (cause) {
      this.waiting = true;
      throw cause;
    }
  }
}
