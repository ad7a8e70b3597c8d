// The main job, told as a user lives it: sessions, memory, cost, history, and everything still there after a restart.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  call,
  collect,
  newSession,
  openStream,
  type ProblemBody,
  readHistory,
  readReceipt,
  type SessionBody,
  say,
  textOf,
} from "./client.ts";
import { listReceipts, runScript } from "./receipt-script.ts";
import { startServer, type TestServer } from "./server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());
beforeEach(() => server.emulator.reset());

interface SentBody {
  systemInstruction?: { parts: { text: string }[] };
  contents: { role: string; parts: { text?: string; thoughtSignature?: string }[] }[];
}
function sent(index: number): SentBody {
  return server.emulator.generateCalls().at(index)?.body as SentBody;
}

describe("memory", () => {
  test("every message is answered with the whole conversation as context", async () => {
    const session = await newSession(server.url, { system: "Be brief." });
    server.emulator.play({ text: "one" }, { text: "two" }, { text: "three" });
    for (const content of ["first", "second", "third"]) await say(server.url, session.id, { content });
    expect(sent(2).systemInstruction?.parts).toEqual([{ text: "Be brief." }]);
    expect(sent(2).contents.map((message) => [message.role, message.parts[0]?.text])).toEqual([
      ["user", "first"],
      ["model", "one"],
      ["user", "second"],
      ["model", "two"],
      ["user", "third"],
    ]);
  });

  test("sessions do not see each other", async () => {
    const [a, b] = [await newSession(server.url), await newSession(server.url)];
    await say(server.url, a.id, { content: "my name is Olena" });
    await say(server.url, b.id, { content: "who am I?" });
    expect(JSON.stringify(sent(1))).not.toContain("Olena");
  });

  test("the prefix sent is byte-identical from turn to turn", async () => {
    const session = await newSession(server.url, { system: "Same.", params: { temperature: 0.5 } });
    for (const content of ["раз", "two 😀", 'три\n"quoted"']) await say(server.url, session.id, { content });
    const bodies = server.emulator.generateCalls().map((call) => call.bodyText);
    for (const [earlier, later] of [
      [0, 1],
      [1, 2],
    ] as const) {
      const prefix = bodies[earlier]!.slice(0, bodies[earlier]!.lastIndexOf("]}],") + 2);
      expect(prefix.length).toBeGreaterThan(40);
      expect(bodies[later]!.startsWith(prefix.slice(0, -1))).toBe(true);
    }
  });

  test("thought signatures go back as they came", async () => {
    const session = await newSession(server.url, { model: "gemini-3.5-flash-lite" });
    server.emulator.play({ text: "signed", signature: "c2lnbmF0dXJl" }, { text: "ok" });
    await say(server.url, session.id, { content: "a" });
    await say(server.url, session.id, { content: "b" });
    expect(sent(1).contents[1]?.parts).toContainEqual({ text: "", thoughtSignature: "c2lnbmF0dXJl" });
  });

  test("a turn that failed without text is left out of the memory, with its question", async () => {
    const session = await newSession(server.url);
    server.emulator.play({ fault: "bad-argument" }, { text: "fine" });
    expect((await say(server.url, session.id, { content: "broken" })).status).toBe(502);
    expect((await say(server.url, session.id, { content: "again" })).status).toBe(201);
    expect(sent(-1).contents.map((message) => message.parts[0]?.text)).toEqual(["again"]);
  });

  test("a partly failed answer goes in with the text it has", async () => {
    const session = await newSession(server.url);
    server.emulator.play(
      { fault: "reset-midstream", text: "half an answer and then nothing more", chunks: 6, after: 3 },
      { text: "fine" },
    );
    const failed = await say(server.url, session.id, { content: "tell me" });
    expect(failed.body.code).toMatch(/^provider_/);
    await say(server.url, session.id, { content: "go on" });
    const remembered = sent(-1).contents[1]?.parts[0]?.text ?? "";
    expect(remembered.length).toBeGreaterThan(0);
    expect("half an answer and then nothing more".startsWith(remembered)).toBe(true);
  });
});

