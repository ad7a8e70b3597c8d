// One reader on its way through a turn's events: an async iterator that can be left at any moment, also while it waits.

import { type EventRun, lengthOf, type TurnEvent } from "./event-run.ts";

/** Whoever waits for something to be there. */
export interface Watcher {
  /** It is worth looking again. */
  look(): void;
}

/** Where a reading gets its events from. */
export interface EventSource {
  /** What there is after event number `cursor`, and whether that is all there will ever be. */
  readAfter(cursor: number): Promise<EventGroup> | EventGroup;
  /** Tells the watcher once, when it is worth asking again. */
  watch(watcher: Watcher): void;
  unwatch(watcher: Watcher): void;
}

export interface EventGroup {
  events: TurnEvent[];
  ended: boolean;
}

/** Groups of events as a stream takes them, one after another. */
export interface EventGroups {
  /** Waits for what is to come. Rejects with what kept the events from being read. For one reader, one at a time. */
  next(): Promise<IteratorResult<EventRun, void>>;
  /** Whether the group that was taken last was the last one. */
  readonly isOver: boolean;
  /** Ends it at once: nothing waits or looks for its events any more. */
  leave(): void;
}

const over = { done: true, value: undefined } as const;
const none: TurnEvent[] = [];
/** A group ends with the event that brings it to this many characters: what a reader has not taken yet stays small. */
export const groupCharacters = 64 * 1024;

/**
 * Everything after event number `after`, in groups, waiting for what is to come; ends after `turn-end`, or without it where
 * the reader should reconnect.
 */
export class Reading implements EventGroups, Watcher, AsyncIterableIterator<EventRun, void, void> {
  private readonly source: EventSource;
  /** The number of the last event that was given out. */
  private cursor: number;
  /** Found, but not given out yet. */
  private rest = none;
  private ended = false;
  private left = false;
  private wake: (() => void) | undefined;

  constructor(source: EventSource, after: number) {
    this.source = source;
    this.cursor = Math.max(0, after);
  }

  async next(): Promise<IteratorResult<EventRun, void>> {
    while (!this.left && this.rest.length === 0 && !this.ended) {
      const found = this.source.readAfter(this.cursor);
      // Nothing is awaited where nothing must be: an event that came in between would find nobody watching for it.
      const { events, ended } = found instanceof Promise ? await found : found;
      this.rest = events;
      this.ended = ended;
      if (events.length === 0 && !ended && !this.left) await this.watch();
    }
    if (this.left || this.rest.length === 0) return over;
    return { done: false, value: this.takeRun() };
  }

  get isOver(): boolean {
    return this.left || (this.ended && this.rest.length === 0);
  }

  leave(): void {
    this.left = true;
    this.source.unwatch(this);
    this.wake?.();
  }

  /** The source has more. */
  look(): void {
    this.wake?.();
  }

  async return(): Promise<IteratorResult<EventRun, void>> {
    this.leave();
    return over;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private watch(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
      this.source.watch(this);
    });
  }

  private takeRun(): EventRun {
    let count = 0;
    for (let characters = 0; count < this.rest.length && characters < groupCharacters; count++)
      characters += lengthOf(this.rest[count]!);
    const events = this.rest;
    this.rest = count < events.length ? events.splice(count) : none;
    const first = this.cursor + 1;
    this.cursor += events.length;
    return { first, events };
  }
}
