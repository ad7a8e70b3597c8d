// The invariants of the house under a random life: everything users, vendors and operators do, at once, in any order.
// Invariants 1 (crash), 6 (resume), 8 (owners), 9 (hostile) and 10 (flat-cost) have files of their own; 3 is about budgets, not built yet.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Scenario } from "../emulator/scenario.ts";
import { openStore } from "../src/database/open.ts";
import { rederive } from "../src/money/receipt.ts";
import { readGeminiUsage } from "../src/providers/gemini/usage.ts";
import { call, collect, eventually, newSession, openStream, readHistory, readReceipt, say } from "./client.ts";
import { engines } from "./engines.ts";
import { startServer, type TestServer } from "./server.ts";

const scenarios: Scenario[] = [
  { text: "a plain answer", chunks: 3 },
  { text: "slow and steady", chunks: 6, delayMs: 4, thoughts: "hm" },
  { fault: "overloaded-503", times: 2 },
  { fault: "bad-argument" },
  { fault: "data-error", text: "half of it", chunks: 4, after: 2, delayMs: 2 },
  { fault: "no-usage" },
  { fault: "empty-stop" },
  { fault: "blocked-prompt" },
  { fault: "stall", text: "and then", chunks: 4, after: 2 },
];

type Act =
  | { kind: "say"; session: number; scenario: number; stream: boolean; ifBusy: string }
  | { kind: "leave"; session: number; scenario: number }
  | { kind: "stop"; session: number; hard: boolean }
  | { kind: "trash" | "restore"; session: number };

const session = fc.integer({ min: 0, max: 2 });
const scenario = fc.integer({ min: 0, max: scenarios.length - 1 });
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("say" as const),
      session,
      scenario,
      stream: fc.boolean(),
      ifBusy: fc.constantFrom("reject", "queue", "interrupt"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("leave" as const), session, scenario }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("stop" as const), session, hard: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("trash" as const, "restore" as const), session }) },
);

describe.each(engines)("on %s", (_name, createDatabase) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({
      databaseUrl: await createDatabase(),
      settings: { STOP_DRAIN_MS: "60", PROVIDER_IDLE_MS: "200", PROVIDER_RETRY_BASE_MS: "1" },
    });
  });
  afterAll(() => server.stop());

  async function perform(ids: string[], step: Act): Promise<void> {
    const id = ids[step.session]!;
    const path = `${server.url}/sessions/${id}`;
    if (step.kind === "say" || step.kind === "leave") {
      server.emulator.play(scenarios[step.scenario]!);
      if (step.kind === "say" && !step.stream) await say(server.url, id, { content: "hello", if_busy: step.ifBusy });
      else {
        const stream = await openStream(server.url, id, { content: "hello" }).catch(() => undefined);
        if (step.kind === "leave")
          await stream
            ?.next()
            .then(() => stream.return())
            .catch(() => {});
        else if (stream) await collect(stream).catch(() => {});
      }
    } else if (step.kind === "stop") {
      const { body } = await call<{ running_turn_id: string | null }>(path, "GET");
      if (body.running_turn_id)
        await call(`${server.url}/turns/${body.running_turn_id}/stop`, "POST", { hard: step.hard });
    } else if (step.kind === "trash") await call(path, "DELETE");
    else await call(`${path}/restore`, "POST");
  }

  test("invariant 2, invariant 4, invariant 5 and invariant 7 hold after any life: one ledger for everything, every call booked, every receipt re-derivable, turns never interleaved", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(act, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 }),
        async (rounds) => {
          server.emulator.reset();
          const ids = await Promise.all([0, 1, 2].map(async () => (await newSession(server.url)).id));
          for (const round of rounds) await Promise.all(round.map((step) => perform(ids, step)));
          for (const id of ids) await call(`${server.url}/sessions/${id}/restore`, "POST");
          let booked = 0;
          for (const id of ids) booked += await checkSession(id);
          expect(booked).toBe(server.emulator.callCount); // invariant 4
        },
      ),
      { numRuns: 20 },
    );
    await checkBooks();
  }, 120_000);

  /** Invariants 5 and 7 for one session; returns how many provider calls its turns were booked with. */
  async function checkSession(id: string): Promise<number> {
    const history = await eventually(
      () => readHistory(server.url, id),
      ({ session }) => session.running_turn_id === null,
    );
    let booked = 0;
    let sum = 0n;
    for (let at = 0; at < history.data.length; at += 2) {
      const [question, reply] = [history.data[at]!, history.data[at + 1]!];
      expect([question.role, reply.role, reply.turn_id, reply.parent_id]).toEqual([
        "user",
        "assistant",
        question.turn_id,
        question.id,
      ]);
      expect(question.parent_id).toBe(at === 0 ? null : history.data[at - 1]!.id);
      const receipt = await eventually(
        () => readReceipt(server.url, reply.turn_id),
        ({ settled }) => settled,
      );
      booked += receipt.attempts.length;
      sum += toPico(receipt.total);
    }
    const settled = await eventually(
      () => readHistory(server.url, id),
      ({ cost }) => toPico(cost.total) === sum,
    );
    expect(toPico(settled.cost.total)).toBe(sum); // invariant 2, seen from outside
    return booked;
  }

  /** Invariants 2 and 5, seen from inside, over everything that this file has booked. */
  async function checkBooks(): Promise<void> {
    await server.restart();
    const store = await openStore(server.databaseUrl, { processId: 3, readOnly: true });
    try {
      const books = await store.sumBooks();
      expect(books.entriesTotal).toBe(books.sessionsTotal);
      expect(books.turnsTotal).toBe(books.entriesTotal);
      expect(books.runningTurns).toBe(0);
      let rederived = 0;
      for (const found of (await store.listSessions("", { limit: 100, deleted: false })).data) {
        for await (const messages of store.readHistory("", found.id)) {
          for (const { turnId, role } of messages) {
            if (role === "user") continue;
            for (const entry of await store.listEntries("", turnId)) {
              const again = rederive(entry, readGeminiUsage);
              if (again !== null && entry.accuracy !== "estimated") {
                expect(again).toBe(entry.total!);
                rederived++;
              }
            }
          }
        }
      }
      expect(rederived).toBeGreaterThan(10);
    } finally {
      await store.close();
    }
  }
});

function toPico(usd: string | null): bigint {
  const [whole = "0", fraction = ""] = (usd ?? "0").split(".");
  return BigInt(whole) * 10n ** 12n + BigInt(fraction.padEnd(12, "0"));
}
