// What a turn needs to run, be closed and be recovered.

import type { Memories } from "../conversation/memories.ts";
import type { Log } from "../log.ts";
import type { Provider } from "../provider.ts";
import type { Store } from "../store.ts";
import type { Books } from "./books.ts";
import type { ModelChooser } from "./model-choice.ts";

export interface TurnTools {
  store: Store;
  memories: Memories;
  provider: Provider;
  chooser: ModelChooser;
  books: Books;
  log: Log;
  now: () => number;
  processId: number;
  /** How long a stopped turn's stream is read on, for its bill. */
  readOnMs: number;
  /** How often a text reader is told what the turn has cost so far, at most. */
  usageEveryMs: number;
  /**
   * Waits between tries to store an end; after the last of them readers are sent away, and it goes on in the background
   * with the last. Default 0.1, 0.5, 2 and 5 s.
   */
  storeRetryMs?: readonly number[] | undefined;
}
