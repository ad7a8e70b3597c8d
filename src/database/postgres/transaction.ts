// A transaction on Postgres: statements by name, sent together, all of them or none.

import type pg from "pg";
import { indexedWords, titleRow } from "../search/search-text.ts";
import type { Tx, Value } from "../tx.ts";
import type { Connections, Lent } from "./connections.ts";
import { postgresDialect, printVector } from "./dialect.ts";
import { type Life, lifeLock } from "./life.ts";

const statementNames = new Map<string, string>();

/** A query with its statement's name: each connection prepares a text once. */
export function queryOf(sql: string, params: readonly Value[]): pg.QueryConfig {
  let name = statementNames.get(sql);
  if (!name) {
    name = `rozmova_${statementNames.size + 1}`;
    statementNames.set(sql, name);
  }
  return { name, text: sql, values: params.map(bindable) };
}

/** Text here cannot hold U+0000; an id or a key that has one simply matches nothing. */
function bindable(value: Value): Value {
  return typeof value === "string" && value.includes("\0") ? value.replaceAll("\0", "\ufffd") : value;
}

class PostgresTx implements Tx {
  readonly dialect = postgresDialect;
  /** Why the transaction fails: statements that were under way fail after it, only because it has. */
  firstFailure: unknown;
  private gathering = false;
  private readonly lent: Lent;
  private readonly life: Life | undefined;

  constructor(lent: Lent, life: Life | undefined) {
    this.lent = lent;
    this.life = life;
  }

  async all<R>(sql: string, params?: readonly Value[]): Promise<R[]> {
    const { rows } = await this.query(sql, params);
    return rows as R[];
  }

  async run(sql: string, params?: readonly Value[]): Promise<number> {
    const { rowCount } = await this.query(sql, params);
    return rowCount ?? 0;
  }

  async insert(sql: string, params: readonly Value[]): Promise<number> {
    const [inserted] = await this.all<{ row: number }>(`${sql} RETURNING row`, params);
    return inserted!.row;
  }

  private async query(sql: string, params: readonly Value[] = []): Promise<pg.QueryResult> {
    try {
      const result = await this.send(queryOf(sql, params));
      this.lent.heard();
      return result;
    } catch (cause) {
      this.firstFailure ??= cause;
      throw cause;
    }
  }

  /**
   * Statements of the same moment leave in one write: each write is a system call that wakes the server, which on a busy machine
   * takes the processor from us. A turn then takes 8 writes instead of 17 (strace, 2026-11-26).
   */
  send(query: string | pg.QueryConfig): Promise<pg.QueryResult> {
    if (!this.gathering) {
      const { stream } = this.lent.client.connection;
      this.gathering = true;
      stream.cork();
      process.nextTick(() => {
        this.gathering = false;
        stream.uncork();
      });
    }
    return this.lent.client.query(query);
  }

  async indexTurn(row: number, project: string, texts: readonly string[]): Promise<void> {
    this.indexWords(row, indexedWords(project, texts));
  }

  /** Each was put in with its words. */
  async indexSession(): Promise<void> {}

  async indexTitle(session: number, project: string, title: string | null): Promise<void> {
    if (title === null) await this.run("DELETE FROM turn_search WHERE rowid = $1", [titleRow(session)]);
    else this.indexWords(titleRow(session), indexedWords(project, [title]));
  }

  /** Nobody waits for it: it leaves with what follows, and where it fails so does the COMMIT, with its failure. */
  private indexWords(row: number, words: readonly string[]): void {
    const insert = "INSERT INTO turn_search (rowid, words) VALUES ($1, CAST($2 AS tsvector))";
    const conflict = "ON CONFLICT (rowid) DO UPDATE SET words = excluded.words";
    this.run(`${insert} ${conflict}`, [row, printVector(words)]).catch(() => {});
  }

  /** Postgres keeps old versions of rows until its own VACUUM: see docs/decisions/erasure.md. */
  async wipe(): Promise<void> {}

  async listGone(processIds: readonly number[], self: number, leaseMs: number): Promise<number[]> {
    if (!this.life || this.life.heldMs() < leaseMs || (await this.isLockFree(self))) return [];
    const gone: number[] = [];
    for (const id of processIds) if (id !== self && (await this.isLockFree(id))) gone.push(id);
    return gone;
  }

  private async isLockFree(processId: number): Promise<boolean> {
    const rows = await this.all<{ free: boolean }>(
      "SELECT pg_try_advisory_xact_lock($1, $2) AS free",
      lifeLock(processId),
    );
    return rows[0]?.free ?? false;
  }
}

/** One transaction: all of `work`, or nothing. `limitMs`: how long one of its statements may take. */
export function transact<T>(
  connections: Connections,
  life: Life | undefined,
  work: (tx: Tx) => Promise<T>,
  limitMs?: number,
): Promise<T> {
  return connections.lend(async (lent) => {
    const tx = new PostgresTx(lent, life);
    try {
      const begun = tx.send("BEGIN");
      begun.catch(() => {}); // travels with the first statement, which fails too if this does
      const result = await work(tx);
      const { command } = await lent.client.query("COMMIT");
      if (command !== "COMMIT") throw new Error("the transaction was rolled back");
      return result;
    } catch (cause) {
      await lent.rollBack();
      throw tx.firstFailure ?? cause;
    }
  }, limitMs);
}
