// Days on which models retire and prices change, on both sides: a server and its vendor, each by a clock of its own.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type Emulator, startEmulator } from "../emulator/emulator.ts";
import { call, newSession, readHistory, readReceipt, say } from "./client.ts";
import { type HttpServer, startHttp } from "./http-assembly.ts";

const old = "gemini-2.5-flash";
const successor = "gemini-3.5-flash-lite";
const lastDay = Date.parse("2026-11-30T23:59:59.000Z");
const firstDay = Date.parse("2026-12-01T00:00:00.000Z");

let emulator: Emulator;
let server: HttpServer;
let ours = lastDay;
let vendors = lastDay;

beforeAll(async () => {
  emulator = await startEmulator({ now: () => vendors });
  server = await startHttp({ emulator, now: () => ours });
});
afterAll(async () => {
  await server.stop();
  await emulator.close();
});

function setClocks(at: number, vendorAt = at): void {
  ours = at;
  vendors = vendorAt;
}

/** What the vendor was sent: the model in the path, and the thinking without whether to show it. */
function sent(): unknown[][] {
  return emulator.generateCalls().map(({ model, body }) => {
    const config = (body as { generationConfig?: { thinkingConfig?: Record<string, unknown> } }).generationConfig;
    const { includeThoughts: _shown, ...thinking } = config?.thinkingConfig ?? {};
    return [model, thinking];
  });
}

const ask = (id: string, body: object = {}) => say(server.url, id, { content: "hello", ...body });
const codesOf = (turn: object) => (turn as { notices: { code: string }[] }).notices.map(({ code }) => code);

describe("a model that its vendor retires", () => {
  beforeEach(() => {
    emulator.reset();
    setClocks(lastDay);
  });

  test("params accepted on its last day are answered on the next: by the successor, in its form, and the turn says so", async () => {
    const session = await newSession(server.url, { params: { thinking: 5000 } });
    const today = await ask(session.id);
    expect([today.status, codesOf(today.body.turn)]).toEqual([201, []]);
    setClocks(firstDay);
    const tomorrow = await ask(session.id);
    expect([tomorrow.status, codesOf(tomorrow.body.turn)]).toEqual([201, ["model_replaced", "params_adapted"]]);
    expect(sent()).toEqual([
      [old, { thinkingBudget: 5000 }],
      [successor, { thinkingLevel: "MEDIUM" }],
    ]);
    const prices = await Promise.all(
      [today, tomorrow].map(async ({ body }) => (await readReceipt(server.url, body.turn.id)).price?.id.split("#")[0]),
    );
    expect(prices).toEqual([`gemini/${old}@2026-01-01`, `gemini/${successor}@2026-01-01`]);
  });

  test("named by the session or by the message it is asked by its own name, in the successor's form", async () => {
    const named = await newSession(server.url, { model: old, params: { thinking: 0 } });
    const unnamed = await newSession(server.url);
    for (const at of [lastDay, firstDay]) {
      setClocks(at);
      for (const [id, body] of [
        [named.id, {}],
        [unnamed.id, { model: old, params: { thinking: "off" } }],
      ] as const) {
        const { status, body: answer } = await ask(id, body);
        expect([at, status, codesOf(answer.turn)]).toEqual([at, 201, at === lastDay ? [] : ["params_adapted"]]);
      }
    }
    const [early, late] = [{ thinkingBudget: 0 }, { thinkingLevel: "MINIMAL" }];
    expect(sent()).toEqual([
      [old, early],
      [old, early],
      [old, late],
      [old, late],
    ]);
  });

  test("new sessions and their params are taken on both days, in either form after it", async () => {
    for (const at of [lastDay, firstDay]) {
      setClocks(at);
      for (const thinking of [0, 5000, 24_576, "minimal", "high"])
        for (const model of [null, old]) await newSession(server.url, { model, params: { thinking } });
      const refused = await call(`${server.url}/sessions`, "POST", { params: { thinking: 24_577 } });
      expect([at, refused.status]).toEqual([at, 422]);
    }
  });

  test("is billed as its successor whatever name the answer carries", async () => {
    setClocks(firstDay);
    const session = await newSession(server.url, { model: old });
    const usage = { promptTokenCount: 1000, candidatesTokenCount: 10, totalTokenCount: 1010 };
    for (const modelVersion of [old, successor, `models/${old}-001`]) {
      emulator.play({ modelVersion, text: "hi", usage });
      const { body } = await ask(session.id);
      const { accuracy, price, total } = await readReceipt(server.url, body.turn.id);
      expect([accuracy, total, price?.rates.input_audio]).toEqual(["exact", "0.000325", undefined]);
    }
  });

  test("a vendor ahead of its day: the first 400 that names thinking changes the form, each call is booked, and it is remembered", async () => {
    setClocks(lastDay, firstDay);
    const session = await newSession(server.url, { model: old, params: { thinking: 4999 } });
    const first = await ask(session.id);
    expect([first.status, codesOf(first.body.turn)]).toEqual([201, ["params_adapted"]]);
    const { attempts, total, accuracy } = await readReceipt(server.url, first.body.turn.id);
    expect(attempts.map(({ attempt, error_code, model_requested }) => [attempt, error_code, model_requested])).toEqual([
      [1, "provider_error", old],
      [2, null, old],
    ]);
    expect([attempts[0]!.total, attempts[1]!.total, accuracy]).toEqual(["0", total, "exact"]);
    expect((await ask(session.id)).status).toBe(201);
    expect(sent()).toEqual([
      [old, { thinkingBudget: 4999 }],
      [old, { thinkingLevel: "MEDIUM" }],
      [old, { thinkingLevel: "MEDIUM" }],
    ]);
    expect((await readHistory(server.url, session.id)).data[1]!.content).not.toBe("");
  });

  test("a vendor that put the day off: its own form is sent after the successor's was refused, and nothing needs saying", async () => {
    setClocks(firstDay, lastDay);
    const session = await newSession(server.url, { model: old, params: { thinking: 4998 } });
    const { status, body } = await ask(session.id);
    expect([status, codesOf(body.turn)]).toEqual([201, []]);
    expect(sent()).toEqual([
      [old, { thinkingLevel: "MEDIUM" }],
      [old, { thinkingBudget: 4998 }],
    ]);
    expect((await readReceipt(server.url, body.turn.id)).attempts).toHaveLength(2);
  });

  test("a vendor that refuses every form of thinking gets none; one that refuses that too is told as it is", async () => {
    const refusal = { fault: "both-thinking" as const };
    const session = await newSession(server.url, { model: old, params: { thinking: 4997 } });
    emulator.play(refusal, refusal);
    const bare = await ask(session.id);
    expect([bare.status, codesOf(bare.body.turn), sent().at(-1)]).toEqual([201, ["params_adapted"], [old, {}]]);
    emulator.reset();
    emulator.play(refusal, refusal, refusal, refusal);
    const { status } = await ask(session.id, { params: { thinking: 4996 } });
    expect([status, emulator.generateCalls().length]).toEqual([502, 3]);
  });

  test("is not called the default any more", async () => {
    const defaults = async () => {
      const { body } = await call<{ data: { id: string; is_default: boolean }[] }>(`${server.url}/models`, "GET");
      const health = await call<{ default_model: string }>(`${server.url}/healthz`, "GET");
      return [...body.data.filter((model) => model.is_default).map(({ id }) => id), health.body.default_model];
    };
    expect(await defaults()).toEqual([old, old]);
    setClocks(firstDay);
    expect(await defaults()).toEqual([successor, successor]);
  });
});

