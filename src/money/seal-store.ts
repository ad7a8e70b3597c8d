// What storage must do for whoever keeps a seal elsewhere: the share of door 2 that is the seals'.

import type { Seal } from "./verify/seal.ts";

export interface SealStore {
  /**
   * The newest seal, once all that has been booked so far is in it where that can be. Of a project, `entries` and `lastEntry` are its own
   * (none: 0 and ""), and the hash is the whole chain's. Undefined: nothing is sealed yet.
   */
  findSeal(project: string | undefined): Promise<Seal | undefined>;
}
