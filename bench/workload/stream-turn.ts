// A streamed turn of a hundred deltas: the same work as a JSON turn, and every event in the log, so that it can be resumed.

import type { Workload } from "../bench.ts";
import { askStream } from "../clients.ts";
import { compare } from "../compare.ts";
import { describeComparison } from "../compare-result.ts";
import { type GoalName, goals } from "../reach.ts";

const deltas = 100;
const pauseMs = 5;

/** All deltas at once: the most turns in a CPU second, and the least that a reader needs. */
export const streamTurn: Workload = {
  name: "stream-turn",
  quick: true,
  async run(bench) {
    const compared = await compare(bench, {
      name: "stream-turn",
      scenario: { unchecked: true, chunks: deltas, chunkChars: 8, delayMs: 0 },
      rounds: bench.full ? 12 : 5,
      warmUp: bench.full ? 16_000 : 3_000,
      turns: bench.full ? { ours: 2_000, others: 5_000, peers: 400 } : { ours: 500, others: 1_500, peers: 200 },
      stream: true,
      atOnce: 32,
      ask: (url, sessions) => askStream(url, sessions, deltas),
    });
    const text = {
      name: "stream-turn",
      title: "Stream of 100 deltas",
      what: "The same turn, streamed: 100 deltas of 8 characters, each an event with its number, all of them in the event log. 32 clients, no pause between deltas, so that many arrive in one read.",
      aim: goals["stream-turn"].least,
      reach: ["stream-turn"] satisfies GoalName[],
    };
    return describeComparison(bench, text, compared);
  },
};

/** Each delta for itself, as a model sends them: each is one read, one event, one write. */
export const pacedStream: Workload = {
  name: "paced-stream",
  quick: false,
  async run(bench) {
    const compared = await compare(bench, {
      name: "paced-stream",
      scenario: { unchecked: true, chunks: deltas, chunkChars: 8, delayMs: pauseMs },
      rounds: bench.full ? 6 : 3,
      warmUp: 1_500,
      // Four turns for each session: of more than twice as many sessions as clients, so that none comes round while it still answers.
      turns: { ours: 600, others: 500, peers: 100 },
      stream: true,
      atOnce: 64,
      ask: (url, sessions) => askStream(url, sessions, deltas),
    });
    const text = {
      name: "paced-stream",
      title: "Stream of 100 deltas, one at a time",
      what: `The same stream with ${pauseMs} ms between deltas, 64 clients: every delta is read, kept, numbered and written by itself, and the log is written while the stream runs.`,
      aim: 0.3,
    };
    return describeComparison(bench, text, compared);
  },
};
