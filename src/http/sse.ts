// The native event stream: pulled by the reader, one group of events at a time. A reader that leaves, or does not read,
// ends its own stream and nothing else.

import type { EventGroups } from "../turn/reader/reading.ts";
import { dropped, type HttpAnswer, type Piece, type Pieces } from "./answer.ts";
import type { Exchange } from "./exchange.ts";
import { encodeEvents } from "./native/event-wire.ts";
import { type Paced, Pacemaker } from "./pacemaker.ts";
import { describeProblem } from "./problem.ts";

/** What a stream is made of. */
interface Source {
  /** Sent before anything else, so that the reader hears from us at once. */
  head: string;
  /** Whether the turn exists. A failure before that is told as an `error` event; after it the line is cut, and the reader reconnects. */
  begun: boolean;
  groups: EventGroups;
}

/**
 * An end of at most so many characters, which the system takes at once, travels with the stream's closing mark: one write and one
 * packet less. A longer one is closed when the reader has taken it, because whoever never takes it must be dropped.
 */
const shortEnd = 16 * 1024;
const headers = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no", // nginx: pass on what comes, at once
  "x-content-type-options": "nosniff",
};

/** Makes streams and keeps their time. */
export class Streams {
  readonly pacemaker: Pacemaker;
  private readonly heartbeatMs: number;

  /** A comment is sent after so much silence. */
  constructor(heartbeatMs: number) {
    this.heartbeatMs = heartbeatMs;
    this.pacemaker = new Pacemaker(Math.max(5, Math.min(1_000, heartbeatMs / 4)));
  }

  answer(exchange: Exchange, source: Source, more: Record<string, string> = {}): HttpAnswer {
    exchange.streaming = true;
    if (source.begun) exchange.letGoOfRequest();
    const body = new EventPieces(exchange, source, this.heartbeatMs, this.pacemaker);
    return { status: 200, headers: { ...headers, ...more }, body };
  }
}

class EventPieces implements Pieces, Paced {
  private readonly exchange: Exchange;
  private readonly groups: EventGroups;
  private readonly heartbeatMs: number;
  private readonly pacemaker: Pacemaker;
  private head: string;
  private begun: boolean;
  /** Whether a group has been asked for that has not come yet. */
  private asking = false;
  /** What came while nobody asked, because a comment was being taken. */
  private ready: Piece | undefined;
  private reader: { resolve(piece: Piece): void; reject(cause: unknown): void } | undefined;
  private sentAt = performance.now();
  private bytes = 0;
  private over = false;

  constructor(exchange: Exchange, source: Source, heartbeatMs: number, pacemaker: Pacemaker) {
    this.exchange = exchange;
    this.head = source.head;
    this.begun = source.begun;
    this.groups = source.groups;
    this.heartbeatMs = heartbeatMs;
    this.pacemaker = pacemaker;
    if (exchange.method !== "HEAD") pacemaker.add(this); // nobody will ever read that one
  }

  next(): Promise<Piece> {
    return new Promise((resolve, reject) => {
      if (this.over) return reject(givenUp());
      this.reader = { resolve, reject };
      if (this.head !== "") {
        this.give({ done: false, value: this.head });
        this.head = "";
      } else if (this.ready !== undefined) {
        this.give(this.ready);
        this.ready = undefined;
      } else if (!this.asking) void this.ask();
    });
  }

  /** Gives the next group when it is there. */
  private async ask(): Promise<void> {
    this.asking = true;
    try {
      const { done, value } = await this.groups.next();
      this.begun = true;
      this.give(done ? { done, value: "" } : this.describeGroup(encodeEvents(value)));
    } catch (cause) {
      this.fail(cause);
    }
    this.asking = false;
  }

  private describeGroup(value: string): Piece {
    return { done: this.groups.isOver && value.length <= shortEnd, value };
  }

  leave(why?: string): void {
    this.finish(why === dropped ? dropped : "left");
  }

  beat(now: number): void {
    if (this.reader !== undefined && now - this.sentAt >= this.heartbeatMs)
      this.give({ done: false, value: ": keep-alive\n\n" });
  }

  private give(piece: Piece, ended = "complete"): void {
    if (this.over) return;
    const { reader } = this;
    if (reader === undefined) {
      this.ready = piece;
      return;
    }
    this.reader = undefined;
    this.bytes += Buffer.byteLength(piece.value);
    this.sentAt = performance.now();
    if (piece.done) this.finish(ended);
    reader.resolve(piece);
  }

  private fail(cause: unknown): void {
    if (this.over) return;
    const problem = describeProblem(this.exchange, cause);
    if (this.begun) this.finish("broken");
    else this.give({ done: true, value: `event: error\ndata: ${JSON.stringify(problem)}\n\n` }, "broken");
  }

  private finish(ended: string): void {
    if (this.over) return;
    this.over = true;
    this.reader?.reject(givenUp());
    this.pacemaker.remove(this);
    this.groups.leave();
    if (this.exchange.method !== "HEAD") this.exchange.writeLog(200, this.bytes, ended);
  }
}

function givenUp(): Error {
  return new Error("the stream was given up");
}
