// Users: a caller's own names for people of theirs.

import { AppError } from "../errors.ts";
import type { Caller } from "./caller.ts";

/** In characters (code points). */
export const longestUser = 128;

/**
 * The user that something new belongs to: who was named, or whom the caller is bound to; null: nobody. Throws forbidden when
 * a caller that is bound to one user names another.
 */
export function chooseUser(caller: Caller, named: string | null | undefined): string | null {
  if (caller.user === null) return named ?? null;
  if (named !== undefined && named !== caller.user)
    throw new AppError("forbidden", "This key acts for one user, and another one was named.");
  return caller.user;
}

/** Whether the caller may see a session that belongs to this user. */
export function seesSession(caller: Caller, session: { id: string; user: string | null }): boolean {
  if (caller.user !== null && caller.user !== session.user) return false;
  return caller.sessions === null || caller.sessions.includes(session.id);
}
