// How usage, cost and JSON lie in columns, for every table that has them.

import type { ErrorCode } from "../errors.ts";
import { type Accuracy, accuracies, type Cost } from "../money/ledger.ts";
import type { Counted, Usage } from "../money/usage.ts";
import type { TurnStatus } from "../turn/turn.ts";
import type { MessageIds } from "./conversation/message-ids.ts";
import type { Value } from "./tx.ts";

export const usageColumns = "input_tokens, cached_tokens, output_tokens, thinking_tokens, tool_tokens, total_tokens";

export interface UsageRow {
  input_tokens: number | null;
  cached_tokens: number | null;
  output_tokens: number | null;
  thinking_tokens: number | null;
  tool_tokens: number | null;
  total_tokens: number | null;
}

/** In the order of `usageColumns`. */
export function usageValues(usage: Usage | null): Value[] {
  if (!usage) return [null, null, null, null, null, null];
  const { inputTokens, cachedTokens, outputTokens, thinkingTokens, toolTokens, totalTokens } = usage;
  return [inputTokens, cachedTokens, outputTokens, thinkingTokens, toolTokens, totalTokens];
}

export function usageFrom(row: UsageRow): Usage | null {
  if (row.input_tokens === null) return null;
  return {
    inputTokens: row.input_tokens,
    cachedTokens: row.cached_tokens ?? 0,
    outputTokens: row.output_tokens ?? 0,
    thinkingTokens: row.thinking_tokens ?? 0,
    toolTokens: row.tool_tokens ?? 0,
    totalTokens: row.total_tokens ?? 0,
  };
}

export function printCounted(counted: Counted | null): string | null {
  return counted && JSON.stringify(counted);
}

export function countedFrom(text: string | null): Counted | null {
  return text === null ? null : JSON.parse(text);
}

/** `cost_pico` is read as text, because a 64-bit amount does not fit a JavaScript number. */
export interface CostRow {
  cost_pico: string | null;
  accuracy_rank: number | null;
}

/** What became of a turn, as its row has it. */
export interface OutcomeRow extends MessageIds, UsageRow, CostRow {
  row: number;
  status: TurnStatus;
  model_requested: string;
  model_served: string | null;
  finish_reason: string | null;
  error_code: ErrorCode | null;
  error_detail: string | null;
  notices: string | null;
  started_at: number;
}

/** A turn's cost; null until something is known of it. */
export function costFrom(row: CostRow): Cost | null {
  if (row.accuracy_rank === null) return null;
  const accuracy = accuracyAt(row.accuracy_rank);
  return { total: picoFrom(row.cost_pico), accuracy, unpricedTurns: accuracy === "unknown" ? 1 : 0 };
}

export function picoFrom(text: string | null): bigint | null {
  return text === null ? null : BigInt(text);
}

export function rankOf(accuracy: Accuracy): number {
  return accuracies.indexOf(accuracy);
}

export function accuracyAt(rank: number): Accuracy {
  return accuracies[rank] ?? "unknown";
}

/** Postgres keeps no U+0000 in text, and neither engine keeps half a surrogate pair: both become U+FFFD, on both engines. */
export function storableText(text: string): string {
  return (text.includes("\0") ? text.replaceAll("\0", "\ufffd") : text).toWellFormed();
}

/** `$3, $4, $5` for a count of 3 from number 3. */
export function placeholders(first: number, count: number): string {
  return Array.from({ length: count }, (_, index) => `$${first + index}`).join(", ");
}
