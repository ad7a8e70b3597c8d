// What every adapter promises behind door 1, tried against a stand-in of its vendor over real HTTP.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { getEventListeners } from "node:events";
import { type ErrorCode, errorCodes } from "../src/errors.ts";
import { usageOf } from "../src/money/usage.ts";
import { type Attempt, type Provider, ProviderError, type ProviderRequest } from "../src/provider.ts";
import { attemptsOf, codeOf, listPieces, readCall } from "./read-call.ts";

/** How the vendor is to answer one request, in no vendor's words. */
export type Situation =
  | "answer" // "one two three", in several events, with usage and an end
  | "signed-answer" // the same with something that must be sent back
  | "token-limit"
  | "blocked"
  | "empty"
  | "key-refused"
  | "model-gone"
  | "rate-limited" // asks for a wait of 48 s
  | "too-long"
  | "invalid"
  | "broken" // its 500
  | "overloaded" // its 503
  | "cut" // some text, then the connection is lost
  | "unfinished" // some text, then a normal end that is none
  | "stalled" // some text, then silence
  | "endless" // a little text every few milliseconds
  | "silent"; // no byte ever

export interface ContractSettings {
  apiKey?: string;
  deadlines?: { firstByteMs?: number; idleMs?: number; totalMs?: number };
  retry?: { maxAttempts?: number; baseDelayMs?: number; budgetMs?: number };
  now?: () => number;
}

export interface VendorStandIn {
  model: string;
  createProvider(settings: ContractSettings): Provider;
  /** The next requests are answered like this, in order. */
  play(...situations: Situation[]): void;
  requestCount(): number;
  /** Settles when no request is being answered; says whether the last one was left by the client before its end. */
  lastWasLeft(): Promise<boolean>;
  close(): Promise<void>;
}

