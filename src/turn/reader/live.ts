// A running turn in memory: its newest events, and whoever waits for more. Readers hold a cursor, never a copy. What the store
// has is let go of, so that a long answer takes no more memory than a short one; a reader that is behind gets it from there.

import type { Message } from "../../conversation/message.ts";
import type { Session } from "../../conversation/session.ts";
import type { ClosedTurn } from "../../store.ts";
import { firstLogged, type LoggedEvent } from "../event.ts";
import type { Turn } from "../turn.ts";
import type { TurnEvent } from "./event-run.ts";
import type { EndedTurn, FollowedTurn } from "./follow.ts";
import { type EventGroup, type EventSource, Reading, type Watcher } from "./reading.ts";

export class LiveTurn implements EventSource, FollowedTurn {
  readonly turn: Turn;
  readonly session: Session;
  readonly userMessage: Message;
  /** Settles when the turn is over: with what was stored, or undefined when this process could not store it. */
  readonly ended: Promise<EndedTurn | undefined>;
  /** From number `firstKept` on. */
  private log: LoggedEvent[] = [];
  private firstKept = firstLogged;
  private readonly readStored: (after: number) => Promise<EventGroup>;
  private closed: ({ type: "turn-end" } & EndedTurn) | undefined;
  private over = false;
  private watchers: Watcher[] = [];
  private resolveEnded!: (ended: EndedTurn | undefined) => void;

  /** `readStored` reads the stored log after an event number. */
  constructor(turn: Turn, session: Session, userMessage: Message, readStored: (after: number) => Promise<EventGroup>) {
    this.readStored = readStored;
    this.turn = turn;
    this.session = session;
    this.userMessage = userMessage;
    this.ended = new Promise((resolve) => {
      this.resolveEnded = resolve;
    });
  }

  get turnId(): string {
    return this.turn.id;
  }

  /** Costs nothing to wait for, so nobody asks whether the caller is still there. */
  end(): Promise<EndedTurn | undefined> {
    return this.ended;
  }

  /** The number the next event gets. */
  get nextNumber(): number {
    return this.firstKept + this.log.length;
  }

  /** Readers see them at the next `wake`: once for all that arrived together. */
  append(events: readonly LoggedEvent[]): void {
    for (const event of events) this.log.push(event);
  }

  /** How many logged events are in memory. */
  get kept(): number {
    return this.log.length;
  }

  /** The logged events from number `first` on, none of which the store may have confirmed yet. */
  eventsFrom(first: number): LoggedEvent[] {
    return this.log.slice(first - this.firstKept);
  }

  /** The store has all events before number `first`. */
  letGo(first: number): void {
    this.log = this.log.slice(first - this.firstKept);
    this.firstKept = first;
  }

  /** Ends every reader: with `turn-end` when the end was stored, without it (they reconnect) when it was not. */
  close(closed: ClosedTurn | undefined): void {
    if (this.over) return;
    this.over = true;
    this.closed = closed && { type: "turn-end", ...closed, userMessage: this.userMessage };
    this.resolveEnded(this.closed);
    this.wake();
  }

  /** Resolves when there is something after `turn-start`, or the turn is over, or `ms` have passed. */
  async waitForFirst(ms: number): Promise<void> {
    if (this.nextNumber > firstLogged || this.over) return;
    await new Promise<void>((resolve) => {
      const watcher = {
        look: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.unwatch(watcher);
        resolve();
      }, ms);
      this.watch(watcher);
    });
  }

  /** Everything after event number `after`; ends after `turn-end`. */
  read(after: number): Reading {
    return new Reading(this, after);
  }

  /** How many readers wait for the next event. */
  get waiting(): number {
    return this.watchers.length;
  }

  readAfter(cursor: number): EventGroup | Promise<EventGroup> {
    if (Math.max(cursor + 1, firstLogged) < this.firstKept) return this.readStored(cursor);
    return { events: this.eventsAfter(cursor), ended: this.over };
  }

  watch(watcher: Watcher): void {
    this.watchers.push(watcher);
  }

  unwatch(watcher: Watcher): void {
    const at = this.watchers.indexOf(watcher);
    if (at !== -1) this.watchers.splice(at, 1);
  }

  /** Readers that wait look again. */
  wake(): void {
    if (this.watchers.length === 0) return;
    const { watchers } = this;
    this.watchers = [];
    for (const watcher of watchers) watcher.look();
  }

  private eventsAfter(cursor: number): TurnEvent[] {
    const events: TurnEvent[] = this.log.slice(Math.max(0, cursor + 1 - this.firstKept));
    if (cursor < 1) events.unshift({ type: "turn-start", turn: this.turn });
    if (this.closed && cursor < this.nextNumber) events.push(this.closed);
    return events;
  }
}
