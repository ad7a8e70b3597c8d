// What storage must do for those who ask what was used: the share of door 2 that is usage's.

import type { Cost } from "./ledger.ts";
import type { Usage } from "./usage.ts";

/** What usage can be added up by. Also the order in which rows are sorted and their names are written. */
export const usageGroups = ["project", "user", "key", "session", "day", "vendor", "model", "purpose"] as const;
export type UsageGroup = (typeof usageGroups)[number];

/** A stretch of time, in ms: from `since` on, up to and without `until`. */
export interface Span {
  since: number;
  until: number;
}

/** Whose usage: of one project (null: of all), of one user (null: of everybody), in some sessions (null: in all). */
export interface UsageScope {
  project: string | null;
  user: string | null;
  sessions: readonly string[] | null;
}

export interface UsageQuery extends UsageScope {
  groups: readonly UsageGroup[];
  /** One behind the other, without a gap. Where it is grouped by day, each is one, with its name. */
  days: readonly (Span & { name: string })[];
}

/**
 * What some calls used and cost together. A turn is counted where its first call is, and one without a price where the first of its
 * calls is that has none: so rows add up to their total, however they are grouped.
 */
export interface UsageSum {
  turns: number;
  calls: number;
  usage: Usage;
  /** The accuracy is the worst of any. */
  cost: Cost;
}
/** A user or a key is null for calls that were made without. */
export interface UsageRow extends UsageSum {
  project?: string;
  user?: string | null;
  key?: string | null;
  session?: string;
  day?: string;
  vendor?: string;
  model?: string;
  purpose?: string;
}

/** One turn, by those of its calls that were made in the time that was asked for. */
export interface TurnUsage extends UsageSum {
  turn: string;
  /** When the first of these calls was made, in ms. */
  at: number;
  project: string;
  session: string;
  user: string | null;
  key: string | null;
  vendor: string;
  model: string;
}

export interface UsageStore {
  /**
   * Adds up the ledger's entries by the moments of their calls, as it is at one instant: what is not settled yet is in neither. At most
   * `mostUsageRows` rows, sorted by the groups. Throws invalid_request where there are more, or too much would have to be added up for
   * one answer, and storage_unavailable while the books are still being added up after an upgrade.
   */
  sumUsage(query: UsageQuery): Promise<UsageRow[]>;
  /**
   * The same without a limit, in groups of rows as they come: sorted where there are neither sessions nor days among the groups, else group
   * by group. Each group is of one instant; memory holds one at a time. Where there are neither, all rows are one group.
   */
  listUsage(query: UsageQuery): AsyncIterable<UsageRow[]>;
  /** One row for each turn with a call in this time, in the order in which they were opened. */
  listTurnUsage(scope: UsageScope, span: Span): AsyncIterable<TurnUsage[]>;
  /** Adds up what has been booked so far, as it is done anyway a moment later: an answer then has less to add. */
  settleUsage(): Promise<void>;
}

/** Of one answer. */
export const mostUsageRows = 10_000;
