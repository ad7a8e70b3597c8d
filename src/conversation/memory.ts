// What of a conversation the model is shown: all of it while it fits, then the newest part, cut in big steps. Pure.

import { AppError } from "../errors.ts";
import type { ModelWindow } from "../model/model.ts";
import { estimateTokens } from "../money/tokens.ts";
import type { ProviderMessage } from "../provider.ts";
import type { MemoryRow, MemoryState } from "../store.ts";

/** What the last call's prompt was estimated at (before calibration) and what the vendor counted; 0 = not known. */
export type Calibration = Pick<MemoryState, "promptEstimate" | "promptTokens">;

export interface MemoryInput {
  /** The path from position `from`, without the new message. */
  rows: readonly MemoryRow[];
  from: number;
  system: string | null;
  /** The new message. */
  content: string;
  window: ModelWindow;
  calibration: Calibration;
  /** The model asked now: what another model signed is not sent to it. */
  model: string;
}

export interface MemoryPlan {
  /** Where memory begins from now on; it only ever grows. */
  from: number;
  /** Alternating, beginning and ending with the user. */
  messages: ProviderMessage[];
  /** Tokens of system text and messages, calibrated: the best guess, and never above the window. */
  estimate: number;
  /** The same before calibration: what to keep as `promptEstimate` beside the vendor's count, for the next turn. */
  promptEstimate: number;
}

/** Tokens around each message (role and turn marks); an allowance, corrected by the calibration. */
const messageOverhead = 4;
/** A cut voids the vendor's cache of the prefix, so one cut frees a quarter of the window, not one message's room. */
const cutShare = 4;
const calibrationBound = 4;

/**
 * Chooses the messages to send. The prefix stays the same from turn to turn except where `from` moves. A turn whose reply
 * has no text (failed, stopped, blocked, still running) is left out with its question: it would break the alternation.
 * Throws context_too_long when the new message with the system text cannot fit even alone.
 */
export function planMemory(input: MemoryInput): MemoryPlan {
  const { system, content, window, calibration } = input;
  const usable = usableTokens(window);
  const fixed = fixedTokens(system, content);
  if (calibrate(fixed, calibration) > usable) throw tooLong(calibrate(fixed, calibration), usable);

  const { rows, model } = input;
  let raw = fixed;
  for (let at = 0; at < rows.length; at++) if (isAnswered(rows, at)) raw += pairTokens(rows, at);
  let first = 0;
  if (calibrate(raw, calibration) > usable) {
    const target = usable - Math.floor(usable / cutShare);
    for (; first < rows.length && !(isAnswered(rows, first) && calibrate(raw, calibration) <= target); first++)
      if (isAnswered(rows, first)) raw -= pairTokens(rows, first);
  }
  const messages: ProviderMessage[] = [];
  for (let at = first; at < rows.length; at++)
    if (isAnswered(rows, at)) messages.push(plainMessage(rows[at]!), answerMessage(rows[at + 1]!, model));
  messages.push({ role: "user", text: content, vendorParts: null });
  return {
    from: first === 0 ? input.from : (rows[first]?.position ?? endOf(input)),
    messages,
    estimate: calibrate(raw, calibration),
    promptEstimate: raw,
  };
}

/** Whether a new message could be sent to this model with nothing but the system text; for refusing it early. */
export function fitsAlone(system: string | null, content: string, window: ModelWindow): boolean {
  return fixedTokens(system, content) <= usableTokens(window);
}

/** Throws context_too_long when a new message cannot be sent to this model even alone. */
export function requireFit(system: string | null, content: string, window: ModelWindow): void {
  if (!fitsAlone(system, content, window)) throw tooLong(fixedTokens(system, content), usableTokens(window));
}

/** Whether a row is a question whose answer, the next row, has text. */
function isAnswered(rows: readonly MemoryRow[], at: number): boolean {
  const answer = rows[at + 1];
  if (rows[at]!.role !== "user" || answer?.role !== "assistant") return false;
  return answer.status !== "running" && answer.content !== "";
}

/** Tokens of a question and its answer. */
function pairTokens(rows: readonly MemoryRow[], at: number): number {
  return rowTokens(rows[at]!) + rowTokens(rows[at + 1]!);
}

function answerMessage(row: MemoryRow, model: string): ProviderMessage {
  if (row.vendorParts === null || row.modelServed !== model) return plainMessage(row);
  return { role: "assistant", text: row.content, vendorParts: row.vendorParts };
}

function plainMessage(row: MemoryRow): ProviderMessage {
  row.shown ??= { role: row.role, text: row.content, vendorParts: null };
  return row.shown;
}

function rowTokens(row: MemoryRow): number {
  row.tokens ??= messageTokens(row.content);
  return row.tokens;
}

function messageTokens(text: string): number {
  return estimateTokens(text) + messageOverhead;
}

function fixedTokens(system: string | null, content: string): number {
  return (system === null ? 0 : messageTokens(system)) + messageTokens(content);
}

function usableTokens(window: ModelWindow): number {
  return Math.max(0, window.inputTokens - window.outputReserve);
}

/** The estimate in the vendor's tokens: scaled by how far the last estimate was off, at most 4 times either way. */
function calibrate(raw: number, { promptEstimate, promptTokens }: Calibration): number {
  if (promptEstimate <= 0 || promptTokens <= 0) return raw;
  if (promptTokens > promptEstimate * calibrationBound) return raw * calibrationBound;
  if (promptTokens * calibrationBound < promptEstimate) return Math.ceil(raw / calibrationBound);
  return Math.ceil((raw * promptTokens) / promptEstimate);
}

function endOf({ rows, from }: MemoryInput): number {
  const last = rows.at(-1);
  return last === undefined ? from : last.position + 1;
}

function tooLong(estimate: number, usable: number): AppError {
  return new AppError(
    "context_too_long",
    `The message and the system text are about ${estimate} tokens; the model has room for ${usable}.`,
  );
}
