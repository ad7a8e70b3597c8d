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
  /** These values as a JSON array, as JSON.stringify prints it; of a number, a text or nothing each. */
  jsonArray(values: readonly string[]): string;
  /** A table from a parameter that holds a JSON array of arrays of whole numbers, with these names for its columns. */
  rowsOf(param: string, columns: readonly string[]): string;
  /** A table, with one column `value`, of what is in an array of a JSON object that stands in a column. */
  elementsOf(column: string, array: string): string;
  /** Two whole numbers: once the second is no less than the first was, every transaction that had begun by then is over. */
  horizon: { begun: string; over: string };
  /** Text compared byte by byte. */
  idType: string;
  /** The search index as migration 001 made it. */
  createSearch: string[];
  /** A condition on `turn_search`; $1 is what `searchQuery` prints. */
  searchMatch: string;
  /** `begun`: the words of the index that begin like the last one of the query, where they are known. */
  printQuery(phrases: readonly SearchPhrase[], project: string | undefined, begun?: readonly string[]): string;
  /** Lists words of the search index that begin with $1, at most $2; undefined where `printQuery` has no use for them. */
  listBegun: string | undefined;
}

/** SQL in which the engines differ, printed once for each: what is printed anew is looked for anew among the prepared statements. */
export function perDialect(print: (dialect: Dialect) => string): (dialect: Dialect) => string {
  const printed = new Map<Dialect, string>();
  return (dialect) => {
    if (!printed.has(dialect)) printed.set(dialect, print(dialect));
    return printed.get(dialect)!;
  };
}

export interface Reader {
  readonly dialect: Dialect;
  /**
   * Runs SQL with `$1`, `$2` ... placeholders. 64-bit integers above 2^53 must be cast to TEXT by the statement.
   * `plan anew` is for a statement whose best way depends on its values; others are planned once for all values.
   */
  all<R>(sql: string, params?: readonly Value[], plan?: "plan anew"): Promise<R[]>;
}

/** A transaction. Inside one, nothing but the database may be awaited. */
export interface Tx extends Reader {
  /** Runs SQL for its effect; returns the number of rows it changed. */
  run(sql: string, params?: readonly Value[]): Promise<number>;
  /** Inserts one row into a table with an `autoRow`; returns the number that the row was given. */
  insert(sql: string, params: readonly Value[]): Promise<number>;
  /** Puts a turn that is over into the search index, with this transaction or soon after it. */
  indexTurn(row: number, project: string, texts: readonly string[]): Promise<void>;
  /** The turns of a session that nobody could see before, though they may stand before others that are in the index. */
  indexSession(session: number): Promise<void>;
  /** The same for the title that a session has now; null: it has none any more. */
  indexTitle(session: number, project: string, title: string | null): Promise<void>;
  /** What this transaction takes away must leave the database's files too: soon, where the engine itself would keep it. */
  wipe(): Promise<void>;
  /**
   * Those of these processes that show no sign of life. None while the caller `self` has not shown its own for `leaseMs`: what
   * cut its connection has perhaps cut theirs, and they get as long to come back.
   */
  listGone(processIds: readonly number[], self: number, leaseMs: number): Promise<number[]>;
}
