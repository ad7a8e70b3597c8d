// After words were taken away: what SQLite itself would keep of them leaves the files, too. The text index keeps deleted words until its
// parts are merged, free pages keep what stood in them, the log keeps all that was written.

import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../../log.ts";
import type { Tx } from "../tx.ts";
import type { Checkpointer } from "./checkpoint.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { SearchIndexer } from "./search-indexer.ts";

/** Soon, but once for all that is purged together. */
const delayMs = 200;
/** The index is rewritten as a whole: it gets a fifth of the time at most. */
const pauseFactor = 4;
/** Pages of the text index that one transaction merges, and free pages that one fills: a few milliseconds, for which writers wait. */
const mergedAtOnce = 16;
const filledAtOnce = 128;
/** A backup reads the log, say. */
const retryMs = 500;

export interface ScrubTools {
  group: Pick<GroupCommit, "add" | "between">;
  checkpointer: Pick<Checkpointer, "cut">;
  indexer: Pick<SearchIndexer, "settle">;
  log: Log;
}

interface ScrubRow {
  asked: number;
  done: number;
  clean: number;
}

export class Scrubber {
  private readonly tools: ScrubTools;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private working: Promise<void> | undefined;
  private again = false;
  private restMs = delayMs;
  private readonly closing = new AbortController();

  constructor(tools: ScrubTools) {
    this.tools = tools;
  }

  /** Words were taken away, by a transaction that is about to be committed, or by one that a process before this one made. */
  soon(): void {
    this.again = true;
    if (this.closing.signal.aborted || this.working) return;
    this.timer ??= setTimeout(() => this.start(), this.restMs);
    this.timer.unref();
  }

  /** What is under way is left; the next start goes on. */
  async close(): Promise<void> {
    this.closing.abort();
    clearTimeout(this.timer);
    await this.working;
  }

  private start(): void {
    this.timer = undefined;
    this.again = false;
    const startedAt = performance.now();
    this.working = this.scrub()
      .catch((cause) => {
        this.again = true; // no room on the disk, say
        if (!this.closing.signal.aborted)
          this.tools.log.warn({ cause }, "erased words are still in the files; trying again");
      })
      .finally(() => {
        this.working = undefined;
        this.restMs = Math.max(delayMs, pauseFactor * (performance.now() - startedAt));
        if (this.again) this.soon();
      });
  }

  private async scrub(): Promise<void> {
    const { group, indexer, log } = this.tools;
    const startedAt = performance.now();
    const { asked, done, clean } = await group.add(readScrub);
    if (asked === done) return;
    await indexer.settle();
    await this.repeat((tx, first) => mergeSome(tx, first));
    if (clean === 0) {
      await this.repeat((tx) => fillSome(tx));
      await this.repeat((tx) => emptySome(tx));
    }
    while (!(await this.cut())) await sleep(retryMs, undefined, { signal: this.closing.signal });
    await group.add((tx) => tx.run("UPDATE scrub SET done = $1, clean = 1 WHERE id = 1", [asked]));
    log.info({ ms: Math.round(performance.now() - startedAt) }, "erased words have left the database's files");
  }

  private cut(): Promise<boolean> {
    return this.tools.group.between(() => this.tools.checkpointer.cut());
  }

  /** Each step is a transaction of its own; others write in between. */
  private async repeat(step: (tx: Tx, first: boolean) => Promise<boolean>): Promise<void> {
    for (let first = true; ; first = false) {
      this.closing.signal.throwIfAborted();
      if (await this.tools.group.add((tx) => step(tx, first))) return;
    }
  }
}

export async function readScrub(tx: Pick<Tx, "all">): Promise<ScrubRow> {
  const [row] = await tx.all<ScrubRow>("SELECT asked, done, clean FROM scrub WHERE id = 1");
  return row!;
}

const countChanges = async (tx: Tx) =>
  (await tx.all<{ changes: number }>("SELECT total_changes() AS changes"))[0]!.changes;

/**
 * Puts all parts of the index together, a little at a time, and leaves out what was deleted; true when there is one part. That a merge has
 * nothing left to do shows in the number of changes (sqlite.org/fts5.html 6.7 and 6.8, read 2026-11-27).
 */
async function mergeSome(tx: Tx, first: boolean): Promise<boolean> {
  const before = await countChanges(tx);
  await tx.run("INSERT INTO turn_search (turn_search, rank) VALUES ('merge', $1)", [
    first ? -mergedAtOnce : mergedAtOnce,
  ]);
  return (await countChanges(tx)) - before < 2;
}

/** Takes free pages and fills them with zeros; true when none is left. */
async function fillSome(tx: Tx): Promise<boolean> {
  const [free] = await tx.all<{ freelist_count: number }>("PRAGMA freelist_count");
  const [page] = await tx.all<{ page_size: number }>("PRAGMA page_size");
  const pages = Math.min(filledAtOnce, free!.freelist_count);
  if (pages === 0) return true;
  await tx.run("INSERT INTO scrub_fill (bytes) VALUES (zeroblob($1))", [pages * page!.page_size]);
  return false;
}

/** Gives them back. */
async function emptySome(tx: Tx): Promise<boolean> {
  return (await tx.run("DELETE FROM scrub_fill WHERE id = (SELECT MIN(id) FROM scrub_fill)")) === 0;
}
