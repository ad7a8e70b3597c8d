// A JSON turn: twenty messages of memory, the answer, its receipt and the session's totals in one body, kept before it is sent.

import type { Workload } from "../bench.ts";
import { askJson } from "../clients.ts";
import { compare } from "../compare.ts";
import { describeComparison } from "../compare-result.ts";
import { goals } from "../reach.ts";

export const jsonTurn: Workload = {
  name: "json-turn",
  quick: true,
  async run(bench) {
    const compared = await compare(bench, {
      name: "json-turn",
      scenario: { unchecked: true, chunks: 4, chunkChars: 60, delayMs: 0 },
      rounds: bench.full ? 12 : 5,
      warmUp: bench.full ? 16_000 : 6_000,
      turns: bench.full ? { ours: 4_000, others: 16_000, peers: 400 } : { ours: 1_000, others: 5_000, peers: 200 },
      stream: false,
      atOnce: 32,
      ask: (url, sessions) => askJson(url, sessions),
    });
    return describeComparison(
      bench,
      {
        name: "json-turn",
        title: "JSON turn",
        what: "A message to a session with 20 messages of memory (5 KB); the answer of 240 characters comes from the vendor in 4 events and goes out as one JSON body with cost and session totals. 32 clients. The floor's clients send all 20 messages themselves and get the vendor's bytes.",
        aim: goals["json-turn"].least,
        reach: ["json-turn", "stored-bytes", "loaded-rss"],
      },
      compared,
    );
  },
};
