// A token: what an app shows instead of a key, for one user and a short time. The rules; http/auth/signature.ts signs.

import { AppError } from "../errors.ts";
import type { Caller } from "./caller.ts";
import { type FoundKey, isGood } from "./key.ts";
import { hasScope, type Scope } from "./scope.ts";
import { chooseUser } from "./user.ts";

export const longestTokenSeconds = 86_400;
export const usualTokenSeconds = 3_600;
export const mostTokenSessions = 20;
export const tokenScopes = ["chat", "read"] as const satisfies Scope[];

/** What a token says, all of it signed. */
export interface TokenClaims {
  project: string;
  keyId: string | null;
  user: string;
  scopes: readonly Scope[];
  sessions: readonly string[] | null;
  /** In ms, a whole second. */
  expiresAt: number;
}

/** Throws forbidden when the token could do more than who asks for it. */
export function makeClaims(
  caller: Caller,
  asked: Pick<TokenClaims, "user" | "scopes" | "sessions"> & { ttlSeconds: number },
  at: number,
): TokenClaims {
  const { scopes, sessions, ttlSeconds } = asked;
  if (caller.by === "token") throw new AppError("forbidden", "A token makes no tokens; this needs a key.");
  const user = chooseUser(caller, asked.user) ?? asked.user;
  const more = scopes.find((scope) => !hasScope(caller.scopes, scope));
  if (more !== undefined)
    throw new AppError("forbidden", `A token can do no more than its key, which has not the scope ${more}.`);
  const wanted = (Math.floor(at / 1000) + ttlSeconds) * 1000;
  const expiresAt = Math.min(wanted, Math.floor((caller.expiresAt ?? wanted) / 1000) * 1000);
  return { project: caller.project, keyId: caller.keyId, user, scopes, sessions, expiresAt };
}

/** Who shows the token; undefined when it is over, or the key that made it is no longer good or may no longer do what it says. */
export function callerWith(claims: TokenClaims, made: FoundKey | null, at: number): Caller | undefined {
  const { project, keyId, user, sessions, expiresAt } = claims;
  if (at >= expiresAt) return undefined;
  if (keyId !== null && (made === null || !isGood(made, at))) return undefined;
  const scopes = made ? claims.scopes.filter((scope) => hasScope(made.key.scopes, scope)) : claims.scopes;
  const { models = null, rate = null } = made?.key ?? {};
  return { by: "token", project, keyId, scopes, user, sessions, models, rate, expiresAt };
}