test("every model is sent each level it takes in a form that the vendor takes", async () => {
  for (const at of [Date.parse("2026-11-23"), Date.parse("2027-01-01")]) {
    setClocks(at);
    emulator.reset();
    const { body } = await call<{ data: { id: string; abilities: { thinking: { levels: string[] } } }[] }>(
      `${server.url}/models`,
      "GET",
    );
    const session = await newSession(server.url);
    for (const { id, abilities } of body.data)
      for (const thinking of abilities.thinking.levels) {
        const { status } = await ask(session.id, { model: id, params: { thinking } });
        expect([at, id, thinking, status]).toEqual([at, id, thinking, 201]);
      }
    expect(emulator.callCount).toBe(body.data.reduce((sum, model) => sum + model.abilities.thinking.levels.length, 0));
  }
});

test("a price doubles at midnight UTC of its day, for the calls made from then on", async () => {
  emulator.reset();
  emulator.always({ text: "hi", usage: { promptTokenCount: 1000, candidatesTokenCount: 10, totalTokenCount: 1010 } });
  const session = await newSession(server.url, { model: "gemini-3.8-flash" });
  const totals: unknown[] = [];
  for (const at of ["2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00.000Z"]) {
    setClocks(Date.parse(at));
    const { body } = await ask(session.id);
    const receipt = await readReceipt(server.url, body.turn.id);
    totals.push([receipt.at, receipt.total]);
  }
  expect(totals).toEqual([
    ["2026-12-31T23:59:59.999Z", "0.0007875"],
    ["2027-01-01T00:00:00.000Z", "0.001575"],
  ]);
});
