// The invariants of the house under a random life: everything users, vendors and operators do, at once, in any order.
// Invariants 1 (crash), 6 (resume), 8 (owners), 9 (hostile) and 10 (flat-cost) have files of their own; 3 is about budgets, not built yet.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import type { Scenario } from "../emulator/scenario.ts";
import { openStore } from "../src/database/open.ts";
import {
  call,
  collect,
  eventually,
  type HistoryBody,
  type MessageBody,
  newSession,
  openStream,
  type ReceiptBody,
  readHistory,
  readReceipt,
  say,
} from "./client.ts";
import { engines } from "./engines.ts";
import { type PublishedRow, published, type RawUsage, recompute } from "./recompute.ts";
import { expectSaidBefore, newQuestion } from "./said-before.ts";
import { startServer, type TestServer } from "./server.ts";

/** Two of them change their price on the way, one of these in December and one in January. */
const models = ["gemini-2.5-flash-lite", "gemini-4-argon", "gemini-3.8-flash"];
/** Where the house's clock stands in the first, second and third part of the lives; the next part begins within a life. */
const moments = ["2026-11-30T23:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"].map((at) => Date.parse(at));
const livesInAPart = 7;

const scenarios: Scenario[] = [
  { text: "a plain answer", chunks: 3 },
  { text: "slow and steady", chunks: 6, delayMs: 4, thoughts: "hm" },
  { fault: "overloaded-503", times: 2 },
  { fault: "close-early" }, // asked again, and both may cost
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
  let now = moments[0]!;
  const receipts = new Map<string, ReceiptBody>();
  /** How often each published row was found in an exact bill. */
  const billedBy = new Map<PublishedRow, number>();

  beforeAll(async () => {
    server = await startServer({
      databaseUrl: await createDatabase(),
      settings: { STOP_DRAIN_MS: "60", PROVIDER_IDLE_MS: "200", PROVIDER_RETRY_BASE_MS: "1" },
      parts: { now: () => now },
    });
  });
  afterAll(() => server.stop());

  async function perform(ids: string[], step: Act): Promise<void> {
    const id = ids[step.session]!;
    const path = `${server.url}/sessions/${id}`;
    const content = newQuestion();
    if (step.kind === "say" || step.kind === "leave") {
      server.emulator.play(scenarios[step.scenario]!);
      if (step.kind === "say" && !step.stream) await say(server.url, id, { content, if_busy: step.ifBusy });
      else {
        const stream = await openStream(server.url, id, { content }).catch(() => undefined);
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

  test("invariant 2, invariant 4, invariant 5 and invariant 7 hold after any life, also over a change of prices", async () => {
    let lives = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(act, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 }),
        async (rounds) => {
          server.emulator.reset();
          const next = moments[Math.floor(++lives / livesInAPart)];
          const ids = await Promise.all(models.map(async (model) => (await newSession(server.url, { model })).id));
          for (const round of rounds) {
            const acts = Promise.all(round.map((step) => perform(ids, step)));
            now = Math.max(now + 1, next ?? 0);
            await acts;
          }
          for (const id of ids) await call(`${server.url}/sessions/${id}/restore`, "POST");
          let booked = 0;
          for (const id of ids) booked += await checkSession(id);
          expect(booked).toBe(server.emulator.callCount); // invariant 4
        },
      ),
      { numRuns: 3 * livesInAPart, endOnFailure: true },
    );
    for (const model of models.slice(1))
      for (const row of published.filter((line) => line.model === model))
        expect([row.model, row.from, (billedBy.get(row) ?? 0) > 0]).toEqual([row.model, row.from, true]);
    await checkBooks();
    await checkOldReceipts();
  }, 180_000);

  /** Invariants 2, 4, 5 and 7 for one session; returns how many provider calls its turns were booked with. */
  async function checkSession(id: string): Promise<number> {
    const history = await eventually(
      () => readHistory(server.url, id),
      ({ session }) => session.running_turn_id === null,
    );
    let booked = 0;
    let sum = 0n;
    for (let at = 0; at < history.data.length; at += 2) {
      const reply = history.data[at + 1]!;
      const receipt = await eventually(
        () => readReceipt(server.url, reply.turn_id),
        ({ settled }) => settled,
      );
      receipts.set(receipt.turn_id, receipt);
      booked += receipt.attempts.length;
      sum += toPico(receipt.total);
      checkReceipt(receipt);
      checkCalls(history.data, at, receipt);
    }
    await eventually(
      () => readHistory(server.url, id),
      ({ cost }) => toPico(cost.total) === sum, // invariant 2, seen from outside
    );
    return booked;
  }

  /** Invariant 5: the bill computed another way, from the vendor's own counts and the published table at the moment it was made. */
  function checkReceipt({ attempts, total }: ReceiptBody): void {
    expect(toPico(total)).toBe(attempts.reduce((sum, attempt) => sum + toPico(attempt.total), 0n));
    for (const { at, model_served, usage_raw, total, accuracy } of attempts) {
      if (usage_raw === null || model_served === null) continue;
      const row = published.findLast(({ model, from }) => model === model_served && Date.parse(from) <= Date.parse(at));
      const bill = recompute(row!, usage_raw as RawUsage);
      if (accuracy === "exact") {
        expect([at, toPico(total)]).toEqual([at, bill]);
        billedBy.set(row!, (billedBy.get(row!) ?? 0) + 1);
      } else expect(toPico(total)).toBeGreaterThanOrEqual(bill); // never less than the vendor has said so far
    }
  }

  /**
   * Invariant 4 for one turn: the vendor saw as many calls with its question as are booked. Invariant 7: each of them was made
   * when all that stands before it was said, to the last word, and nothing of what stands after it.
   */
  function checkCalls(path: readonly MessageBody[], at: number, receipt: ReceiptBody): void {
    const [question, reply] = [path[at]!, path[at + 1]!];
    expect([question.role, reply.role, reply.turn_id, reply.parent_id]).toEqual([
      "user",
      "assistant",
      question.turn_id,
      question.id,
    ]);
    expect(question.parent_id).toBe(at === 0 ? null : path[at - 1]!.id);
    expect(expectSaidBefore(server.emulator, path, at)).toBe(receipt.attempts.length);
  }

  /** Invariant 2, seen from inside, over everything that this file has booked. */
  async function checkBooks(): Promise<void> {
    await server.restart();
    const store = await openStore(server.databaseUrl, { processId: 3, readOnly: true });
    try {
      const books = await store.sumBooks();
      expect(books.entriesTotal).toBe([...receipts.values()].reduce((sum, { total }) => sum + toPico(total), 0n));
      expect([books.sessionsTotal, books.turnsTotal]).toEqual([books.entriesTotal, books.entriesTotal]);
      expect(books.runningTurns).toBe(0);
    } finally {
      await store.close();
    }
  }

  /** Invariant 5: under other prices for every model and every day, old receipts and totals read as they did. */
  async function checkOldReceipts(): Promise<void> {
    const file = join(mkdtempSync(join(tmpdir(), "rozmova-prices-")), "prices.json");
    const rows = published.map(({ model, from }) => ({
      ...{ vendor: "gemini", model, effective_from: from, input: "77", cached: "7", output: "777" },
      ...{ source: "this test", read_on: "2026-11-30" },
    }));
    writeFileSync(file, JSON.stringify(rows));
    const costs = async () => {
      const { body } = await call<{ data: HistoryBody["session"][] }>(`${server.url}/sessions?limit=100`, "GET");
      return body.data.map(({ id, cost }) => [id, cost]);
    };
    const before = await costs();
    await server.restart({ PRICES_FILE: file });
    rmSync(dirname(file), { recursive: true });
    const session = await newSession(server.url);
    server.emulator.reset();
    server.emulator.play({ text: "dear", usage: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 } });
    const { body } = await say(server.url, session.id, { content: "what does it cost now?" });
    expect(body.reply.cost?.total).toBe("0.000854"); // the new prices are in force
    expect((await costs()).filter(([id]) => id !== session.id)).toEqual(before);
    expect(receipts.size).toBeGreaterThan(20);
    for (const [turnId, receipt] of receipts) expect(await readReceipt(server.url, turnId)).toEqual(receipt);
  }
});

function toPico(usd: string | null): bigint {
  const [whole = "0", fraction = ""] = (usd ?? "0").split(".");
  return BigInt(whole) * 10n ** 12n + BigInt(fraction.padEnd(12, "0"));
}
