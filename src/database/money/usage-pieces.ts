// A stretch of time cut into pieces that sums are kept for; what is left at its ends is read call by call.

import type { Span } from "../../money/usage-store.ts";
import { beginOf, type Step, steps } from "./usage-roll.ts";

/** `day`: the number of the span that it is of. `step` 0: call by call. */
export type Piece = [day: number, step: Step | 0, since: number, until: number];

/** The fewest pieces of these steps, the widest first in `allowed`. With `apart`, each is a single step long. */
export function cutSpans(spans: readonly Span[], allowed: readonly Step[], apart: boolean): Piece[] {
  const pieces: Piece[] = [];
  for (const [day, span] of spans.entries()) cut(pieces, day, span, allowed, apart);
  return pieces;
}

function cut(
  pieces: Piece[],
  day: number,
  { since, until }: Span,
  [step, ...finer]: readonly Step[],
  apart: boolean,
): void {
  if (since >= until) return;
  if (step === undefined) {
    pieces.push([day, 0, since, until]);
    return;
  }
  const from = beginOf(since, step) === since ? since : next(beginOf(since, step), step);
  const to = beginOf(until, step);
  if (from >= to) {
    cut(pieces, day, { since, until }, finer, apart);
    return;
  }
  cut(pieces, day, { since, until: from }, finer, apart);
  if (!apart) pieces.push([day, step, from, to]);
  else for (let at = from; at < to; at = next(at, step)) pieces.push([day, step, at, next(at, step)]);
  cut(pieces, day, { since: to, until }, finer, apart);
}

function next(at: number, step: Step): number {
  if (step !== steps.month) return at + step * 60_000;
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
}
