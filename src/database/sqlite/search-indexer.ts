// SQLite's search index is written behind the turns: a row in it costs a quarter of a turn when it is written alone, and little
// among a hundred. Which turns wait is known in memory only; a stored mark says up to which row all that are over are indexed.

import { indexedText, insertTitle, insertTurn, titleRow } from "../search/search-text.ts";
import type { Tx } from "../tx.ts";
import type { IndexWaiting } from "./connection.ts";

/**
 * Turns in one transaction. Everybody else waits for it: with 128 rows the slowest turn of a hundred took 7.2 ms instead of 5.4 with
 * 32 (300 turns a second). Many at once cost less (3 % of a full server), so the more have come, the more are taken.
 */
const fewRows = 32;
const mostRows = 256;
const steps = 8;
/** Nor more text than this, the last one excepted: some three milliseconds. */
const mostCharacters = 64 * 1024;
/** Nobody waits for it: who searches has it done first. */
const delayMs = 1_000;

interface TextRow {
  row: number;
  project: string;
  question: string;
  answer: string;
  /** Whether the index has it, which says the same: what takes words away takes them from the index, too. */
  there?: number;
}

const selectTurns = (more = "") =>
  `SELECT t.row, s.project, t.question, t.answer${more} FROM turn t JOIN session s ON s.row = t.session WHERE t.status <> 'running' AND s.purged_at IS NULL`;
const waitingTurns = `${selectTurns()} AND t.row`;
/** Written once more, the first would stay as a deleted row, which every search by two words reads: among 2.5 million 0.8 s instead of 6 ms. */
const leftTurns = `${selectTurns(", EXISTS (SELECT 1 FROM turn_search WHERE rowid = t.row) AS there")} AND t.row > $1 AND t.row <= $2 ORDER BY t.row LIMIT $3`;

/** What waits, and a transaction's share of it. */
export class WaitingTexts implements IndexWaiting {
  /** Turns that ended in this process, as they ended. */
  private rows: number[] = [];
  /** Turns that earlier processes ended: those after row `after` may not be in the index, or may be. */
  private left: { after: number; to: number };
  private titles = true;
  onMore: () => void = () => {};
  onWiped: () => void = () => {};

  constructor(left: { after: number; to: number }) {
    this.left = left;
  }

  turn(row: number): void {
    this.rows.push(row);
    this.onMore();
  }

  title(): void {
    this.titles = true;
    this.onMore();
  }

  wiped(): void {
    this.onWiped();
  }

  /** How many turns wait, at most. */
  get turns(): number {
    return this.rows.length + Math.max(0, this.left.to - this.left.after);
  }

  get isEmpty(): boolean {
    return this.turns === 0 && !this.titles;
  }

  /** Indexes some, at most `limit` turns and fewer where they are long; `settle` is called once that is stored. */
  async index(tx: Tx, limit: number): Promise<{ rows: number; moreTitles: boolean; settle(): void }> {
    const { left } = this;
    const titles = await indexTitles(tx);
    const fromLeft = left.after < left.to;
    const wanted = this.rows.slice(0, limit);
    const found = fromLeft
      ? await tx.all<TextRow>(leftTurns, [left.after, left.to, limit])
      : await tx.all<TextRow>(`${waitingTurns} ${tx.dialect.inList("$1")} ORDER BY t.row`, [JSON.stringify(wanted)]);
    let done = 0;
    for (let characters = 0; done < found.length && characters < mostCharacters; done++) {
      const { row, project, question, answer, there } = found[done]!;
      if (there) continue;
      await tx.run(insertTurn, [row, project, indexedText(question), indexedText(answer)]);
      characters += question.length + answer.length;
    }
    const last = found[done - 1]?.row;
    const whole = done === found.length;
    const after = fromLeft && whole && done < limit ? left.to : (last ?? left.after);
    // A row that was not found is purged, or running again: its end was undone, and will be told again.
    const indexed = new Set(whole ? wanted : found.slice(0, done).map(({ row }) => row));
    await this.moveMark(tx, fromLeft ? after : last, fromLeft ? undefined : indexed);
    return {
      rows: done,
      moreTitles: titles === mostRows,
      settle: () => {
        this.titles = titles === mostRows;
        if (fromLeft) this.left = { after, to: left.to };
        else this.rows = this.rows.filter((row) => !indexed.has(row));
      },
    };
  }

