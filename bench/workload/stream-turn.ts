// A streamed turn of a hundred deltas: the same work as a JSON turn, and every event in the log, so that it can be resumed.

import type { Workload } from "../bench.ts";
import { askStream } from "../clients.ts";
import { compare } from "../compare.ts";
import { describeComparison } from "../compare-result.ts";

const deltas = 100;

export const streamTurn: Workload = {
  name: "stream-turn",
  quick: true,
  async run(bench) {
    const compared = await compare(bench, {
      name: "stream-turn",
      scenario: { unchecked: true, chunks: deltas, chunkChars: 8, delayMs: 0 },
      rounds: bench.full ? 12 : 5,
      turns: bench.full ? { ours: 2_000, others: 5_000 } : { ours: 500, others: 1_500 },
      atOnce: 32,
      ask: (url, sessions) => askStream(url, sessions, deltas),
    });
    return describeComparison(
      bench,
      {
        name: "stream-turn",
        title: "Stream of 100 deltas",
        what: "The same turn, streamed: 100 deltas of 8 characters, each an event with its number, all of them in the event log. 32 clients, no pause between deltas.",
        aim: 0.3,
      },
      compared,
    );
  },
};
