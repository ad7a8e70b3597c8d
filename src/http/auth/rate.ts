// Limits at the door: each request of a limited caller is counted before anything of it is done, and its answer says what is left.

import {
  type Drawn,
  type Rate,
  RateLimited,
  type RateState,
  requestDraws,
  userRequestDraws,
} from "../../caller/rate.ts";
import type { RateStore } from "../../caller/rate-store.ts";
import { longestUser } from "../../caller/user.ts";
import type { AskedRate } from "../../turn/rate.ts";
import type { Exchange } from "../exchange.ts";
import { userHeader } from "../user.ts";

/** Counts the request as the key's, and as the user's whom the caller is bound to. RateLimited | storage_unavailable. */
export function countRequest(store: RateStore, exchange: Exchange): Promise<void> | undefined {
  const { rate, keyId, user } = exchange.caller;
  if (rate === null || keyId === null) return undefined;
  const draws = [...requestDraws(rate, keyId), ...userRequestDraws(rate, keyId, user)];
  return draws.length === 0 ? undefined : noteRates(exchange, store.drawRates(draws));
}

/** Counts it as the user's whom its body or header names, where the caller is bound to nobody. */
export function countUserRequest(store: RateStore, exchange: Exchange, body: unknown): Promise<void> | undefined {
  const { rate, keyId, user } = exchange.caller;
  if (rate?.per_user?.requests_per_minute === undefined || keyId === null || user !== null) return undefined;
  const named = (body as { user?: string | null } | undefined)?.user ?? exchange.header(userHeader);
  // A header out of shape is refused where it is read.
  const draws = userRequestDraws(rate, keyId, named?.slice(0, 2 * longestUser) || null);
  return draws.length === 0 ? undefined : noteRates(exchange, store.drawRates(draws));
}

/** What a turn is asked for with; its answer says how the limits stand. */
export function askedRate(exchange: Exchange): AskedRate | undefined {
  const { rate, keyId } = exchange.caller;
  if (rate === null || keyId === null) return undefined;
  return { keyId, limits: rate, tell: (states) => exchange.rates.push(...states) };
}

async function noteRates(exchange: Exchange, drawing: Promise<Drawn[]>): Promise<void> {
  try {
    exchange.rates.push(...(await drawing));
  } catch (cause) {
    if (cause instanceof RateLimited) exchange.rates.push(cause.state);
    throw cause;
  }
}

/**
 * `RateLimit-Policy`, every limit of the key, and `RateLimit`, how those stand that this request was counted under
 * (draft-ietf-httpapi-ratelimit-headers-11, read 2026-11-27). `tokens` is a unit of ours; the registry has none.
 */
export function printRateLines(rate: Rate, states: readonly RateState[]): string {
  const policies = `ratelimit-policy: ${printPolicies(rate)}\r\n`;
  return states.length === 0 ? policies : `${policies}ratelimit: ${states.map(printState).join(", ")}\r\n`;
}

function printPolicies(rate: Rate): string {
  const policies: string[] = [];
  for (const [prefix, limits] of [["", rate] as const, ["user-", rate.per_user ?? {}] as const]) {
    const { requests_per_minute: requests, tokens_per_minute: tokens, concurrent_turns: turns } = limits;
    if (requests !== undefined) policies.push(`"${prefix}requests";q=${requests};w=60`);
    if (tokens !== undefined) policies.push(`"${prefix}tokens";q=${tokens};qu="tokens";w=60`);
    if (turns !== undefined) policies.push(`"${prefix}turns";q=${turns};qu="concurrent-requests"`);
  }
  return policies.join(", ");
}

function printState({ policy, left, resetMs }: RateState): string {
  return `"${policy}";r=${left}${resetMs === null ? "" : `;t=${Math.max(1, Math.ceil(resetMs / 1000))}`}`;
}
