// One reader on its way through a turn's events. It is told when there is more, and can leave at any moment.

import type { NumberedEvent } from "./numbered-event.ts";

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
  events: NumberedEvent[];
  ended: boolean;
}

/** Groups of events as a stream takes them. No promises: ten thousand streams would make, and leave behind, some for every event. */
export interface EventGroups {
  /**
   * The next group; null when there will be none any more; undefined when there is none yet: then the watcher is told once, when
   * it is worth asking again. Throws what kept the events from being read.
   */
  take(watcher: Watcher): NumberedEvent[] | null | undefined;
  /** Whether the group that was taken last was the last one. */
  readonly isOver: boolean;
  /** Ends it at once: nothing waits or looks for its events any more. */
  leave(): void;
}

const over = { done: true, value: undefined } as const;
const none: NumberedEvent[] = [];
/** A group ends with the event that brings it to this many characters: what a reader has not taken yet stays small. */
export const groupCharacters = 64 * 1024;

/**
 * Everything after event number `after`, in groups, waiting for what is to come; ends after `turn-end`, or without it where
 * the reader should reconnect. For one reader, which takes, or iterates.
 */
export class Reading implements EventGroups, Watcher, AsyncIterableIterator<NumberedEvent[], void, void> {
  private readonly source: EventSource;
  private cursor: number;
  /** Found, but not given out yet. */
  private rest = none;
  private ended = false;
  private over = false;
  private failure: { cause: unknown } | undefined;
  /** Whether the source has been asked, and will tell. */
  private asking = false;
  private reader: Watcher | undefined;

  constructor(source: EventSource, after: number) {
    this.source = source;
    this.cursor = Math.max(0, after);
  }

  take(watcher: Watcher): NumberedEvent[] | null | undefined {
    if (this.rest.length === 0 && !this.asking && !this.ended && !this.over) this.ask();
    if (this.over) return null;
    if (this.rest.length > 0) return this.takeGroup();
    if (this.failure) throw this.failure.cause;
    if (this.ended) return null;
    this.reader = watcher;
    return undefined;
  }

  get isOver(): boolean {
    return this.over || (this.ended && this.rest.length === 0 && this.failure === undefined);
  }

  leave(): void {
    this.over = true;
    this.source.unwatch(this);
    this.tellReader();
  }

  /** The source has more. */
  look(): void {
    this.asking = false;
    this.tellReader();
  }

  async next(): Promise<IteratorResult<NumberedEvent[], void>> {
    for (;;) {
      let tell: () => void = () => {};
      const told = new Promise<void>((resolve) => {
        tell = resolve;
      });
      const value = this.take({ look: tell });
      if (value === null) return over;
      if (value) return { done: false, value };
      await told;
    }
  }

  async return(): Promise<IteratorResult<NumberedEvent[], void>> {
    this.leave();
    return over;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private ask(): void {
    this.asking = true;
    const found = this.source.readAfter(this.cursor);
    // Nothing is awaited where nothing must be: an event that came in between would find nobody watching for it.
    if (found instanceof Promise) found.then((group) => this.accept(group)).catch((cause) => this.fail(cause));
    else this.accept(found);
  }

  private accept({ events, ended }: EventGroup): void {
    if (this.over) return;
    this.rest = events;
    this.ended = ended;
    this.cursor = events.at(-1)?.number ?? this.cursor;
    if (events.length === 0 && !ended) this.source.watch(this);
    else this.look();
  }

  private fail(cause: unknown): void {
    this.failure = { cause };
    this.ended = true;
    this.look();
  }

  private tellReader(): void {
    const { reader } = this;
    this.reader = undefined;
    reader?.look();
  }

  private takeGroup(): NumberedEvent[] {
    let count = 0;
    for (let characters = 0; count < this.rest.length && characters < groupCharacters; count++) {
      const { event } = this.rest[count]!;
      if ("text" in event) characters += event.text.length;
    }
    const group = this.rest;
    this.rest = count < group.length ? group.splice(count) : none;
    return group;
  }
}
