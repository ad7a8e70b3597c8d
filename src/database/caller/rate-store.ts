// Where limits are counted: in the database that several processes share, else in the memory of the one process that has it.

import { RateCounters } from "../../caller/rate-counters.ts";
import type { RateStore } from "../../caller/rate-store.ts";
import type { OpenedTurn, OpenTurn } from "../../store.ts";
import type { Engine } from "../engine.ts";
import { correctRates, drawRates } from "./rate.ts";

export interface Rates extends RateStore {
  /** Opens a turn with what it draws, or does neither. */
  openTurn(input: OpenTurn): Promise<OpenedTurn>;
}

/** How often counters whose minute is over are removed, at most. */
const sweepEveryMs = 60_000;

export function createRates(engine: Engine, now: () => number): Rates {
  return engine.durable.dialect.shared ? createShared(engine) : createOwn(engine, now);
}

function createShared(engine: Engine): Rates {
  let sweptAt = performance.now();
  const sweep = () => {
    if (performance.now() - sweptAt < sweepEveryMs) return;
    sweptAt = performance.now();
    engine.write("sweepRates", {}).catch(() => {}); // the next one tries again
  };
  return {
    drawRates(draws) {
      sweep();
      return draws.length === 1 ? drawRates(engine.durable, { draws }) : engine.write("drawRates", { draws });
    },
    correctRates: (drawn, used) => correctRates(engine.durable, drawn, used),
    openTurn: (input) => engine.write("openTurn", input),
  };
}

/** How many turns run is the database's to say here too. */
function createOwn(engine: Engine, now: () => number): Rates {
  const counters = new RateCounters(now);

  async function openWith(input: OpenTurn, rate: NonNullable<OpenTurn["rate"]>): Promise<OpenedTurn> {
    const drawn = counters.draw(rate.draws);
    const giveBack = () => counters.correct(drawn, 0);
    try {
      const opened = await engine.write("openTurn", { ...input, rate: { ...rate, draws: [] } });
      if (opened.kind === "opened") return { ...opened, drawn };
      giveBack();
      return opened;
    } catch (cause) {
      giveBack();
      throw cause;
    }
  }

  return {
    drawRates: async (draws) => counters.draw(draws),
    correctRates: async (drawn, used) => counters.correct(drawn, used),
    openTurn: (input) => (input.rate ? openWith(input, input.rate) : engine.write("openTurn", input)),
  };
}
