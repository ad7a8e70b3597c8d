// Receipts as the API answers them: enough alone to compute the total again, whatever the vendor said of its counts.

import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { newSession, readHistory, readReceipt, say } from "./client.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";
import { recomputeReceipt } from "./recompute.ts";

let server: HttpServer;
beforeAll(async () => {
  server = await startHttp({ now: () => Date.parse("2026-11-23T12:00:00Z") });
});
afterAll(() => server.stop());
beforeEach(() => server.emulator.reset());

const toPico = (usd: string) => {
  const [whole = "0", fraction = ""] = usd.split(".");
  return BigInt(whole + fraction.padEnd(12, "0"));
};

/** The vendor's answer as bytes: one event with this usage, in the vendor's own print, and this grounding. */
function serve(usage: string, { modelVersion = "gemini-2.5-flash", grounding = "{}", text = "hello" } = {}): void {
  const candidate = `{"content":{"parts":[{"text":"${text}"}],"role":"model"},"finishReason":"STOP","index":0,"groundingMetadata":${grounding}}`;
  const event = `{"candidates":[${candidate}],"usageMetadata":${usage},"modelVersion":"${modelVersion}","responseId":"r"}`;
  server.emulator.serve({ headers: { "content-type": "text/event-stream" }, chunks: [`data: ${event}\r\n\r\n`] });
}

async function answer(body: object = {}) {
  const session = await newSession(server.url);
  const { status, body: answered } = await say(server.url, session.id, { content: "hi", ...body });
  return { status, session, receipt: await readReceipt(server.url, answered.turn.id) };
}

test("what was searched stands beside what the vendor sent, and both with the price give the total again", async () => {
  const usage =
    '{"promptTokenCount": 1000,"candidatesTokenCount": 10,"totalTokenCount": 1010,"serviceTier": "standard"}';
  const web = '{"webSearchQueries":["rain","rain","snow"," "],"groundingChunks":[{"web":{}},{"maps":{}}]}';
  const totals: unknown[] = [];
  for (const model of ["gemini-2.5-flash", "gemini-3.8-flash"]) {
    serve(usage, { modelVersion: model, grounding: web });
    const { receipt } = await answer({ model });
    expect(receipt.usage_raw).toEqual(JSON.parse(usage));
    expect(receipt.counted).toEqual({ search: { prompts: 1, queries: 2 }, maps: { prompts: 1 } });
    expect(recomputeReceipt(receipt)).toBe(toPico(receipt.total!));
    totals.push([receipt.accuracy, receipt.total]);
  }
  expect(totals).toEqual([
    ["exact", "0.060325"],
    ["estimated", "0.0427875"],
  ]);
});

test("an unknown model that served costs null, unknown, and is counted; the requested one's price is not taken", async () => {
  serve('{"promptTokenCount":10,"candidatesTokenCount":1,"totalTokenCount":11}', {
    modelVersion: "gemini-9-oganesson",
  });
  const { receipt, session } = await answer();
  expect([receipt.total, receipt.accuracy, receipt.price]).toEqual([null, "unknown", null]);
  const { cost } = await readHistory(server.url, session.id);
  expect([cost.total, cost.accuracy, cost.unpriced_turns]).toEqual([null, "unknown", 1]);
});

test("a usage that no vendor means neither throws nor locks: the turn is closed, booked, not exact, and the next one is answered", async () => {
  const deep = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
  const shallow = `${"[".repeat(7_000)}${"]".repeat(7_000)}`;
  const usages = [
    '{"promptTokenCount":9007199254740991,"candidatesTokenCount":9007199254740991,"totalTokenCount":9007199254740991}',
    '{"promptTokenCount":1e300,"candidatesTokenCount":-1,"totalTokenCount":0.5}',
    '{"promptTokenCount":40000000000000,"totalTokenCount":40000000000000}',
    '{"promptTokenCount":10,"cachedContentTokenCount":99,"candidatesTokenCount":1,"totalTokenCount":11}',
    `{"promptTokenCount":10,"candidatesTokenCount":1,"totalTokenCount":11,"more":${deep}}`,
    `{"promptTokenCount":${shallow},"totalTokenCount":11}`,
    '{"promptTokenCount":"10","candidatesTokenCount":[1],"totalTokenCount":{}}',
    '{"totalTokenCount":11}',
  ];
  for (const usage of usages) {
    serve(usage);
    const { status, receipt, session } = await answer();
    expect([usage.slice(0, 80), status, receipt.balanced]).toEqual([usage.slice(0, 80), 201, false]);
    expect(["partial", "estimated"]).toContain(receipt.accuracy);
    expect(toPico(receipt.total!) > 0n && toPico(receipt.total!) < 1_000_000_000n).toBe(true);
    const { status: next, body } = await say(server.url, session.id, { content: "again" });
    expect([next, body.session.cost.accuracy]).toEqual([201, receipt.accuracy]);
  }
});
