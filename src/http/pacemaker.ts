// One clock for all open streams: it beats only while there are any, so that nothing is left behind when they are gone.

export interface Paced {
  /** Called about every `periodMs`, with `performance.now()`. */
  beat(now: number): void;
}

export class Pacemaker {
  private readonly streams = new Set<Paced>();
  private readonly periodMs: number;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(periodMs: number) {
    this.periodMs = periodMs;
  }

  /** How many streams are open. */
  get size(): number {
    return this.streams.size;
  }

  add(stream: Paced): void {
    this.streams.add(stream);
    this.timer ??= setInterval(() => this.beatAll(), this.periodMs);
  }

  remove(stream: Paced): void {
    this.streams.delete(stream);
    if (this.streams.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private beatAll(): void {
    const now = performance.now();
    for (const stream of this.streams) stream.beat(now);
  }
}
