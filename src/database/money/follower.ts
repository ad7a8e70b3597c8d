// Decides when the ledger is followed: every second, in steps that hold nobody up for long.

import type { Engine } from "../engine.ts";
import { type Follow, openAtOnce, readFollowState } from "./follow.ts";

/** Seldom: the more turns a step has, the less it costs each of them. */
const everyMs = 1_000;
/** Turns in one step; everybody else waits for it, some 5 ms. */
const turnsAtOnce = 256;

export class Follower {
  private readonly engine: Engine;
  private readonly followed: Follow;
  private readonly step: "rollUsage" | "sealEntries";
  private readonly now: () => number;
  private readonly timer: ReturnType<typeof setInterval>;
  private working: Promise<void> | undefined;
  private closed = false;
  /** The newest turn at an earlier look, and what had to be over then. */
  private seen: { newest: number; begun: number } | undefined;

  constructor(engine: Engine, followed: Follow, step: "rollUsage" | "sealEntries", now: () => number) {
    this.engine = engine;
    this.followed = followed;
    this.step = step;
    this.now = now;
    this.timer = setInterval(() => void this.work().catch(() => {}), everyMs); // what fails is tried again
    this.timer.unref();
  }

  /** Resolves when all that was booked before is taken, or another process works on it, or a transaction is not over that began before. */
  async settle(): Promise<void> {
    await this.working?.catch(() => {}); // it may have looked before the call
    await this.work();
    if (this.engine.committed.dialect.shared) await this.work(); // what was seen for the first time is certain at the second look
  }

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.timer);
    await this.working?.catch(() => {});
  }

  private work(): Promise<void> {
    this.working ??= this.catchUp().finally(() => {
      this.working = undefined;
    });
    return this.working;
  }

  /** Up to what there was when it began: what comes meanwhile is for the next time, or under load each step would have a few turns only. */
  private async catchUp(): Promise<void> {
    let { mark, certain, isReady } = await this.look();
    while ((mark < certain || isReady) && !this.closed) {
      const to = Math.min(certain, mark + turnsAtOnce);
      const reopened = await this.engine.write(this.step, { from: mark, to, at: this.now() });
      if (reopened === undefined) return;
      mark = to;
      isReady = reopened === openAtOnce;
    }
  }

  /** `certain`: up to which row every turn can be seen, or will never be. */
  private async look(): Promise<{ mark: number; certain: number; isReady: boolean }> {
    const { committed } = this.engine;
    const { mark, newest, begun, over, ready } = await readFollowState(committed, this.followed);
    const isReady = ready === 1;
    if (!committed.dialect.shared) return { mark, certain: Math.max(mark, newest), isReady };
    const { seen } = this;
    if (seen && over < seen.begun) return { mark, certain: mark, isReady };
    this.seen = { newest, begun };
    return { mark, certain: Math.max(mark, seen?.newest ?? 0), isReady };
  }
}
