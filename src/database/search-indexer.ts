// SQLite's search index is written behind the turns: a row in it costs a quarter of a turn when it is written alone, and
// little among a hundred. What waits is in a table, written with the text itself, so that nothing is forgotten by a crash.

import type { Tx } from "./engine.ts";
import { indexedWords, titleBase } from "./search.ts";

/**
 * Rows in one transaction. Everybody else waits for it and its flush: 128 rows took about four milliseconds, five times a second, which
 * was the worst that a turn alone met (p99 7.2 ms, and 5.4 with 32 rows; 300 turns a second). In a full server both cost the same.
 */
const rowsAtOnce = 32;
const delayMs = 200;

interface PendingRow {
  row: number;
  /** 1: the index may hold an older text under this number. */
  stale: number;
  owner: string | null;
  text: string | null;
}

/** Indexes the oldest rows that wait; returns how many there were. One transaction. */
export async function indexPending(tx: Tx): Promise<number> {
  const rows = await tx.all<PendingRow>(
    `SELECT p.row, p.stale, COALESCE(m.content, t.title) AS text, COALESCE(s.owner, t.owner) AS owner
     FROM (SELECT row, stale FROM search_pending ORDER BY row LIMIT $1) p
     LEFT JOIN message m ON m.row = p.row LEFT JOIN session s ON s.id = m.session_id
     LEFT JOIN session t ON t.row = p.row - $2`,
    [rowsAtOnce, titleBase],
  );
  for (const { row, stale, owner, text } of rows) {
    if (stale === 1) await tx.run("DELETE FROM message_search WHERE rowid = $1", [row]);
    if (owner === null || text === null) continue;
    const words = indexedWords(owner, text).join(" ");
    await tx.run("INSERT INTO message_search (rowid, words) VALUES ($1, $2)", [row, words]);
  }
  const last = rows.at(-1);
  if (last) await tx.run("DELETE FROM search_pending WHERE row <= $1", [last.row]);
  return rows.length;
}

/** Decides when to index: a moment after something was written, or at once when somebody searches. */
export class SearchIndexer {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private working: Promise<void> | undefined;
  private closed = false;
  /** Whether something may wait: noted since the last step began. */
  private waiting = false;
  private readonly step: () => Promise<number>;

  constructor(step: () => Promise<number>) {
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
      do this.waiting = false;
      while (!this.closed && (await this.step()) === rowsAtOnce);
    } catch (cause) {
      this.waiting = true;
      throw cause;
    }
  }
}
