// The native event stream: pulled by the reader, one group of events at a time. A reader that leaves, or does not read,
// ends its own stream and nothing else.

import type { EventGroups } from "../turn/reader/reading.ts";
import { dropped, type HttpAnswer } from "./answer.ts";
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

const utf8 = new TextEncoder();
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
    // Nothing is buffered ahead of the reader (highWaterMark 0), so a pull means that the last chunk was taken.
    const stream = new ReadableStream(new EventWriter(exchange, source, this.heartbeatMs, this.pacemaker), {
      highWaterMark: 0,
    });
    return { status: 200, headers: { ...headers, ...more }, body: stream };
  }
}

class EventWriter implements UnderlyingDefaultSource<Uint8Array>, Paced {
  private readonly exchange: Exchange;
  private readonly groups: EventGroups;
  private readonly heartbeatMs: number;
  private readonly pacemaker: Pacemaker;
  private controller!: ReadableStreamDefaultController<Uint8Array>;
  private head: string;
  private begun: boolean;
  /** Whether the reader waits for us; otherwise we wait for the reader, and whoever sends this for its deadline. */
  private awaited = false;
  private onPull: (() => void) | undefined;
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
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.controller = controller;
    if (this.exchange.method !== "HEAD") this.pacemaker.add(this); // nobody would ever read that one
    if (this.head !== "") this.send(this.head);
    this.head = "";
    void this.run();
  }

  pull(): void {
    this.awaited = true;
    this.onPull?.();
  }

  /** Sends group after group, each when the reader has taken what was sent before. */
  private async run(): Promise<void> {
    try {
      while (!this.over) {
        if (!this.awaited) await this.waitForPull();
        const { done, value } = await this.groups.next();
        if (this.over) return;
        this.begun = true;
        if (done) this.close("complete");
        else this.sendGroup(encodeEvents(value));
      }
    } catch (cause) {
      this.fail(cause);
    }
  }

  private waitForPull(): Promise<void> {
    return new Promise((resolve) => {
      this.onPull = resolve;
    });
  }

  /** Whoever sends this gives it up: the reader has gone, or has not read for too long. */
  cancel(why: unknown): void {
    this.finish(why === dropped ? dropped : "left");
  }

  beat(now: number): void {
    const readerWaits = this.awaited && (this.controller.desiredSize ?? 0) >= 0;
    if (readerWaits && now - this.sentAt >= this.heartbeatMs) this.send(": keep-alive\n\n");
  }

  private sendGroup(text: string): void {
    this.send(text);
    if (this.groups.isOver && text.length <= shortEnd) this.close("complete");
  }

  private send(text: string): void {
    const chunk = utf8.encode(text);
    this.bytes += chunk.length;
    this.sentAt = performance.now();
    this.awaited = false;
    this.controller.enqueue(chunk);
  }

  private fail(cause: unknown): void {
    if (this.over) return;
    const problem = describeProblem(this.exchange, cause);
    if (this.begun) {
      this.controller.error();
      this.finish("broken");
    } else {
      this.send(`event: error\ndata: ${JSON.stringify(problem)}\n\n`);
      this.close("broken");
    }
  }

  private close(ended: string): void {
    this.controller.close();
    this.finish(ended);
  }

  private finish(ended: string): void {
    if (this.over) return;
    this.over = true;
    this.pacemaker.remove(this);
    this.groups.leave();
    this.exchange.writeLog({ status: 200, bytes: this.bytes, ended });
  }
}
