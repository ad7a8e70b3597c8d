// What the files of this room speak to: SQL in, rows out, within a transaction or without one.

import type { SearchPhrase } from "../conversation/search-query.ts";

export type Value = string | number | bigint | null;

/** The few places where the engines' SQL differs. */
export interface Dialect {
  name: "sqlite" | "postgres";
  /** A number that the database gives to each new row, growing. */
  autoRow: string;
  /** Ends a table that is only ever looked for by its primary key: stored once, in the key's own order, where the engine can. */
  clustered: string;
  /** After a SELECT: keeps its rows as they are until the transaction ends, where others may write at the same time. */
  lockRows: string;
  /** Whether several processes may have the database open at once. */
  shared: boolean;
  /** The database's own clock, in ms since 1970: what processes on machines of their own agree about. */
  now: string;
  /** After a column: is one of the texts in a parameter that holds them as a JSON array. */
  inList(param: string): string;
  /** Text compared byte by byte. */
  idType: string;
  /** The search index, made by migration 001: a table `message_search` with `rowid`. */
  createSearch: string[];
  /** A condition on `message_search`; $1 is what `searchQuery` prints. */
  searchMatch: string;
  /** `begun`: the words of the index that begin like the last one of the query, where they are known. */
  printQuery(phrases: readonly SearchPhrase[], owner: string, begun?: readonly string[]): string;
  /** Lists words of the search index that begin with $1, at most $2; undefined where `printQuery` has no use for them. */
  listBegun: string | undefined;
}

/** SQLite has its answer at once, Postgres later; a failure is always a promise, so that it shows only where it is awaited. */
export type Awaitable<T> = T | Promise<T>;

/** `Promise.all`, at once where every value is there. */
export function allOf<T extends readonly unknown[] | []>(
  values: T,
): Awaitable<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  for (const value of values) if (value instanceof Promise) return Promise.all(values);
  return values as { -readonly [K in keyof T]: Awaited<T[K]> };
}

export interface Reader {
  readonly dialect: Dialect;
  /**
   * Runs SQL with `$1`, `$2` ... placeholders. 64-bit integers above 2^53 must be cast to TEXT by the statement.
   * `plan anew` is for a statement whose best way depends on its values; others are planned once for all values.
   */
  all<R>(sql: string, params?: readonly Value[], plan?: "plan anew"): Awaitable<R[]>;
}

/** A transaction. Inside one, nothing but the database may be awaited. */
export interface Tx extends Reader {
  /** Runs SQL for its effect; returns the number of rows it changed. */
  run(sql: string, params?: readonly Value[]): Awaitable<number>;
  /** Inserts one row into a table with an `autoRow`; returns the number that the row was given. */
  insert(sql: string, params: readonly Value[]): Awaitable<number>;
  /**
   * Puts the text of a message, or a session's title, into the search index under its row number, with this transaction or
   * soon after it; `replace` when it may be there already.
   */
  indexText(row: number, owner: string, text: string | null, replace: boolean): Awaitable<void>;
  /**
   * Those of these processes that show no sign of life. None while the caller `self` has not shown its own for `leaseMs`: what
   * cut its connection has perhaps cut theirs, and they get as long to come back.
   */
  listGone(processIds: readonly number[], self: number, leaseMs: number): Awaitable<number[]>;
}
