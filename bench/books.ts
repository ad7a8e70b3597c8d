// Whether a block counts: what the server stored and booked must be what its clients were told and the vendor was asked.

import { openStore } from "../src/database/open.ts";

export interface Account {
  /** Ledger entries and their sum in picodollars, by the server's own books. */
  entries: number;
  spent: bigint;
  /** The same sum by the sessions and by the turns. */
  spentBySessions: bigint;
  spentByTurns: bigint;
  running: number;
  /** Calls that the vendor was asked. */
  calls: number;
}

/** Reads the books beside the running server, and the vendor's own count. */
export async function readAccount(databaseUrl: string, vendor: { countCalls(): Promise<number> }): Promise<Account> {
  const store = await openStore(databaseUrl, { processId: 2, readOnly: true });
  try {
    const books = await store.sumBooks();
    return {
      entries: books.entries,
      spent: books.entriesTotal,
      spentBySessions: books.sessionsTotal,
      spentByTurns: books.turnsTotal,
      running: books.runningTurns,
      calls: await vendor.countCalls(),
    };
  } finally {
    await store.close();
  }
}

/** One sentence for each thing that does not add up; empty when the block counts. `acknowledged` turns of `price` each. */
export function audit(before: Account, after: Account, acknowledged: number, price: bigint): string[] {
  const wrong: string[] = [];
  const expect = (what: string, is: number | bigint, should: number | bigint) => {
    if (is !== should) wrong.push(`${what}: ${is}, should be ${should}`);
  };
  const calls = after.calls - before.calls;
  expect("calls of the vendor", calls, acknowledged);
  expect("ledger entries", after.entries - before.entries, acknowledged);
  expect("ledger total", after.spent - before.spent, BigInt(calls) * price);
  expect("sum of sessions", after.spentBySessions, after.spent);
  expect("sum of turns", after.spentByTurns, after.spent);
  expect("turns still running", after.running, 0);
  return wrong;
}

/** Messages that the API says these sessions have. */
export async function countMessages(url: string, sessions: readonly string[]): Promise<number> {
  let sum = 0;
  for (const id of sessions) {
    const response = await fetch(`${url}/sessions/${id}`);
    sum += ((await response.json()) as { message_count: number }).message_count;
  }
  return sum;
}
