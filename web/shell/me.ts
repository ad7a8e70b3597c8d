// Who the reader is to the server: what their key or token may do, and so which rooms are theirs.

import { signal } from "@preact/signals";
import { json, untilAnswered } from "../api/api.ts";
import type { Quote } from "../api/wire.ts";
import { type Room, rooms } from "./state.ts";

export type Scope = "chat" | "read" | "admin" | "operator";
interface Me {
  by: "key" | "token" | "none";
  key_needed: boolean;
  project: string;
  user: string | null;
  scopes: readonly Scope[];
  /** Those that concern what the reader sends, as they stood when this was read. */
  budgets: Quote["budgets"];
}

/** Null until the server has said. */
export const me = signal<Me | null>(null);

export async function readMe(): Promise<void> {
  me.value = await untilAnswered(() => json<Me>("me")).catch(() => null);
}

/** One of these is enough; none: whoever is known. */
const needed: Readonly<Record<Room, readonly Scope[]>> = {
  usage: ["read", "admin"],
  models: [],
  keys: ["admin"],
  budgets: ["admin"],
  projects: ["operator"],
  audit: ["admin"],
  health: [],
};

export function may(scope: Scope): boolean {
  const held = me.value?.scopes ?? [];
  return held.includes(scope) || held.includes("operator");
}

export function mayOpen(room: Room): boolean {
  return me.value !== null && (needed[room].length === 0 || needed[room].some(may));
}

export function listOwnRooms(): Room[] {
  return rooms.filter(mayOpen);
}
