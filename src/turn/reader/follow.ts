// Following a turn: live in this process, or from its stored log when it is over or runs in another process.

import type { Message } from "../../conversation/message.ts";
import { AppError } from "../../errors.ts";
import type { ClosedTurn, Store } from "../../store.ts";
import { firstLogged } from "../event.ts";
import { lengthOf, type TurnEvent } from "./event-run.ts";
import { type EventGroup, type EventSource, groupCharacters, Reading, type Watcher } from "./reading.ts";

/** A turn as its caller follows it, wherever it runs and whether or not it is over. */
export interface FollowedTurn {
  turnId: string;
  /** Everything after event number `after`; ends after `turn-end`, or without it where the reader should reconnect. */
  read(after: number): Reading;
  /** Resolves when there is more than the start to tell, or after `ms`. */
  waitForFirst(ms: number): Promise<void>;
  /**
   * The turn as it was stored at its end, with the user's message; undefined where its end could not be stored here.
   * Throws bad_request when the caller left before.
   */
  end(caller: Caller): Promise<EndedTurn | undefined>;
}

export type EndedTurn = ClosedTurn & { userMessage: Message };

/** Whoever waits for an end; `left` is aborted when nobody waits any more. */
export interface Caller {
  readonly left: AbortSignal;
}

/** The caller has made sure that the turn exists and is the owner's. New events are looked for every `pollMs`. */
export function followStored(store: Store, owner: string, turnId: string, pollMs: number): FollowedTurn {
  const read = (after: number) => new Reading(new StoredTurn(store, owner, turnId, pollMs), after);
  return {
    turnId,
    read,
    waitForFirst: async () => {},
    async end({ left }) {
      const reading = read(firstLogged - 1);
      const leave = () => reading.leave();
      left.addEventListener("abort", leave);
      const ended = left.aborted ? undefined : await readEnd(store, owner, turnId, reading);
      left.removeEventListener("abort", leave);
      if (left.aborted) throw new AppError("bad_request", "The caller left before the turn ended.");
      return ended;
    },
  };
}

/** A turn's stored log for one reading, which looks for more again and again. */
class StoredTurn implements EventSource {
  readonly readAfter: (cursor: number) => Promise<EventGroup>;
  private readonly pollMs: number;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(store: Store, owner: string, turnId: string, pollMs: number) {
    this.readAfter = (cursor) => readStored(store, owner, turnId, cursor);
    this.pollMs = pollMs;
  }

  watch(watcher: Watcher): void {
    this.timer = setTimeout(() => watcher.look(), this.pollMs);
  }

  unwatch(): void {
    clearTimeout(this.timer);
  }
}

async function readEnd(store: Store, owner: string, turnId: string, reading: Reading): Promise<EndedTurn | undefined> {
  for await (const { events } of reading) {
    const last = events.at(-1);
    if (typeof last !== "object" || last.type !== "turn-end") continue;
    const messages = await store.findTurnMessages(owner, turnId);
    return messages && { turn: last.turn, session: last.session, ...messages };
  }
  return undefined;
}

/**
 * What is stored after event number `cursor`, or the beginning of it: ask again. Ends without `turn-end` when the turn has
 * disappeared.
 */
export async function readStored(store: Store, owner: string, turnId: string, cursor: number): Promise<EventGroup> {
  const log = await store.readTurnLog(owner, turnId, Math.max(cursor, firstLogged - 1));
  if (!log) return { events: [], ended: true };
  const events: TurnEvent[] = log.events;
  if (cursor < 1) events.unshift({ type: "turn-start", turn: log.turn });
  // The end brings the whole answer: it is read when its turn comes, not while a reader has not taken what stands before.
  const characters = events.reduce((sum, event) => sum + lengthOf(event), 0);
  if (log.hasMore || characters > groupCharacters) return { events, ended: false };
  if (log.lastNumber !== null && cursor < log.lastNumber) {
    const [messages, session] = await Promise.all([
      store.findTurnMessages(owner, turnId),
      store.findSession(owner, log.turn.sessionId),
    ]);
    if (!messages || !session) return { events: [], ended: true };
    events.push({ type: "turn-end", turn: log.turn, reply: messages.reply, session });
  }
  return { events, ended: log.lastNumber !== null };
}
