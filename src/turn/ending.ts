// Waiting for a turn that was told to stop: until it has stopped, or until nothing of it is left to be written.

import { AppError } from "../errors.ts";
import type { Store } from "../store.ts";
import type { Turn } from "./turn.ts";
import { pause } from "./wait.ts";

/** How long a turn that was told to stop is waited for. */
const patienceMs = 10_000;

export interface EndTools {
  store: Store;
  tickMs: number;
}

/** What is looked at again and again: where the turn runs in this process, whenever it has come to its end. */
interface Here {
  done: Promise<void>;
}

/** Resolves when nothing of the turn is left to be written, its bill included. Throws conflict when that takes too long. */
export async function waitUntilSettled(tools: EndTools, owner: string, turnId: string, here: Here | undefined) {
  const { store, tickMs } = tools;
  for (let waited = 0; waited < patienceMs; waited += tickMs) {
    if (here) await Promise.race([here.done, pause(tickMs)]);
    const turn = await store.findTurn(owner, turnId);
    if (!turn || turn.settled) return;
    if (!here) await pause(tickMs);
  }
  throw notStoppedYet();
}

/** The turn as it is when it has stopped, in whatever process. Throws conflict when that takes too long. */
export async function waitUntilStopped({ store, tickMs }: EndTools, owner: string, turn: Turn): Promise<Turn> {
  for (let waited = 0; waited < patienceMs; waited += tickMs) {
    const now = await store.findTurn(owner, turn.id);
    if (now?.status !== "running") return now ?? turn;
    await pause(tickMs);
  }
  throw notStoppedYet();
}

function notStoppedYet(): AppError {
  const detail = "The process that runs this turn has not stopped it yet; ask again.";
  return new AppError("conflict", detail, { retryAfterSeconds: 5 });
}
