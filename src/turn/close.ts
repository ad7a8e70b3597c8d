// Storing a turn's end so that a connection that breaks on the way back changes nothing: what was stored is found.

import type { ClosedTurn, CloseTurn, Store } from "../store.ts";

/** Undefined: another process has taken the turn over, and ended it or will. Throws storage_unavailable; then ask again. */
export async function closeOrFind(store: Store, end: CloseTurn): Promise<ClosedTurn | undefined> {
  return (await store.closeTurn(end)) ?? (await findOwnEnd(store, end));
}

/** The turn is over already: did an earlier try of ours end it, whose answer was lost with the line? */
async function findOwnEnd(store: Store, end: CloseTurn): Promise<ClosedTurn | undefined> {
  const { owner } = end;
  const turn = await store.findTurn(owner, end.turn.id);
  if (turn?.status !== end.status || turn.endedAt !== end.endedAt) return undefined;
  const [messages, session, entries] = await Promise.all([
    store.findTurnMessages(owner, end.turn.id),
    store.peekSession(owner, end.turn.sessionId),
    store.listEntries(owner, end.turn.id),
  ]);
  if (!messages || !session || entries.length !== end.entries.length) return undefined;
  return { turn, reply: messages.reply, session };
}
