// Storing a turn's end: a connection that breaks on the way back changes nothing, and no end is such that it cannot be stored.

import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { LedgerEntry } from "../money/ledger.ts";
import type { CloseTurn, Store, StoredEnd } from "../store.ts";
import { pause } from "./wait.ts";

/** The turn is over already: did an earlier try of ours end it, whose answer was lost with the connection? */
async function findOwnEnd(store: Store, end: CloseTurn): Promise<StoredEnd | undefined> {
  const { owner } = end;
  const { id, sessionId } = end.opened.turn;
  const turn = await store.findTurn(owner, id);
  if (turn?.status !== end.status || turn.endedAt !== end.endedAt) return undefined;
  const [messages, session, entries] = await Promise.all([
    store.findTurnMessages(owner, id),
    store.peekSession(owner, sessionId),
    store.listEntries(owner, id),
  ]);
  if (!messages || !session || entries.length !== (end.settled ? end.entries.length : 0)) return undefined;
  return { turn, reply: messages.reply, session };
}

export function isStorageFailure(cause: unknown): boolean {
  return cause instanceof AppError && cause.code === "storage_unavailable";
}

const leavingOut = [withoutBill, withoutWords];

/**
 * Stores an end. Where it is refused for what is in it, whatever that is, it is stored with less: its calls as of unknown cost, then
 * without its words as well. A session that stays locked would be worse. Undefined: another process has taken the turn over, and
 * ended it or will. Throws storage_unavailable, with `insistence` only in a hurry.
 */
export async function closeInAnyCase(
  store: Store,
  end: CloseTurn,
  log: Log,
  insistence?: Insistence,
): Promise<StoredEnd | undefined> {
  let refused = 0;
  for (let tried = end; ; ) {
    try {
      return (await store.closeTurn(tried)) ?? (await findOwnEnd(store, tried));
    } catch (cause) {
      const leaveOut = leavingOut[refused];
      if (insistence && isStorageFailure(cause)) await insistence.wait(cause);
      else if (isStorageFailure(cause) || !leaveOut) throw cause;
      else {
        log.error({ turn_id: end.opened.turn.id, cause }, "a turn's end was refused; it is stored with less in it");
        tried = leaveOut(tried);
        refused++;
      }
    }
  }
}

/** The same for a bill that comes after the end. */
export async function settleInAnyCase(
  turnId: string,
  entries: LedgerEntry[],
  write: (entries: LedgerEntry[]) => Promise<unknown>,
  log: Log,
): Promise<void> {
  try {
    await write(entries);
  } catch (cause) {
    if (isStorageFailure(cause)) throw cause;
    log.error({ turn_id: turnId, cause }, "a bill was refused; it is booked as of unknown cost");
    await write(entries.map(asUnknown));
  }
}

/** A call whose cost cannot be told. */
export function asUnknown(entry: LedgerEntry): LedgerEntry {
  return { ...entry, price: null, usage: null, lines: [], total: null, accuracy: "unknown", balanced: false };
}

function withoutBill(end: CloseTurn): CloseTurn {
  return { ...end, entries: end.entries.map(asUnknown), memory: null };
}

function withoutWords(end: CloseTurn): CloseTurn {
  return {
    ...end,
    status: end.status === "complete" ? "failed" : end.status,
    ...{ text: "", thought: "", vendorParts: null, modelServed: null, finishReason: null, notices: [] },
    error: { code: "internal", detail: "The answer could not be stored; the log has the details." },
    lastBatch: null,
    lastNumber: end.lastBatch?.firstNumber ?? end.lastNumber,
    entries: end.entries.map((entry) => ({ ...entry, modelServed: null, usageRaw: null })),
  };
}

const usualWaitsMs = [100, 500, 2_000, 5_000];

/** `storeRetryMs`: waits between tries, before nobody waits any more. */
export interface Patience {
  storeRetryMs?: readonly number[] | undefined;
  log: Log;
}

/** Writes that are tried again and again while the storage fails: what the vendor was paid for must not be lost to a full disk. */
export class Insistence {
  private readonly tools: Patience;
  private readonly turnId: string;
  private readonly onLongWait: () => void;
  private hurried = false;
  private tries = 0;
  private endPause: (() => void) | undefined;

  /** `onLongWait` is told when all waits have passed: it goes on with the last of them, but nobody should wait for it. */
  constructor(tools: Patience, turnId: string, onLongWait: () => void) {
    this.tools = tools;
    this.turnId = turnId;
    this.onLongWait = onLongWait;
  }

  /** The process must go: what fails from now on is left to recovery. */
  hurry(): void {
    this.hurried = true;
    this.endPause?.();
  }

  async run<T>(write: () => Promise<T>): Promise<T> {
    for (this.tries = 0; ; ) {
      try {
        return await write();
      } catch (cause) {
        await this.wait(cause);
      }
    }
  }

  /** After a failure. Throws what is none of the storage at once; that one only in a hurry. */
  async wait(cause: unknown): Promise<void> {
    if (!isStorageFailure(cause) || this.hurried) throw cause;
    const fields = { turn_id: this.turnId, cause: (cause as AppError).cause };
    this.tools.log.error(fields, "storage is unavailable; trying again");
    const waits = this.tools.storeRetryMs ?? usualWaitsMs;
    if (this.tries === waits.length) this.onLongWait();
    await this.pause(waits[Math.min(this.tries++, waits.length - 1)]!);
  }

  private async pause(ms: number): Promise<void> {
    const over = new AbortController();
    this.endPause = () => over.abort();
    await pause(ms, over.signal);
    this.endPause = undefined;
  }
}
