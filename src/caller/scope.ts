// What a caller may do, in four words.

import { AppError } from "../errors.ts";

/**
 * `chat`: send and change. `read`: look, search, follow. `admin`: the keys of its project. `operator`: everything, in every
 * project; the command line alone gives it.
 */
export const scopes = ["chat", "read", "admin", "operator"] as const;
export type Scope = (typeof scopes)[number];

export function hasScope(held: readonly Scope[], needed: Scope): boolean {
  return held.includes(needed) || held.includes("operator");
}

/** Throws forbidden, naming the scope that is missing. */
export function requireScope(held: readonly Scope[], needed: Scope): void {
  if (!hasScope(held, needed))
    throw new AppError("forbidden", `This needs the scope ${needed}, which the caller has not.`);
}
