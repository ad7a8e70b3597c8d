// What of a conversation the model is shown: all of it while it fits, then the newest part, cut in big steps. Pure.

import { AppError } from "../errors.ts";
import type { ModelWindow } from "../model/model.ts";
import { messageTokens, type PrintedPath } from "./path.ts";

/** What the last call's prompt was estimated at (before calibration) and what the vendor counted; 0 = not known. */
export interface Calibration {
  promptEstimate: number;
  promptTokens: number;
}

export interface MemoryInput {
  /** The way to the new message, without it. */
  path: PrintedPath;
  system: string | null;
  /** What the new message takes, by `messageTokens`. */
  questionTokens: number;
  window: ModelWindow;
  /**
   * The window of the model that the session's messages usually go to, where this one goes to another. Where memory begins is
   * decided by the larger of the two: one message to a small model takes nothing from the large one for good.
   */
  usualWindow?: ModelWindow | undefined;
  /** Tokens at most, where the vendor said that what the window seems to allow is too long. */
  most?: number | undefined;
  calibration: Calibration;
}

export interface MemoryPlan {
  /** Where memory begins from now on, a place on the path; it only ever grows. */
  from: number;
  /** How many of the path's first turns are not shown. */
  first: number;
  /** Whether the questions that were answered without words are shown in front of the new one. */
  showsWaiting: boolean;
  /** Tokens of system text and messages, calibrated: the best guess, and never above the window. */
  estimate: number;
  /** The same before calibration: what to keep as `promptEstimate` beside the vendor's count, for the next turn. */
  promptEstimate: number;
}

/** A cut voids the vendor's cache of the prefix, so one cut frees a quarter of the window, not one message's room. */
const cutShare = 4;

/**
 * Chooses the turns to show. The prefix stays the same from turn to turn except where `from` moves.
 * Throws context_too_long when the new message with the system text cannot fit even alone.
 */
export function planMemory(input: MemoryInput): MemoryPlan {
  const { path, system, questionTokens, window, calibration } = input;
  const usable = usableTokens(window);
  const alone = fixedTokens(system, questionTokens);
  if (alone > usable) throw tooLong(alone, usable);
  const sent = cut(input, alone, Math.min(usable, input.most ?? usable));
  const usual = usableTokens(input.usualWindow ?? window);
  const kept = usual > usable ? cut(input, alone, usual) : sent;
  return {
    from: kept.showsWaiting ? path.from + kept.first : path.end,
    first: sent.first,
    showsWaiting: sent.showsWaiting,
    estimate: Math.min(usable, calibrate(sent.raw, calibration)),
    promptEstimate: sent.raw,
  };
}

/** What must go so that all stays within `limit`: turns from the first one on, and in the end the questions that wait for this one. */
function cut({ path, calibration }: MemoryInput, alone: number, limit: number) {
  const weigh = (raw: number) => calibrate(raw, calibration);
  const fixed = alone + path.waitingTokens;
  const whole = path.tokens + fixed;
  if (weigh(whole) <= limit) return { first: 0, raw: whole, showsWaiting: true };
  const target = limit - Math.floor(limit / cutShare);
  const { first, raw } = path.findCut(target, fixed, weigh);
  const isEnough = path.waitingTokens === 0 || weigh(raw) <= target;
  return isEnough ? { first, raw, showsWaiting: true } : { first, raw: alone, showsWaiting: false };
}

/** Throws context_too_long when a new message cannot be sent to this model even alone. */
export function requireFit(system: string | null, questionTokens: number, window: ModelWindow): void {
  const fixed = fixedTokens(system, questionTokens);
  const usable = usableTokens(window);
  if (fixed > usable) throw tooLong(fixed, usable);
}

function fixedTokens(system: string | null, questionTokens: number): number {
  return (system === null ? 0 : messageTokens(system)) + questionTokens;
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

function tooLong(estimate: number, usable: number): AppError {
  return new AppError(
    "context_too_long",
    `The message and the system text are about ${estimate} tokens; the model has room for ${usable}.`,
  );
}