describe("a small window", () => {
  test("a message that can never fit is refused before anything is stored or sent", async () => {
    const own = await startServer({ settings: { MEMORY_MAX_TOKENS: "1000" } });
    try {
      const session = await newSession(own.url);
      const { status, body } = await say(own.url, session.id, { content: "word ".repeat(2_000) });
      expect([status, body.code]).toEqual([422, "context_too_long"]);
      expect(own.emulator.callCount).toBe(0);
      expect((await readHistory(own.url, session.id)).data).toEqual([]);
    } finally {
      await own.stop();
    }
  });

  test("when the conversation no longer fits, its oldest turns are left out, the system text stays, and the history keeps all", async () => {
    const own = await startServer({ settings: { MEMORY_MAX_TOKENS: "1000" } });
    try {
      const session = await newSession(own.url, { system: "Always kept." });
      for (let n = 0; n < 12; n++) await say(own.url, session.id, { content: `${n} ${"words ".repeat(60)}` });
      const last = own.emulator.generateCalls().at(-1)?.body as SentBody;
      expect(last.systemInstruction?.parts[0]?.text).toBe("Always kept.");
      expect(last.contents[0]?.role).toBe("user");
      expect(last.contents[0]?.parts[0]?.text).not.toStartWith("0 ");
      expect(last.contents.at(-1)?.parts[0]?.text).toStartWith("11 ");
      expect((await readHistory(own.url, session.id)).data).toHaveLength(24);
    } finally {
      await own.stop();
    }
  });
});

describe("cost", () => {
  test("tokens and money of each message come from the provider's own numbers", async () => {
    const session = await newSession(server.url);
    server.emulator.play({
      text: "hello",
      usage: {
        promptTokenCount: 1000,
        cachedContentTokenCount: 400,
        candidatesTokenCount: 50,
        thoughtsTokenCount: 25,
        totalTokenCount: 1075,
      },
    });
    const { body } = await say(server.url, session.id, { content: "hi" });
    expect(body.reply.usage).toEqual({
      input_tokens: 1000,
      cached_tokens: 400,
      output_tokens: 50,
      thinking_tokens: 25,
      tool_tokens: 0,
      total_tokens: 1075,
    });
    // 600 x 0.30 + 400 x 0.03 + 75 x 2.50 USD per million
    expect(body.reply.cost).toEqual({ currency: "USD", total: "0.0003795", accuracy: "exact", unpriced_turns: 0 });
    expect(body.session.cost.total).toBe("0.0003795");
  });

  test("the history carries the accumulated cost of the session", async () => {
    const session = await newSession(server.url);
    server.emulator.always({ text: "x", usage: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 } });
    for (let i = 0; i < 3; i++) await say(server.url, session.id, { content: `message ${i}` });
    const history = await readHistory(server.url, session.id);
    expect(history.data.map((message) => message.role)).toEqual([
      "user",
      "assistant",
      "user",
      "assistant",
      "user",
      "assistant",
    ]);
    expect(history.cost.total).toBe("0.0000084");
    expect(history.usage.total_tokens).toBe(6);
    expect(history.session.message_count).toBe(6);
  });

  test("the receipt alone is enough to compute the total again", async () => {
    const session = await newSession(server.url);
    const { body } = await say(server.url, session.id, { content: "give me a receipt" });
    const receipt = await readReceipt(server.url, body.turn.id);
    const sum = receipt.lines.reduce((total, line) => total + BigInt(line.quantity) * pico(line.unit_price), 0n);
    expect(sum).toBe(pico(receipt.total!));
    expect(receipt.total).toBe(body.reply.cost!.total);
    expect(receipt.balanced).toBe(true);
    expect(receipt.attempts).toHaveLength(1);
  });

  test("every call to the vendor is one attempt on the receipt, retries too", async () => {
    const session = await newSession(server.url);
    server.emulator.play({ fault: "overloaded-503", times: 2 }, { text: "at last" });
    const { body } = await say(server.url, session.id, { content: "hi" });
    expect(body.reply.content).toBe("at last");
    const receipt = await readReceipt(server.url, body.turn.id);
    expect(receipt.attempts.map((attempt) => attempt.error_code)).toEqual([
      "provider_unavailable",
      "provider_unavailable",
      null,
    ]);
    expect(receipt.attempts).toHaveLength(server.emulator.callCount);
    expect(receipt.total).toBe(body.reply.cost!.total);
  });

  test("a model without a price is refused before anything is sent", async () => {
    const session = await newSession(server.url);
    const { status, body } = await say(server.url, session.id, { content: "hi", model: "gemini-9-imaginary" });
    expect([status, body.code]).toEqual([422, "unpriced_model"]);
    expect(server.emulator.callCount).toBe(0);
    expect((await readHistory(server.url, session.id)).data).toEqual([]);
  });
});

