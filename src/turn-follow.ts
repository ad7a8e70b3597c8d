// Following a turn: live in this process, or from its stored log when it is over or runs in another process.

import type { Message } from "./message.ts";
import type { ClosedTurn, Store } from "./store.ts";
import { firstLogged, type LiveTurn, type NumberedEvent } from "./turn-live.ts";

/** A turn as its caller follows it, wherever it runs and whether or not it is over. */
export interface FollowedTurn {
  turnId: string;
  /** Everything after event number `after`; ends after `turn-end`, or without it where the reader should reconnect. */
  read(after: number): AsyncGenerator<NumberedEvent[], void, void>;
  /** Resolves when there is more than the start to tell, or after `ms`. */
  waitForFirst(ms: number): Promise<void>;
  /** The turn as it was stored at its end, with the user's message; undefined where its end could not be stored here. */
  end(): Promise<(ClosedTurn & { userMessage: Message }) | undefined>;
}

export function followLive(live: LiveTurn): FollowedTurn {
  return {
    turnId: live.turn.id,
    read: (after) => live.read(after),
    waitForFirst: (ms) => live.waitForFirst(ms),
    async end() {
      const closed = await live.ended;
      return closed && { ...closed, userMessage: live.userMessage };
    },
  };
}

/** The caller has made sure that the turn exists and is the owner's. New events are looked for every `pollMs`. */
export function followStored(store: Store, owner: string, turnId: string, pollMs: number): FollowedTurn {
  const read = (after: number) => readStoredTurn(store, owner, turnId, after, pollMs);
  return {
    turnId,
    read,
    waitForFirst: async () => {},
    async end() {
      for await (const group of read(0)) {
        const last = group.at(-1)?.event;
        if (last?.type !== "turn-end") continue;
        const messages = await store.findTurnMessages(owner, turnId);
        return messages && { turn: last.turn, session: last.session, ...messages };
      }
      return undefined;
    },
  };
}

/** Everything after event number `after`, in groups; ends after `turn-end`. Ends without it when the turn has disappeared. */
async function* readStoredTurn(
  store: Store,
  owner: string,
  turnId: string,
  after: number,
  pollMs: number,
): AsyncGenerator<NumberedEvent[], void, void> {
  let cursor = Math.max(0, after);
  while (true) {
    const log = await store.readTurnLog(owner, turnId, Math.max(cursor, firstLogged - 1));
    if (!log) return;
    const group: NumberedEvent[] = [];
    if (cursor < 1) group.push({ number: 1, event: { type: "turn-start", turn: log.turn } });
    group.push(...log.events);
    if (log.lastNumber !== null && cursor < log.lastNumber) {
      const [messages, session] = await Promise.all([
        store.findTurnMessages(owner, turnId),
        store.findSession(owner, log.turn.sessionId),
      ]);
      if (!messages || !session) return;
      group.push({
        number: log.lastNumber,
        event: { type: "turn-end", turn: log.turn, reply: messages.reply, session },
      });
    }
    const last = group.at(-1);
    if (last) {
      cursor = last.number;
      yield group;
    }
    if (log.lastNumber !== null) return;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
