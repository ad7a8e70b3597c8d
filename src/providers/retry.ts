// When to try a request again: exponential back-off with full jitter, the vendor's own delay respected, all within a budget.

import type { Line } from "./call-clock.ts";

export interface RetryPolicy {
  /** Requests in all, the first one included. */
  maxAttempts: number;
  /** The upper end of the first wait; doubles with every retry up to `maxDelayMs`. */
  baseDelayMs: number;
  maxDelayMs: number;
  /** All waits of one call together; a delay the vendor asks for that does not fit means giving up at once. */
  budgetMs: number;
}

export const defaultRetryPolicy: RetryPolicy = {
  maxAttempts: 4,
  baseDelayMs: 500,
  maxDelayMs: 8_000,
  budgetMs: 30_000,
};

export interface RetryQuestion {
  /** Requests made so far, at least 1. */
  attempts: number;
  /** Milliseconds already spent waiting. */
  waitedMs: number;
  vendorDelaySeconds: number | undefined;
  /** 0 <= random < 1 */
  random: number;
}

/** Milliseconds to wait before the next attempt, or undefined when there is to be none. */
export function chooseRetryDelay(policy: RetryPolicy, question: RetryQuestion): number | undefined {
  if (question.attempts >= policy.maxAttempts) return undefined;
  const ceiling = Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** (question.attempts - 1));
  const jitter = question.random * ceiling;
  const delay = Math.ceil(
    question.vendorDelaySeconds === undefined ? jitter : question.vendorDelaySeconds * 1000 + jitter,
  );
  return question.waitedMs + delay > policy.budgetMs ? undefined : delay;
}

/** Waits; throws as soon as the call is ended. */
export function waitFor(ms: number, line: Line): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    line.whenCut(() => {
      clearTimeout(timer);
      reject(new Error("the call was ended while it waited"));
    });
  });
}