/** Registers the suite. `start` is called once; a key of "wrong" must be refused by the stand-in. */
export function describeProviderContract(name: string, start: () => Promise<VendorStandIn>): void {
  describe(`${name} keeps the promises of door 1`, () => {
    let vendor: VendorStandIn;
    let before = 0;
    beforeAll(async () => {
      vendor = await start();
    });
    beforeEach(() => {
      before = vendor.requestCount();
    });
    afterAll(() => vendor.close());

    const requests = () => vendor.requestCount() - before;
    const never = () => new AbortController().signal;
    const ask = (text = "hello"): ProviderRequest => ({
      model: vendor.model,
      system: "Be brief.",
      memory: new Uint8Array(0),
      question: text,
      params: {},
    });
    const start_ = (settings: ContractSettings = {}, signal = never()) =>
      vendor
        .createProvider({ ...settings, retry: { maxAttempts: 3, baseDelayMs: 1, ...settings.retry } })
        .stream(ask(), signal);

    test("a whole answer: its text in order, its end, its usage, who served it", async () => {
      vendor.play("answer");
      const read = await readCall(start_());
      expect(codeOf(read)).toBeNull();
      expect(read.text).toBe("one two three");
      expect(listPieces(read.events).filter(({ type }) => type === "text-delta").length).toBeGreaterThan(1);
      expect(read.events.some(({ type }) => type === "usage")).toBe(true);
      const { record } = read;
      expect(record).toMatchObject({ finishReason: "stop", modelServed: vendor.model });
      expect(record.printParts(read.text)).toBeNull();
      expect(attemptsOf(read)).toEqual([{ model: vendor.model, status: 200, errorCode: null }]);
      const meter = vendor.createProvider({}).readUsage(record.usageRaw!);
      expect(meter.balanced).toBe(true);
      expect(usageOf(meter).inputTokens).toBeGreaterThan(0);
      expect(usageOf(meter).outputTokens).toBeGreaterThan(0);
    });

    test("nothing is sent before the call is iterated, and it is iterated once", async () => {
      vendor.play("answer");
      const call = start_();
      await new Promise((resolve) => setImmediate(resolve));
      expect(requests()).toBe(0);
      await readCall(call);
      expect(requests()).toBe(1);
      expect((await readCall(call)).error).toBeInstanceOf(Error);
      expect(requests()).toBe(1);
    });

    test("what needs sending back is sent back, and accepted", async () => {
      vendor.play("signed-answer", "answer");
      const provider = vendor.createProvider({});
      const first = await readCall(provider.stream(ask(), never()));
      const parts = first.record.printParts(first.text);
      expect(parts).toBeString();
      const asked = ask();
      const memory = Buffer.from(provider.printTurn(asked.question, first.text, parts));
      const second = await readCall(provider.stream({ ...asked, memory, question: "and then?" }, never()));
      expect([codeOf(second), second.text]).toEqual([null, "one two three"]);
    });

    const ends: [Situation, string][] = [
      ["token-limit", "max_tokens"],
      ["blocked", "blocked"],
      ["empty", "empty"],
    ];
    for (const [situation, finishReason] of ends) {
      test(`${situation} is an answer that ended with ${finishReason}, not a failure`, async () => {
        vendor.play(situation);
        const read = await readCall(start_());
        expect([codeOf(read), read.record.finishReason]).toEqual([null, finishReason]);
        expect(read.record.usageRaw).not.toBeNull();
      });
    }

    const failures: [Situation, ErrorCode, number][] = [
      ["key-refused", "provider_refused_key", 1],
      ["model-gone", "model_not_found", 1],
      ["rate-limited", "provider_rate_limited", 1],
      ["too-long", "context_too_long", 1],
      ["invalid", "provider_error", 1],
      ["broken", "provider_error", 3],
      ["overloaded", "provider_unavailable", 3],
    ];
    for (const [situation, code, times] of failures) {
      test(`${situation} fails as ${code} after ${times} request(s), each of them listed`, async () => {
        vendor.play(...Array<Situation>(times).fill(situation));
        const read = await readCall(start_());
        expect(codeOf(read)).toBe(code);
        expect(requests()).toBe(times);
        expect(read.attempts.map(({ errorCode }) => errorCode)).toEqual(Array(times).fill(code));
        expect((read.error as ProviderError).modelGone).toBe(situation === "model-gone");
        if (situation === "rate-limited") expect((read.error as ProviderError).retryAfterSeconds).toBe(48);
      });
    }

    test("each attempt is told before it is sent, dated by the clock given, and keeps its own facts", async () => {
      vendor.play("overloaded", "answer");
      let time = 1_000;
      const told: { attempt: Attempt; seen: number; listed: number }[] = [];
      const provider = vendor.createProvider({ retry: { maxAttempts: 3, baseDelayMs: 1 }, now: () => time });
      const call = provider.stream(ask(), never(), (attempt) => {
        told.push({ attempt, seen: requests(), listed: call.attempts.length });
        time += 500;
        return told.length === 1 ? undefined : Promise.resolve();
      });
      const read = await readCall(call);
      expect([codeOf(read), told.map(({ seen, listed }) => [seen, listed])]).toEqual([
        null,
        [
          [0, 0],
          [1, 1],
        ],
      ]);
      const { attempts } = read;
      expect(attempts.every((attempt, index) => attempt === told[index]!.attempt)).toBe(true);
      expect(attempts.map(({ at }) => at)).toEqual([1_000, 1_500]);
      const ours = { vendor: provider.vendor, model: vendor.model };
      const nothing = { modelServed: null, usageRaw: null, finishReason: null };
      expect(attempts[0]).toMatchObject({ ...ours, ...nothing, status: 503, errorCode: "provider_unavailable" });
      const { modelServed, usageRaw, finishReason } = read.record;
      expect(attempts[1]).toMatchObject({ ...ours, status: 200, modelServed, usageRaw, finishReason });
      expect([modelServed, finishReason]).toEqual([vendor.model, "stop"]);
    });

    test("an attempt that cannot be written down is not sent, and the call fails with the reason", async () => {
      const full = new Error("the disk is full");
      for (const allowed of [0, 1]) {
        if (allowed === 1) vendor.play("overloaded");
        const before = requests();
        const provider = vendor.createProvider({ retry: { maxAttempts: 3, baseDelayMs: 1 } });
        const call = provider.stream(ask(), never(), () =>
          requests() - before < allowed ? undefined : Promise.reject(full),
        );
        const read = await readCall(call);
        expect([read.error, requests() - before, read.attempts.length]).toEqual([full, allowed, allowed]);
      }
    });

    test("stopping while an attempt is written down: the call ends at once, and nothing is sent", async () => {
      const controller = new AbortController();
      const { promise: asked, resolve } = Promise.withResolvers<void>();
      const never_ = new Promise<void>(() => {}); // the storage never answers
      const call = vendor.createProvider({}).stream(ask(), controller.signal, () => {
        resolve();
        return never_;
      });
      const reading = readCall(call);
      await asked;
      controller.abort();
      expect((await reading).error).toBe(controller.signal.reason);
      expect([requests(), call.attempts.length, call.isInFlight]).toEqual([0, 0, false]);
    });

    test("a request is in flight from its sending to its end, and not in the wait before another", async () => {
      vendor.play("overloaded");
      const controller = new AbortController();
      const patient = { maxAttempts: 3, baseDelayMs: 3_600_000, budgetMs: 1e9 };
      const call = vendor.createProvider({ retry: patient }).stream(ask(), controller.signal);
      expect(call.isInFlight).toBe(false);
      const reading = readCall(call);
      while (!call.isInFlight) await new Promise((resolve) => setImmediate(resolve));
      while (call.isInFlight) await new Promise((resolve) => setImmediate(resolve));
      expect([requests(), call.attempts[0]?.status]).toEqual([1, 503]);
      controller.abort();
      await reading;
      vendor.play("answer");
      const whole = start_();
      for await (const _events of whole) expect(whole.isInFlight).toBe(true);
      expect([whole.isInFlight, requests()]).toEqual([false, 2]);
    });

    test("a failure that passes is not seen, but listed", async () => {
      vendor.play("overloaded", "broken", "answer");
      const read = await readCall(start_());
      expect([codeOf(read), read.text, requests()]).toEqual([null, "one two three", 3]);
      expect(read.attempts.map(({ errorCode }) => errorCode)).toEqual(["provider_unavailable", "provider_error", null]);
    });

    for (const situation of ["cut", "unfinished", "stalled"] as const) {
      test(`${situation}: the text and usage so far are kept, the call fails, nothing is asked twice`, async () => {
        vendor.play(situation);
        const read = await readCall(start_({ deadlines: { idleMs: 60 } }));
        const codes = { cut: "provider_unavailable", unfinished: "provider_error", stalled: "provider_timeout" };
        expect(codeOf(read)).toBe(codes[situation]);
        expect(read.text).toStartWith("one");
        expect(read.record.usageRaw).not.toBeNull();
        expect(read.record.finishReason).toBeNull();
        expect(requests()).toBe(1);
        expect(attemptsOf(read)).toEqual([{ model: vendor.model, status: 200, errorCode: null }]);
      });
    }

    test("a vendor that never answers is given up after the first-byte deadline, and let go", async () => {
      vendor.play("silent");
      const read = await readCall(start_({ deadlines: { firstByteMs: 50 } }));
      expect(codeOf(read)).toBe("provider_timeout");
      expect(attemptsOf(read)).toEqual([{ model: vendor.model, status: null, errorCode: "provider_timeout" }]);
      expect(await vendor.lastWasLeft()).toBe(true);
    });

    test("a vendor that never ends is given up after the total deadline, and let go", async () => {
      vendor.play("endless");
      const read = await readCall(start_({ deadlines: { totalMs: 150 } }));
      expect(codeOf(read)).toBe("provider_timeout");
      expect(read.text).not.toBe("");
      expect(await vendor.lastWasLeft()).toBe(true);
    });

    test("a slow reader is not taken for a silent vendor", async () => {
      vendor.play("answer");
      let text = "";
      for await (const events of start_({ deadlines: { idleMs: 30 } })) {
        for (const event of events) if (event.type === "text-delta") text += event.text;
        await new Promise((resolve) => setTimeout(resolve, 40)); // slower than the deadline is the point here
      }
      expect(text).toBe("one two three");
    });

    test("stopping ends the iteration at once, lets the vendor go and leaves no listener behind", async () => {
      for (const situation of ["stalled", "endless"] as const) {
        vendor.play(situation);
        const controller = new AbortController();
        const reason = new Error("stopped");
        let seen = 0;
        const read = await readCall(start_({}, controller.signal), () => {
          seen++;
          controller.abort(reason);
        });
        expect(read.error).toBe(reason);
        expect(seen).toBe(1);
        expect(await vendor.lastWasLeft()).toBe(true);
        expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
      }
    });

    test("stopping before the first byte, and before anything was sent", async () => {
      vendor.play("silent");
      const controller = new AbortController();
      const reading = readCall(start_({}, controller.signal));
      while (requests() === 0) await new Promise((resolve) => setImmediate(resolve));
      controller.abort();
      const stopped = await reading;
      expect(stopped.error).toBe(controller.signal.reason);
      expect(attemptsOf(stopped)).toEqual([{ model: vendor.model, status: null, errorCode: null }]);
      expect(await vendor.lastWasLeft()).toBe(true);
      const early = await readCall(start_({}, AbortSignal.abort()));
      expect([early.error !== null, early.attempts, requests()]).toEqual([true, [], 1]);
    });

    test("stopping in the wait before a retry", async () => {
      vendor.play("overloaded");
      const controller = new AbortController();
      const reading = readCall(start_({ retry: { baseDelayMs: 3_600_000, budgetMs: 1e9 } }, controller.signal));
      while (requests() === 0) await new Promise((resolve) => setImmediate(resolve));
      await vendor.lastWasLeft();
      await new Promise((resolve) => setImmediate(resolve));
      controller.abort();
      expect((await reading).error).toBe(controller.signal.reason);
      expect(requests()).toBe(1);
    });

    test("leaving the loop lets the vendor go", async () => {
      vendor.play("stalled");
      for await (const _events of start_()) break;
      expect(await vendor.lastWasLeft()).toBe(true);
    });

    test("many answers on one signal leave no listener on it", async () => {
      const controller = new AbortController();
      vendor.play(...Array<Situation>(20).fill("answer"));
      const provider = vendor.createProvider({});
      for (let i = 0; i < 20; i++) await readCall(provider.stream(ask(), controller.signal));
      expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
      expect(requests()).toBe(20);
    });

    test("any usage text is read without an error", () => {
      const { readUsage } = vendor.createProvider({});
      for (const text of ["", "null", "[1]", "{", '{"a":-1}', "\u0000"])
        expect(usageOf(readUsage(text)).totalTokens).toBe(0);
    });

    test("token counts come from the vendor and include the system instruction", async () => {
      const provider = vendor.createProvider({});
      const short = await provider.countTokens({ ...ask(), system: null }, never());
      const withSystem = await provider.countTokens(
        { ...ask(), system: "Answer in verse, always. ".repeat(20) },
        never(),
      );
      expect(short).toBeGreaterThan(0);
      expect(withSystem).toBeGreaterThan(short + 20);
      expect(requests()).toBe(0);
    });

    test("the models of a key can be listed, and a wrong key is refused as everywhere", async () => {
      const models = await vendor.createProvider({}).listModels(never());
      const ours = models.find(({ id }) => id === vendor.model);
      expect(ours?.inputTokenLimit).toBeGreaterThan(1000);
      expect(ours?.outputTokenLimit).toBeGreaterThan(1000);
      const wrong = vendor.createProvider({ apiKey: "wrong" });
      const failed = [await caught(wrong.listModels(never())), await caught(wrong.countTokens(ask(), never()))];
      for (const error of [...failed, (await readCall(wrong.stream(ask(), never()))).error]) {
        expect(error).toBeInstanceOf(ProviderError);
        expect((error as ProviderError).code).toBe("provider_refused_key");
      }
      expect(errorCodes).toContain("provider_refused_key");
    });
  });
}

async function caught(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return null;
  } catch (error) {
    return error;
  }
}