  /** The mark stands below whatever runs or waits: the next start indexes from there. */
  private async moveMark(tx: Tx, upTo: number | undefined, indexed: ReadonlySet<number> | undefined): Promise<void> {
    if (upTo === undefined) return;
    const [running] = await tx.all<{ row: number | null }>(
      "SELECT MIN(row) AS row FROM turn INDEXED BY turn_unsettled WHERE settled = 0",
    );
    let below = Math.min(upTo, (running?.row ?? Number.MAX_SAFE_INTEGER) - 1);
    for (const row of this.rows) if (!indexed?.has(row)) below = Math.min(below, row - 1);
    await tx.run("UPDATE search_mark SET indexed_to = $1 WHERE id = 1 AND indexed_to < $1", [below]);
  }
}

/** What a process before this one may have left. */
export async function readLeft(tx: Tx): Promise<{ after: number; to: number }> {
  const [left] = await tx.all<{ after: number; to: number | null }>(
    'SELECT indexed_to AS after, (SELECT MAX(row) FROM turn) AS "to" FROM search_mark WHERE id = 1',
  );
  return { after: left?.after ?? 0, to: left?.to ?? 0 };
}

/** Titles that wait are few and short, and in a table, because a title can change when no turn ends. Returns how many there were. */
async function indexTitles(tx: Tx): Promise<number> {
  const titles = await tx.all<{ session: number; project: string; title: string | null }>(
    `SELECT p.session, s.project, s.title FROM (SELECT session FROM title_pending ORDER BY session LIMIT ${mostRows}) p JOIN session s ON s.row = p.session`,
  );
  for (const { session, project, title } of titles) {
    await tx.run("DELETE FROM turn_search WHERE rowid = $1", [titleRow(session)]);
    if (title === null) continue;
    await tx.run(insertTitle, [titleRow(session), project, indexedText(title)]);
  }
  if (titles.length > 0) await tx.run("DELETE FROM title_pending WHERE session <= $1", [titles.at(-1)!.session]);
  return titles.length;
}

/** Decides when to index: a moment after something was written, or at once when somebody searches. */
export class SearchIndexer {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private working: Promise<void> | undefined;
  private closed = false;
  private readonly waiting: WaitingTexts;
  private readonly transact: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

  constructor(waiting: WaitingTexts, transact: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>) {
    this.waiting = waiting;
    this.transact = transact;
    waiting.onMore = () => this.soon();
    this.soon();
  }

  /** Resolves when everything that was committed before the call can be found. Throws what the database throws. */
  async settle(): Promise<void> {
    await this.working?.catch(() => {});
    if (!this.waiting.isEmpty) await this.work(); // else a search costs no write
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.working?.catch(() => {});
  }

  private soon(): void {
    if (this.closed) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.work().catch(() => this.soon()); // no room on the disk, say: it waits on, and so do those who search
    }, delayMs);
    this.timer.unref();
  }

  private work(): Promise<void> {
    this.working ??= this.indexAll().finally(() => {
      this.working = undefined;
    });
    return this.working;
  }

  /** What waited when it began; what comes meanwhile is for the next time, or under load each step would have a few turns only. */
  private async indexAll(): Promise<void> {
    let rest = this.waiting.turns;
    const most = Math.min(mostRows, Math.max(fewRows, Math.ceil(rest / steps)));
    let limit = most;
    for (let more = true; more && !this.closed; ) {
      const step = await this.transact((tx) => this.waiting.index(tx, limit));
      step.settle();
      rest -= step.rows;
      more = (rest > 0 && this.waiting.turns > 0) || step.moreTitles;
      // After a step that long texts have cut short, the next one does not read again what it would have to leave.
      limit = step.rows > 0 && step.rows < limit ? step.rows : Math.min(limit * 2, most);
    }
    if (!this.waiting.isEmpty) this.soon();
  }
}
