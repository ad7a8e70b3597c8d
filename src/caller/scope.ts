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

/** Throws forbidden, naming the scope that is missing; `also` is as good as it. */
export function requireScope(held: readonly Scope[], needed: Scope, also?: Scope): void {
  if (!hasScope(held, needed) && !(also && hasScope(held, also)))
    throw new AppError("forbidden", `This needs the scope ${needed}, which the caller has not.`);
}
