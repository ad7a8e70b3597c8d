// A turn with a long conversation behind it, and the whole of it sent: what our server takes beside a relay that is sent it ready.

import type { Bench, Workload, WorkloadResult } from "../bench.ts";
import { askJson } from "../clients.ts";
import { type Compared, compare } from "../compare.ts";
import { describeComparison } from "../compare-result.ts";
import { wholeBody } from "../conversation.ts";
import type { GoalName } from "../reach.ts";

/** They take turns one after another, so that each comes round when many others have been in between. */
const sessions = 50;
const lengths: { messages: number; goal: GoalName }[] = [
  { messages: 200, goal: "behind-200" },
  { messages: 2_000, goal: "behind-2000" },
];

export const longTurns: Workload[] = lengths.map(({ messages, goal }) => ({
  name: `long-turn-${messages}`,
  quick: true,
  async run(bench) {
    return describe(bench, messages, goal, await measure(bench, messages));
  },
}));

function measure(bench: Bench, messages: number): Promise<Compared> {
  const passes = messages > 1_000 ? 2 : 4;
  const rounds = bench.full ? 6 : 4;
  return compare(bench, {
    name: `long-turn-${messages}`,
    scenario: { unchecked: true, chunks: 4, chunkChars: 60, delayMs: 0 },
    rounds,
    warmUp: bench.full ? 8_000 : 3_000,
    // The relay's client sends what ours send on average: the conversations grow by two messages a turn.
    history: { messages, body: wholeBody(messages + passes * rounds) },
    sessions,
    turns: { ours: passes * sessions, others: passes * sessions * (messages > 1_000 ? 4 : 10), peers: 100 },
    stream: false,
    atOnce: 8,
    ask: (url, ids) => askJson(url, ids),
  });
}

function describe(bench: Bench, messages: number, goal: GoalName, compared: Compared): WorkloadResult {
  const kilobytes = Math.round(wholeBody(messages).length / 1000);
  const text = {
    name: `long-turn-${messages}`,
    title: `A turn with ${messages.toLocaleString("en-US")} messages behind it`,
    what: `JSON turns of ${sessions} sessions in turn, each with ${messages.toLocaleString("en-US")} messages, with the server's own settings: all of them are sent (${kilobytes} KB). 8 clients. The floor's clients send the same prompt themselves.`,
    reach: [goal],
  };
  return describeComparison(bench, text, compared);
}
