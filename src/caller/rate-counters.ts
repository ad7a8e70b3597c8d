// The counters of limits in memory, for a database that one process alone serves. They begin anew with the process.

import { type Draw, type Drawn, minuteMs, minuteSpent } from "./rate.ts";

interface Counter {
  used: number;
  endsAt: number;
}

/** Past it the one that is over first gives way: some 10 MB. */
const mostCounters = 100_000;

export class RateCounters {
  private readonly now: () => number;
  /** In the order in which their minutes are over, since all last equally long. */
  private readonly counters = new Map<string, Counter>();

  constructor(now: () => number) {
    this.now = now;
  }

  /** Takes all of it, or throws RateLimited and takes nothing. */
  draw(draws: readonly Draw[]): Drawn[] {
    const at = this.now();
    this.sweep(at);
    for (const draw of draws) {
      const { used, endsAt } = this.find(draw.counter, at) ?? { used: 0, endsAt: at + minuteMs };
      if (used + draw.amount > draw.limit) throw minuteSpent(draw, used, endsAt - at);
    }
    return draws.map((draw) => {
      const counter = this.find(draw.counter, at) ?? this.begin(draw.counter, at);
      counter.used += draw.amount;
      const { used, endsAt } = counter;
      return { ...draw, left: Math.max(0, draw.limit - used), resetMs: endsAt - at, endsAt };
    });
  }

  /** Counts what was really used in the place of what was drawn, while its minute lasts. */
  correct(drawn: readonly Drawn[], used: number): void {
    for (const draw of drawn) {
      const counter = this.counters.get(draw.counter);
      if (counter?.endsAt === draw.endsAt) counter.used = Math.max(0, counter.used + used - draw.amount);
    }
  }

  /** A clock that was set back makes no minute longer. */
  private find(name: string, at: number): Counter | undefined {
    const counter = this.counters.get(name);
    return counter && at < counter.endsAt && counter.endsAt - at <= minuteMs ? counter : undefined;
  }

  private begin(name: string, at: number): Counter {
    this.counters.delete(name);
    const [oldest] = this.counters.keys();
    if (this.counters.size >= mostCounters && oldest !== undefined) this.counters.delete(oldest);
    const counter = { used: 0, endsAt: at + minuteMs };
    this.counters.set(name, counter);
    return counter;
  }

  private sweep(at: number): void {
    for (const [name, { endsAt }] of this.counters) {
      if (at < endsAt) return;
      this.counters.delete(name);
    }
  }
}