describe("streaming", () => {
  test("the stream and the stored answer are the same turn", async () => {
    const session = await newSession(server.url);
    server.emulator.play({ text: "a streamed answer, in pieces", chunks: 7, thoughts: "hm" });
    const events = await collect(await openStream(server.url, session.id, { content: "hi" }));
    expect(events.map((event) => event.number)).toEqual(events.map((_, index) => index + 1));
    expect(events[0]?.type).toBe("turn-start");
    expect(textOf(events)).toBe("a streamed answer, in pieces");
    const end = events.at(-1)!;
    expect(end.type).toBe("turn-end");
    expect(end.data.turn?.status).toBe("complete");
    const history = await readHistory(server.url, session.id);
    expect(history.data[1]).toMatchObject({ content: "a streamed answer, in pieces", cost: end.data.reply!.cost! });
  });

  test("an error before the first word is a real status", async () => {
    const session = await newSession(server.url);
    server.emulator.play({ fault: "bad-key" });
    const { status, body, headers } = await say(server.url, session.id, { content: "hi", stream: true });
    expect([status, body.code]).toEqual([502, "provider_refused_key"]);
    expect(headers.get("content-type")).toStartWith("application/problem+json");
  });
});

describe("the default model may be gone", () => {
  test("on its 404 the turn goes to the successor, once, and says so; later turns go there at once", async () => {
    const own = await startServer();
    try {
      const session = await newSession(own.url);
      own.emulator.play({ fault: "retired-model" });
      const first = await say(own.url, session.id, { content: "hi" });
      expect(first.status).toBe(201);
      expect(first.body.turn).toMatchObject({
        model_requested: "gemini-2.5-flash",
        model_served: "gemini-3.5-flash-lite",
      });
      expect(first.body.turn.notices[0]?.code).toBe("model_replaced");
      expect((await readReceipt(own.url, first.body.turn.id)).attempts).toHaveLength(2);
      await say(own.url, session.id, { content: "again" });
      expect(own.emulator.generateCalls().map((call) => call.model)).toEqual([
        "gemini-2.5-flash",
        "gemini-3.5-flash-lite",
        "gemini-3.5-flash-lite",
      ]);
    } finally {
      await own.stop();
    }
  });

  test("a model the caller named is never replaced; the error names the successor", async () => {
    const session = await newSession(server.url);
    server.emulator.play({ fault: "retired-model" });
    const { status, body } = await say(server.url, session.id, { content: "hi", model: "gemini-2.5-flash" });
    expect([status, body.code]).toEqual([502, "model_not_found"]);
    expect(body.detail).toContain("gemini-3.5-flash-lite");
    expect(server.emulator.callCount).toBe(1);
  });
});

describe("after a restart", () => {
  test("everything is still there: sessions, words, costs, receipts", async () => {
    const own = await startServer();
    try {
      const session = await newSession(own.url);
      const { body } = await say(own.url, session.id, { content: "remember me" });
      const [history, receipt] = [await readHistory(own.url, session.id), await readReceipt(own.url, body.turn.id)];
      await own.restart();
      expect(await readHistory(own.url, session.id)).toEqual(history);
      expect(await readReceipt(own.url, body.turn.id)).toEqual(receipt);
      expect((await say(own.url, session.id, { content: "and now?" })).status).toBe(201);
    } finally {
      await own.stop();
    }
  });
});

describe("finding", () => {
  test("sessions are found by words of their messages, in any script", async () => {
    const words = ["Київський торт", "人工智能很有用", "rocket 🚀 launch"];
    const ids: string[] = [];
    for (const content of words) {
      const session = await newSession(server.url);
      await say(server.url, session.id, { content });
      ids.push(session.id);
    }
    for (const [index, query] of ["київськ", "智能", "🚀"].entries()) {
      const { body } = await call<{ data: SessionBody[] }>(
        `${server.url}/sessions?q=${encodeURIComponent(query)}`,
        "GET",
      );
      expect(body.data.map((session) => session.id)).toContain(ids[index]!);
    }
  });

  test("the trash takes a session out of the list and gives it back", async () => {
    const session = await newSession(server.url, { title: "short-lived" });
    const list = async () =>
      (await call<{ data: SessionBody[] }>(`${server.url}/sessions?limit=100`, "GET")).body.data.map(({ id }) => id);
    await call(`${server.url}/sessions/${session.id}`, "DELETE");
    expect(await list()).not.toContain(session.id);
    const refused = await call<ProblemBody>(`${server.url}/sessions/${session.id}/messages`, "POST", { content: "hi" });
    expect(refused.body.code).toBe("conflict");
    await call(`${server.url}/sessions/${session.id}/restore`, "POST");
    expect(await list()).toContain(session.id);
  });
});

test("every receipt of these stories is derived again by the script in docs", async () => {
  const receipts = await listReceipts(server.url);
  expect(receipts.length).toBeGreaterThan(15);
  const { code, stdout } = runScript("verify-receipt.mjs", receipts);
  expect(stdout).not.toContain("DIFFERENT");
  expect(code).toBe(0);
});

function pico(usd: string): bigint {
  const [whole = "0", fraction = ""] = usd.split(".");
  return BigInt(whole) * 10n ** 12n + BigInt(fraction.padEnd(12, "0"));
}
