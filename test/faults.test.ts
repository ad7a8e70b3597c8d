// Everything the vendor can do wrong, as JSON and as a stream: how each turn ends, what is kept, what it is billed, and that
// nothing hangs. The outcomes are published in docs/reliability.md; a change of any of them fails here.
// `FAULTS=write npm test -- test/faults.test.ts` writes the page anew.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { type Fault, type FaultName, faultNames } from "../emulator/fault-list.ts";
import { collect, newSession, openStream, type ProblemBody, readHistory, readReceipt, say, textOf } from "./client.ts";
import { startServer, type TestServer } from "./server.ts";

interface Outcome {
  ends: string;
  stored: string;
  accuracy: string;
  calls: number;
}

const page = new URL("../docs/reliability.md", import.meta.url);
const text = "The vendor speaks a while, and then something may happen.";
let server: TestServer;

beforeAll(async () => {
  server = await startServer({
    settings: {
      PROVIDER_FIRST_BYTE_MS: "400",
      PROVIDER_IDLE_MS: "400",
      PROVIDER_TOTAL_MS: "1500",
      PROVIDER_RETRY_BASE_MS: "1",
      PROVIDER_RETRY_BUDGET_MS: "2000",
    },
  });
});
afterAll(() => server.stop());

async function meet(fault: Fault, stream: boolean): Promise<Outcome> {
  if (fault.name === "unknown-model" || fault.name === "retired-model") await server.restart(); // it remembers what is gone
  const session = await newSession(server.url);
  const before = server.emulator.callCount;
  server.emulator.always({
    fault: fault.name,
    retryDelaySeconds: 600,
    ...(fault.phase === "mid-stream" ? { text, chunks: 6, after: 3, delayMs: 20 } : {}),
    ...(fault.name === "slow-first-byte" ? { firstByteMs: 100 } : {}),
  });
  const ends = stream ? await endOfStream(session.id) : await endOfJson(session.id);
  await server.emulator.idle();
  const history = await readHistory(server.url, session.id);
  const reply = history.data[1];
  if (!reply) throw new Error(`${fault.name}: nothing was stored`);
  const receipt = await readReceipt(server.url, reply.turn_id);
  const calls = server.emulator.callCount - before;
  expect(receipt.attempts.length).toBe(calls); // invariant 4: every provider call is one ledger entry
  expect(history.session.running_turn_id).toBeNull();
  expect(reply.cost?.total ?? null).toBe(receipt.total);
  expect(history.cost.total).toBe(receipt.total);
  return {
    ends: `${ends}, ${reply.status}`,
    stored: describeText(reply.content, reply.status),
    accuracy: `${receipt.accuracy}`,
    calls,
  };
}

async function endOfJson(sessionId: string): Promise<string> {
  const { status, body } = await say(server.url, sessionId, { content: "hi" });
  return status === 201 ? `201 ${body.turn.finish_reason}` : `${status} ${body.code}`;
}

async function endOfStream(sessionId: string): Promise<string> {
  try {
    const events = await collect(await openStream(server.url, sessionId, { content: "hi" }));
    const end = events.at(-1)!;
    expect(end.type).toBe("turn-end");
    expect(end.data.reply?.content).toBe(textOf(events));
    return `turn-end ${end.data.turn!.error?.code ?? end.data.turn!.finish_reason}`;
  } catch (refused) {
    const problem = /^no stream but (\d+): (.*)$/s.exec((refused as Error).message);
    if (!problem) throw refused;
    return `${problem[1]} ${(JSON.parse(problem[2]!) as ProblemBody).code}`;
  }
}

function describeText(stored: string, status: string): string {
  if (stored === "") return "none";
  if (status === "failed" && stored !== text) return "the part received";
  return stored.length > 1_000_000 ? "whole (3 MB)" : "whole";
}

const outcomes = new Map<FaultName, { json: Outcome; stream: Outcome }>();

test.each(faultNames.map((fault) => [fault.name, fault] as const))(
  "%s ends in one state, with its receipt (invariant 4)",
  async (name, fault) => {
    const json = await meet(fault, false);
    const stream = await meet(fault, true);
    outcomes.set(name, { json, stream });
    for (const { ends } of [json, stream]) expect(ends).not.toMatch(/^(401|500)|internal|running/);
    if (fault.phase === "before-stream") {
      expect(json.ends).toMatch(/^(4|5)\d\d .*, failed$/);
      expect(stream.ends).toBe(json.ends);
    }
    if (fault.outcome === "answer") expect(json.ends).toEndWith("complete");
    expect(stream.stored).toBe(json.stored);
  },
);

test("a request on a kept connection that closes without an answer is a call of its own, and so is the next (invariant 4)", async () => {
  const { id } = await newSession(server.url);
  server.emulator.always(null);
  await say(server.url, id, { content: "keep the connection" });
  const before = server.emulator.callCount;
  server.emulator.play({ fault: "close-early" });
  const { body } = await say(server.url, id, { content: "twice" });
  const { attempts } = await readReceipt(server.url, body.turn.id);
  expect([server.emulator.callCount - before, attempts.map(({ error_code }) => error_code)]).toEqual([
    2,
    ["provider_unavailable", null],
  ]);
});

test("docs/reliability.md is the table of these outcomes", () => {
  const rows = faultNames.map(({ name, description }) => {
    const { json, stream } = outcomes.get(name)!;
    const calls = json.calls === stream.calls ? `${json.calls}` : `${json.calls} / ${stream.calls}`;
    const accuracy = json.accuracy === stream.accuracy ? json.accuracy : `${json.accuracy} / ${stream.accuracy}`;
    return `| \`${name}\` | ${description} | ${json.ends} | ${stream.ends} | ${json.stored} | ${accuracy} | ${calls} |`;
  });
  const begin = "<!-- faults: generated by test/faults.test.ts -->";
  const end = "<!-- end of faults -->";
  const header =
    "| fault | what the vendor does | JSON: status and turn | stream: end and turn | text kept | receipt | vendor calls |\n|---|---|---|---|---|---|---|";
  const was = readFileSync(page, "utf8");
  const table = `${begin}\n${header}\n${rows.join("\n")}\n${end}`;
  const now = was.replace(new RegExp(`${begin}.*${end}`, "s"), () => table);
  if (process.env.FAULTS === "write") writeFileSync(page, now);
  else expect(was, "out of date: `FAULTS=write npm test -- test/faults.test.ts` writes it anew").toBe(now);
});
