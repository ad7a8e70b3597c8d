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
  /**
   * The window of the model that the session's messages usually go to, where this one goes to another. Where memory begins is
   * decided by the larger of the two: one message to a small model takes nothing from the large one for good.
   */
  usualWindow?: ModelWindow | undefined;
  /** Tokens at most, where the vendor said that what the window seems to allow is too long. */
  most?: number | undefined;
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

/**
 * Chooses the messages to send. The prefix stays the same from turn to turn except where `from` moves. A question that was
 * answered without words (stopped before them, cut off, its length eaten by thinking) is kept: it goes in front of the next one, in
 * the same message, so that the roles alternate. One whose turn failed is left out, because whoever asked asks it again; so is
 * one that the vendor blocked, which would have every message after it blocked.
 * Throws context_too_long when the new message with the system text cannot fit even alone.
 */
export function planMemory(input: MemoryInput): MemoryPlan {
  const { rows, system, content, window } = input;
  const usable = usableTokens(window);
  const fixed = fixedTokens(system, content);
  if (fixed > usable) throw tooLong(fixed, usable);
  let whole = fixed;
  for (let at = 0; at < rows.length; at++) whole += weightOf(rows, at);
  const sent = cut(input, whole, Math.min(usable, input.most ?? usable));
  const usual = usableTokens(input.usualWindow ?? window);
  const kept = usual > usable ? cut(input, whole, usual) : sent;
  return {
    from: kept.first === 0 ? input.from : (rows[kept.first]?.position ?? endOf(input)),
    messages: showFrom(input, sent.first),
    estimate: Math.min(usable, calibrate(sent.raw, input.calibration)),
    promptEstimate: sent.raw,
  };
}

/** The row that is shown first so that all stays within `limit`, and the tokens from there on. */
function cut({ rows, calibration }: MemoryInput, whole: number, limit: number): { first: number; raw: number } {
  let raw = whole;
  let first = 0;
  if (calibrate(raw, calibration) <= limit) return { first, raw };
  const target = limit - Math.floor(limit / cutShare);
  for (; first < rows.length; first++) {
    const weight = weightOf(rows, first);
    if (weight > 0 && calibrate(raw, calibration) <= target) break;
    raw -= weight;
  }
  return { first, raw };
}

function showFrom({ rows, content, model }: MemoryInput, first: number): ProviderMessage[] {
  const messages: ProviderMessage[] = [];
  let waiting = "";
  for (let at = first; at < rows.length; at++) {
    const row = rows[at]!;
    if (isAnswered(rows, at)) {
      messages.push(waiting === "" ? plainMessage(row) : userMessage(waiting + row.content));
      messages.push(answerMessage(rows[at + 1]!, model));
      waiting = "";
    } else if (isKept(rows, at)) waiting += row.content + betweenQuestions;
  }
  messages.push(userMessage(waiting + content));
  return messages;
}

const betweenQuestions = "\n\n";

function userMessage(text: string): ProviderMessage {
  return { role: "user", text, vendorParts: null };
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

/** Whether a row is a question that was answered without words, and still stands. */
function isKept(rows: readonly MemoryRow[], at: number): boolean {
  const answer = rows[at + 1];
  if (rows[at]!.role !== "user" || answer?.role !== "assistant" || answer.content !== "") return false;
  return answer.status !== "running" && answer.status !== "failed" && answer.finishReason !== "blocked";
}

/** The tokens of a question with its answer, if it has one; 0 for a row that is not shown, or goes with its question. */
function weightOf(rows: readonly MemoryRow[], at: number): number {
  if (isAnswered(rows, at)) return rowTokens(rows[at]!) + rowTokens(rows[at + 1]!);
  return isKept(rows, at) ? rowTokens(rows[at]!) : 0;
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

/** Our estimate is on the high side by its rule: where the vendor counts more, it is at most by half for the text itself. */
const mostFactor = 1.5;
const leastFactor = 0.25;
/** Of an estimate much below this, a difference says nothing of the text: there it is what the vendor adds to every prompt. */
const tellingTokens = 2_000;

/**
 * The estimate in the vendor's tokens, by the last one and what the vendor counted for it. Where it counted less, all is scaled;
 * where it counted more, what can be the text's is scaled, and the rest is an overhead that comes once.
 */
function calibrate(raw: number, { promptEstimate, promptTokens }: Calibration): number {
  if (promptEstimate <= 0 || promptTokens <= 0) return raw;
  const ratio = promptTokens / promptEstimate;
  if (ratio <= 1) return Math.ceil(raw * Math.max(leastFactor, ratio));
  const trust = promptEstimate / (promptEstimate + tellingTokens);
  const factor = 1 + trust * (Math.min(mostFactor, ratio) - 1);
  return Math.ceil(raw * factor + (promptTokens - promptEstimate * factor));
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
