// Who asks: the project a request is for, and how far its sender may go in it.

import { defaultProject } from "./project.ts";
import type { Rate } from "./rate.ts";
import type { Scope } from "./scope.ts";

export interface Caller {
  /** `loopback`: nobody was asked for a key. `command`: whoever has the machine. */
  by: "key" | "token" | "loopback" | "command";
  project: string;
  /** The key that was shown, or that the token was made with. */
  keyId: string | null;
  scopes: readonly Scope[];
  /** Sees the sessions of this user alone; null: of everybody in the project. */
  user: string | null;
  /** Sees these sessions alone. */
  sessions: readonly string[] | null;
  /** Is answered by these models alone. */
  models: readonly string[] | null;
  /** How much it may ask for; null: as much as it likes. */
  rate: Rate | null;
  /** In ms; null: never. */
  expiresAt: number | null;
}

const unbound = {
  keyId: null,
  scopes: ["operator"],
  user: null,
  sessions: null,
  models: null,
  rate: null,
  expiresAt: null,
} as const;

/** Whoever calls where no key is asked for. */
export const loopbackCaller: Caller = { by: "loopback", project: defaultProject, ...unbound };
/** The command line, which may make any key. */
export const commandCaller: Caller = { by: "command", project: defaultProject, ...unbound };
