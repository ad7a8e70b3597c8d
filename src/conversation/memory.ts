// What of a conversation the model is shown: all of it while it fits, then the newest part, cut in big steps. Pure.

import { AppError } from "../errors.ts";
import { messageTokens, type PrintedPath } from "./path.ts";

/** What the last call's prompt was estimated at (before calibration) and what the vendor counted; 0 = not known. */
export interface Calibration {
  promptEstimate: number;
  promptTokens: number;
}

export interface MemoryInput {
  /** The way to the new message, without it. */
  path: PrintedPath;
  /** What is sent even without memory, by `tokensAlone`. */
  alone: number;
  /** The tokens that a conversation with the model may fill. */
  room: number;
  /**
   * The same of the model that the session's messages usually go to, where this one goes to another. Where memory begins is
   * decided by the larger of the two: one message to a small model takes nothing from the large one for good.
   */
  usualRoom?: number | undefined;
  /** Tokens at most, where the vendor said that what the room seems to allow is too long. */
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
  /** Tokens of system text and messages, calibrated: the best guess, and never above the room. */
  estimate: number;
  /** The same before calibration: what to keep as `promptEstimate` beside the vendor's count, for the next turn. */
  promptEstimate: number;
}

/** A cut voids the vendor's cache of the prefix, so one cut frees a quarter of the room, not one message's room. */
const cutShare = 4;

/**
 * Chooses the turns to show. The prefix stays the same from turn to turn except where `from` moves.
 * Throws context_too_long when the new message with the system text cannot fit even alone.
 */
export function planMemory(input: MemoryInput): MemoryPlan {
  const { path, alone, room, usualRoom = room, most = room, calibration } = input;
  requireFit(alone, room);
  const sent = cut(input, Math.min(room, most));
  const kept = usualRoom > room ? cut(input, usualRoom) : sent;
  return {
    from: kept.showsWaiting ? path.from + kept.first : path.end,
    first: sent.first,
    showsWaiting: sent.showsWaiting,
    estimate: Math.min(room, calibrate(sent.raw, calibration)),
    promptEstimate: sent.raw,
  };
}

/** What must go so that all stays within `limit`: turns from the first one on, and in the end the questions that wait for this one. */
function cut({ path, alone, calibration }: MemoryInput, limit: number) {
  const fixed = alone + path.waitingTokens;
  const whole = path.tokens + fixed;
  if (calibrate(whole, calibration) <= limit) return { first: 0, raw: whole, showsWaiting: true };
  const weigh = (raw: number) => calibrate(raw, calibration);
  const target = limit - Math.floor(limit / cutShare);
  const { first, raw } = path.findCut(target, fixed, weigh);
  const isEnough = path.waitingTokens === 0 || weigh(raw) <= target;
  return isEnough ? { first, raw, showsWaiting: true } : { first, raw: alone, showsWaiting: false };
}

/** What the system text and a new message take, which is so long by `messageTokens`. */
export function tokensAlone(system: string | null, questionTokens: number): number {
  return (system === null ? 0 : messageTokens(system)) + questionTokens;
}

/** Throws context_too_long when that cannot be sent even alone. */
export function requireFit(alone: number, room: number): void {
  if (alone <= room) return;
  const detail = `The message and the system text are about ${alone} tokens; the model has room for ${room}.`;
  throw new AppError("context_too_long", detail);
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
