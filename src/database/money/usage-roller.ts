// Decides when the ledger is added up: a moment after turns were opened or settled, in steps that hold nobody up for long.

import type { Engine } from "../engine.ts";
import { type RollState, rollStateQuery } from "./usage-roll.ts";

const everyMs = 1_000;
/** Turns in one step; everybody else waits for it. Whoever has made this many steps without catching up takes more. */
const fewTurns = 128;
const patientSteps = 8;
const mostTurns = 512;
/** Of the turns that were not settled when the mark went by, so many are looked at in a step. */
const openAtOnce = 256;

export class UsageRoller {
  private readonly engine: Engine;
  private readonly timer: ReturnType<typeof setInterval>;
  private working: Promise<void> | undefined;
  private closed = false;
  /** The newest turn at an earlier look, and what has to be over before all turns up to it are certain to be seen. */
  private seen: { newest: number; begun: number } | undefined;
  private openFrom = 0;

  constructor(engine: Engine) {
    this.engine = engine;
    this.timer = setInterval(() => void this.work().catch(() => {}), everyMs); // what fails is tried again
    this.timer.unref();
  }

  /** Adds up what can be; resolves when it has caught up with the moment of the call, or another process works on it. */
  work(): Promise<void> {
    this.working ??= this.rollAll().finally(() => {
      this.working = undefined;
    });
    return this.working;
  }

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.timer);
    await this.working?.catch(() => {});
  }

  private async rollAll(): Promise<void> {
    let { mark, certain } = await this.look();
    for (let step = 1; !this.closed; step++) {
      const settled = await this.listSettled();
      if (mark >= certain && settled.length === 0) return;
      const to = Math.max(mark, Math.min(certain, mark + (step < patientSteps ? fewTurns : mostTurns)));
      if (!(await this.engine.write("rollUsage", { from: mark, to, settled }))) return;
      mark = to;
    }
  }

  /** Up to which row every turn can be seen, or will never be: a number is given to a row before others can see the row. */
  private async look(): Promise<{ mark: number; certain: number }> {
    const { committed } = this.engine;
    const [state] = await committed.all<RollState>(rollStateQuery(committed));
    const { mark, newest, begun, over } = state!;
    if (!committed.dialect.shared) return { mark, certain: newest };
    const { seen } = this;
    if (seen && over < seen.begun) return { mark, certain: mark };
    this.seen = { newest, begun };
    return { mark, certain: Math.max(mark, seen?.newest ?? 0) };
  }

  private async listSettled(): Promise<number[]> {
    const turns = await this.engine.committed.all<{ turn: number; settled: number }>(
      "SELECT o.turn, t.settled FROM usage_open o JOIN turn t ON t.row = o.turn WHERE o.turn > $1 ORDER BY o.turn LIMIT $2",
      [this.openFrom, openAtOnce],
    );
    this.openFrom = turns.length < openAtOnce ? 0 : turns.at(-1)!.turn;
    return turns.filter(({ settled }) => settled === 1).map(({ turn }) => turn);
  }
}
