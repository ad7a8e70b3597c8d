// Decides when to seal: a moment after turns were booked, in steps that hold nobody up for long.

import type { Engine } from "../engine.ts";
import { readSealState } from "./seal.ts";

const everyMs = 2_000;
/** Turns in one step; everybody else waits for it. Whoever has made this many steps without catching up takes more. */
const fewTurns = 64;
const patientSteps = 8;
const mostTurns = 256;

export class Sealer {
  private readonly engine: Engine;
  private readonly now: () => number;
  private readonly timer: ReturnType<typeof setInterval>;
  private working: Promise<void> | undefined;
  private closed = false;
  /** The newest turn at an earlier look, and what had to be over then. */
  private seen: { newest: number; begun: number } | undefined;

  constructor(engine: Engine, now: () => number) {
    this.engine = engine;
    this.now = now;
    this.timer = setInterval(() => void this.work().catch(() => {}), everyMs); // what fails is tried again
    this.timer.unref();
  }

  /** Resolves when all that was booked before is sealed, or another process works on it, or a transaction is not over that began before. */
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
    this.working ??= this.sealAll().finally(() => {
      this.working = undefined;
    });
    return this.working;
  }

  private async sealAll(): Promise<void> {
    for (let step = 1; !this.closed; step++) {
      const { mark, certain, isReady } = await this.look();
      if (mark >= certain && !isReady) return;
      const to = Math.max(mark, Math.min(certain, mark + (step < patientSteps ? fewTurns : mostTurns)));
      if (!(await this.engine.write("sealEntries", { from: mark, to, at: this.now() }))) return;
    }
  }

  /** `certain`: up to which row every turn can be seen, or will never be. */
  private async look(): Promise<{ mark: number; certain: number; isReady: boolean }> {
    const { committed } = this.engine;
    const { mark, newest, begun, over, isReady } = await readSealState(committed);
    if (!committed.dialect.shared) return { mark, certain: newest, isReady };
    const { seen } = this;
    if (seen && over < seen.begun) return { mark, certain: mark, isReady };
    this.seen = { newest, begun };
    return { mark, certain: Math.max(mark, seen?.newest ?? 0), isReady };
  }
}
