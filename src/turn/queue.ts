// Messages that wait for their session to be free: first come, first served, and not without end.

import { AppError } from "../errors.ts";
import { untilAborted } from "./wait.ts";

export class SessionQueue {
  private readonly tails = new Map<string, { last: Promise<void>; length: number }>();
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  /**
   * The place is taken at once. Resolves when it is the caller's turn to try; call the returned function when the try is over, however it went.
   * Throws turn_in_progress when the queue is full, and when `left` is aborted while waiting.
   */
  async wait(line: string, left: AbortSignal): Promise<() => void> {
    const ahead = this.tails.get(line) ?? { last: Promise.resolve(), length: 0 };
    if (ahead.length >= this.limit) {
      throw new AppError("turn_in_progress", `${ahead.length} messages are waiting for this session already.`, {
        retryAfterSeconds: 5,
      });
    }
    let release!: () => void;
    const mine = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.tails.set(line, { last: ahead.last.then(() => mine), length: ahead.length + 1 });
    const leave = () => {
      release();
      const tail = this.tails.get(line);
      if (tail && --tail.length === 0) this.tails.delete(line);
    };
    await untilAborted(ahead.last, left);
    if (left.aborted) {
      leave();
      throw new AppError("bad_request", "The caller left before the turn began.");
    }
    return leave;
  }
}
