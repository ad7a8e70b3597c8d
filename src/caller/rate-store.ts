// What storage must do for limits: the share of door 2 that is theirs. Counters are shared by all that share the database.

import type { Draw, Drawn } from "./rate.ts";

export interface RateStore {
  /** Takes all of it or nothing. RateLimited | storage_unavailable: where it cannot be counted, nobody is let in. */
  drawRates(draws: readonly Draw[]): Promise<Drawn[]>;
  /** Counts what was really used in the place of what was drawn, in the same minute; nothing once that is over. */
  correctRates(drawn: readonly Drawn[], used: number): Promise<void>;
}
