// One reader on its way through a turn's events. It waits for more, and can leave at any moment, also while it waits.

import type { NumberedEvent } from "./turn-live.ts";

/** Where a reading gets its events from. */
export interface EventSource {
  /** What there is after event number `cursor`, and whether that is all there will ever be. */
  readAfter(cursor: number): Promise<EventGroup> | EventGroup;
  /** Calls back once, when it is worth looking again. Returns how to call that off. */
  whenMore(look: () => void): () => void;
}

export interface EventGroup {
  events: NumberedEvent[];
  ended: boolean;
}

const over = { done: true, value: undefined } as const;
/** A group ends with the event that brings it to this many characters: what a reader has not taken yet stays small. */
const groupCharacters = 64 * 1024;

/**
 * Everything after event number `after`, in groups, waiting for what is to come; ends after `turn-end`, or without it where
 * the reader should reconnect. `return` ends it at once: nothing waits or looks for its events any more.
 */
export class Reading implements AsyncIterableIterator<NumberedEvent[], void, void> {
  private readonly source: EventSource;
  private cursor: number;
  /** Found, but not given out yet. */
  private rest: NumberedEvent[] = [];
  private ended = false;
  private over = false;
  private stopWaiting: (() => void) | undefined;

  constructor(source: EventSource, after: number) {
    this.source = source;
    this.cursor = Math.max(0, after);
  }

  async next(): Promise<IteratorResult<NumberedEvent[], void>> {
    while (!this.over) {
      if (this.rest.length > 0) return { done: false, value: this.takeGroup() };
      if (this.ended) break;
      const found = this.source.readAfter(this.cursor);
      // Nothing is awaited where nothing must be: an event that came in between would find nobody waiting for it.
      const { events, ended } = found instanceof Promise ? await found : found;
      this.rest = events;
      this.ended = ended;
      this.cursor = events.at(-1)?.number ?? this.cursor;
      if (events.length === 0 && !ended && !this.over) await this.waitForMore();
    }
    return over;
  }

  async return(): Promise<IteratorResult<NumberedEvent[], void>> {
    this.over = true;
    this.stopWaiting?.();
    return over;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private takeGroup(): NumberedEvent[] {
    let count = 0;
    for (let characters = 0; count < this.rest.length && characters < groupCharacters; count++) {
      const { event } = this.rest[count]!;
      if ("text" in event) characters += event.text.length;
    }
    const group = this.rest;
    this.rest = count < group.length ? group.splice(count) : [];
    return group;
  }

  private waitForMore(): Promise<void> {
    return new Promise((resolve) => {
      const callOff = this.source.whenMore(() => {
        this.stopWaiting = undefined;
        resolve();
      });
      this.stopWaiting = () => {
        callOff();
        resolve();
      };
    });
  }
}
