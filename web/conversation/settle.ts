// What the history does not say of the newest answer: why it ended, who took whose place, whether its bill is final.

import { api } from "../api/api.ts";
import type { Session, Turn } from "../api/wire.ts";
import type { Shown } from "../message/shown.ts";
import { noteTurn } from "../message/turn-events.ts";

/** Adds what only the turn knows; waits for its bill where that is still on its way. Gives the session as it is then. */
export async function readTurnOf(answer: Shown, signal: AbortSignal): Promise<Session | null> {
  const turn = await api.getTurn(answer.message.value.turn_id, signal).catch(() => null);
  if (!turn) return null;
  noteTurn(answer, turn);
  return turn.settled ? null : awaitSettled(answer, turn, signal);
}

/** A stopped turn's bill may still be on its way: asks until it is there. */
export async function awaitSettled(
  answer: Shown,
  { id, session_id }: Turn,
  signal: AbortSignal,
): Promise<Session | null> {
  answer.settling.value = true;
  for (let wait = 500; wait < 20_000 && !signal.aborted; wait *= 1.6) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    const turn = await api.getTurn(id, signal).catch(() => null);
    if (!turn?.settled) continue;
    answer.settling.value = false;
    answer.message.value = { ...answer.message.value, usage: turn.usage, cost: turn.cost };
    return api.getSession(session_id).catch(() => null);
  }
  return null;
}
