// How much a key may ask for, in a minute and at once: its limits, what a request and a turn draw on them, and the refusal.

import { AppError } from "../errors.ts";

/** In the words of the API. What is absent is not limited. */
export interface RateLimits {
  requests_per_minute?: number;
  /** Of turns, counted in the minute in which they begin: as estimated then, and as billed once they are over. */
  tokens_per_minute?: number;
  concurrent_turns?: number;
}
/** `per_user`: the same for each user that the key acts for, beside the key's own. */
export interface Rate extends RateLimits {
  per_user?: RateLimits;
}

/** A minute begins with the first that is drawn after the last one is over. */
export const minuteMs = 60_000;

type Unit = "requests" | "tokens" | "turns";
export type Policy = Unit | `user-${Unit}`;

/** So much is wanted of a counter that holds `limit` a minute. */
export interface Draw {
  policy: Policy;
  counter: string;
  amount: number;
  limit: number;
}
/** How a limit stands. `resetMs`: when the minute is over; null for turns, which are over when they are. */
export interface RateState {
  policy: Policy;
  left: number;
  resetMs: number | null;
}
/** What was drawn, and until when its minute lasts, by the counter's clock. */
export type Drawn = Draw & RateState & { resetMs: number; endsAt: number };

/** At most so many turns may run at once, of the key or of one of its users. */
export interface RunningLimit {
  policy: "turns" | "user-turns";
  user: string | null;
  limit: number;
}
/** What a turn draws when it is opened. */
export interface TurnRate {
  keyId: string;
  draws: readonly Draw[];
  running: readonly RunningLimit[];
}

/** Undefined where the limit says nothing, so that what is not limited costs nothing. */
export function requestDraws(rate: Rate, keyId: string): Draw[] {
  return drawsOf("requests", keyId, rate.requests_per_minute, 1);
}

export function userRequestDraws(rate: Rate, keyId: string, user: string | null): Draw[] {
  return user === null ? [] : drawsOf("user-requests", `${keyId} ${user}`, rate.per_user?.requests_per_minute, 1);
}

/** What a turn likely uses: what goes in, and a guess of what comes out. */
export interface LikelyTokens {
  input: number;
  answer: number;
}

/** What a turn draws. */
export function turnRateOf(rate: Rate, keyId: string, user: string | null, tokens: LikelyTokens): TurnRate {
  const draws = tokenDraws("tokens", keyId, rate.tokens_per_minute, tokens);
  const running: RunningLimit[] = [];
  const limit = rate.concurrent_turns;
  if (limit !== undefined) running.push({ policy: "turns", user: null, limit });
  if (user !== null) {
    draws.push(...tokenDraws("user-tokens", `${keyId} ${user}`, rate.per_user?.tokens_per_minute, tokens));
    const userLimit = rate.per_user?.concurrent_turns;
    if (userLimit !== undefined) running.push({ policy: "user-turns", user, limit: userLimit });
  }
  return { keyId, draws, running };
}

/** A guess alone keeps nobody out of a minute of which nothing is used: what goes in must fit. */
function tokenDraws(
  policy: Policy,
  counter: string,
  limit: number | undefined,
  { input, answer }: LikelyTokens,
): Draw[] {
  return drawsOf(policy, counter, limit, Math.max(input, Math.min(input + answer, limit ?? 0)));
}

function drawsOf(policy: Policy, counter: string, limit: number | undefined, amount: number): Draw[] {
  return limit === undefined ? [] : [{ policy, counter: `${policy} ${counter}`, amount, limit }];
}

/** 429. `state`: how the limit stands that was met. */
export class RateLimited extends AppError {
  readonly state: RateState;

  constructor(detail: string, state: RateState, limit: number, retryAfterSeconds: number | undefined) {
    const members = { policy: state.policy, limit, left: state.left };
    super("rate_limited", detail, { members, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) });
    this.state = state;
  }
}

export function minuteSpent({ policy, amount, limit }: Draw, used: number, resetMs: number): RateLimited {
  const state: RateState = { policy, left: Math.max(0, limit - used), resetMs };
  const seconds = Math.max(1, Math.ceil(resetMs / 1000));
  const what = policy.endsWith("requests") ? "requests" : "tokens";
  const may = `${whoIs(policy)} may use ${limit} ${what} a minute`;
  if (amount > limit)
    // No wait would help, so none is named.
    return new RateLimited(
      `${may}, and this message counts as about ${amount}: it will never be let in as it is.`,
      state,
      limit,
      undefined,
    );
  const wants = what === "tokens" ? `; this message counts as about ${amount}, and ${state.left} are left` : "";
  return new RateLimited(`${may}${wants}. The next minute begins in ${seconds} s.`, state, limit, seconds);
}

export function tooManyTurns({ policy, limit }: RunningLimit): RateLimited {
  const detail = `${whoIs(policy)} may have ${limit} ${limit === 1 ? "turn" : "turns"} running at once; wait for one to end.`;
  return new RateLimited(detail, { policy, left: 0, resetMs: null }, limit, 1);
}

function whoIs(policy: Policy): string {
  return policy.startsWith("user-") ? "Each user of this key" : "This key";
}

const names = ["requests_per_minute", "tokens_per_minute", "concurrent_turns"] as const;

/** Whether a key with the second may ask for more than one with the first. */
export function asksMore(rate: Rate | null, other: Rate | null): boolean {
  const more = (one: RateLimits | undefined, two: RateLimits | undefined) =>
    names.some((name) => one?.[name] !== undefined && (two?.[name] === undefined || two[name] > one[name]));
  return more(rate ?? undefined, other ?? undefined) || more(rate?.per_user, other?.per_user);
}

/** Null for one that limits nothing. */
export function orNoRate(rate: Rate | null): Rate | null {
  if (rate === null) return null;
  const { per_user, ...own } = rate;
  const kept: Rate = per_user && Object.keys(per_user).length > 0 ? { ...own, per_user } : own;
  return Object.keys(kept).length === 0 ? null : kept;
}
