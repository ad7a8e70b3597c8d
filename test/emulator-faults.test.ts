// Every fault of the emulator, seen on the wire by a client that knows nothing of it.

import { afterAll, beforeEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { type FaultName, faultNames, startEmulator } from "../emulator/emulator.ts";
import { testClock } from "./clock.ts";
import { ask, openWire, parseEvents, type Seen, textOf, watchCall } from "./emulator-client.ts";

const emulator = await startEmulator({ now: testClock });
afterAll(() => emulator.close());
beforeEach(() => emulator.reset());

const text = "Один два three four five six seven eight nine ten.";
const errorIn = (body: string) =>
  JSON.parse(body).error as { code: number; status: string; message: string; details?: unknown[] };

/** An error in place of a stream: its status, its words, as a plain JSON body that calls itself an event stream. */
function refusal(status: number, name: string, words: RegExp): (seen: Seen) => void {
  return (seen) => {
    expect(seen.status).toBe(status);
    expect(seen.headers).toContain("content-type: text/event-stream");
    expect(errorIn(seen.body)).toMatchObject({ code: status, status: name });
    expect(errorIn(seen.body).message).toMatch(words);
    expect(seen.body).toStartWith('{\n  "error": {\n    "code": ');
  };
}

/** Two whole events, then something else. */
function afterTwoEvents(look: (tail: string, seen: Seen) => void): (seen: Seen) => void {
  return (seen) => {
    expect(seen.status).toBe(200);
    const blocks = seen.body.split("\r\n\r\n");
    expect(textOf(parseEvents(blocks.slice(0, 2).join("\r\n\r\n"))).length).toBeGreaterThan(0);
    look(blocks.slice(2).join("\r\n\r\n"), seen);
  };
}

/** A whole stream that ends well, as its events. */
function whole(look: (events: ReturnType<typeof parseEvents>, seen: Seen) => void): (seen: Seen) => void {
  return (seen) => {
    expect(seen).toMatchObject({ status: 200, ended: "end", complete: true });
    look(parseEvents(seen.body), seen);
  };
}

const finishOf = (events: ReturnType<typeof parseEvents>) => events.at(-1)?.candidates?.[0]?.finishReason;
const full = (events: ReturnType<typeof parseEvents>) => {
  expect(textOf(events)).toBe(text);
  expect(finishOf(events)).toBe("STOP");
};
/** The faults that never end on their own have tests of their own below. */
const unending = [
  "no-headers",
  "stall",
  "slow-drip",
  "endless-head",
  "endless-event",
  "endless-text",
  "endless-thoughts",
  "endless-parts",
] as const;
type Unending = (typeof unending)[number];

const sightings: Record<Exclude<FaultName, Unending>, (seen: Seen) => void> = {
  "bad-argument": (seen) => {
    refusal(400, "INVALID_ARGUMENT", /max_output_tokens/)(seen);
    expect(seen.body).toContain('"fieldViolations"');
  },
  penalty: refusal(400, "INVALID_ARGUMENT", /^Penalty is not enabled for models\/gemini-2.5-flash$/),
  "both-thinking": refusal(
    400,
    "INVALID_ARGUMENT",
    /^You can only set only one of thinking budget and thinking level\.$/,
  ),
  "last-role-model": refusal(400, "INVALID_ARGUMENT", /ending with a model turn are not supported/),
  region: refusal(400, "FAILED_PRECONDITION", /location is not supported/),
  "too-long": refusal(
    400,
    "INVALID_ARGUMENT",
    /^The input token count \(1048577\) exceeds the maximum .* \(1048576\)\.$/,
  ),
  "bad-key": (seen) => {
    refusal(400, "INVALID_ARGUMENT", /^API key not valid\. Please pass a valid API key\.$/)(seen);
    expect(errorIn(seen.body).details).toMatchObject([{ reason: "API_KEY_INVALID" }, { locale: "en-US" }]);
  },
  "bad-aq-key": (seen) => {
    refusal(401, "UNAUTHENTICATED", /invalid authentication credentials/)(seen);
    expect(errorIn(seen.body).details).toMatchObject([{ reason: "ACCESS_TOKEN_TYPE_UNSUPPORTED" }]);
  },
  unregistered: refusal(403, "PERMISSION_DENIED", /^Method doesn't allow unregistered callers/),
  forbidden: refusal(403, "PERMISSION_DENIED", /disabled/),
  "unknown-model": refusal(
    404,
    "NOT_FOUND",
    /^models\/gemini-2.5-flash is not found for API version v1beta, .*ListModels/,
  ),
  "retired-model": refusal(404, "NOT_FOUND", /no longer available to new users/),
  "quota-minute": (seen) => {
    refusal(429, "RESOURCE_EXHAUSTED", /exceeded your current quota/)(seen);
    expect(seen.headers).not.toContain("retry-after");
    expect(errorIn(seen.body).details?.[0]).toMatchObject({
      violations: [{ quotaId: expect.stringContaining("PerMinute") }],
    });
    expect(errorIn(seen.body).details?.[2]).toEqual({
      "@type": "type.googleapis.com/google.rpc.RetryInfo",
      retryDelay: "48s",
    });
  },
  "quota-day": (seen) => {
    refusal(429, "RESOURCE_EXHAUSTED", /exceeded your current quota/)(seen);
    expect(errorIn(seen.body).details?.[0]).toMatchObject({
      violations: [{ quotaId: expect.stringContaining("PerDay") }],
    });
  },
  "quota-bare": (seen) => {
    refusal(429, "RESOURCE_EXHAUSTED", /^Resource has been exhausted \(e\.g\. check quota\)\.$/)(seen);
    expect(errorIn(seen.body).details).toBeUndefined();
  },
  "internal-500": refusal(500, "INTERNAL", /internal error/),
  "overloaded-503": refusal(503, "UNAVAILABLE", /^The model is overloaded\. Please try again later\.$/),
  "deadline-504": refusal(504, "DEADLINE_EXCEEDED", /Deadline/),
  "html-502": (seen) => {
    expect(seen.status).toBe(502);
    expect(seen.headers).toContain("content-type: text/html");
    expect(seen.body).toContain("<h1>502 Bad Gateway</h1>");
  },
  "broken-json": (seen) => {
    expect(seen).toMatchObject({ status: 500, complete: true });
    expect(() => JSON.parse(seen.body)).toThrow();
  },
  "reset-early": (seen) => expect(seen).toMatchObject({ status: 0, body: "", ended: "reset" }),
  "close-early": (seen) => expect(seen).toMatchObject({ status: 0, body: "", ended: "end" }),
  "raw-error-alone": afterTwoEvents((tail, seen) => {
    expect(errorIn(tail).code).toBe(503);
    expect(seen.reads.some((read) => /^[0-9a-f]+\r\n\{\n {2}"error"/.test(read.toString()))).toBe(true);
  }),
  "raw-error-glued": afterTwoEvents((tail, seen) => {
    expect(errorIn(tail).code).toBe(503);
    expect(seen.reads.some((read) => read.toString().includes('\r\n\r\n{\n  "error"'))).toBe(true);
  }),
  "raw-error-split": afterTwoEvents((tail, seen) => {
    expect(errorIn(tail).code).toBe(503);
    expect(seen.reads.some((read) => read.toString().includes(tail))).toBe(false);
  }),
  "data-error": afterTwoEvents((tail) =>
    expect(tail).toMatch(/^data: \{"error": \{"code": 503,.*"UNAVAILABLE"\}\}\r\n\r\n$/),
  ),
  "data-error-no-code": afterTwoEvents((tail) =>
    expect(tail).toMatch(/^data: \{"error": \{"message": .*\}\}\r\n\r\n$/),
  ),
  "array-error": afterTwoEvents((tail) => expect(JSON.parse(tail)).toMatchObject([{ error: { code: 503 } }])),
  "bad-event": afterTwoEvents((tail) => expect(tail).toBe('data: {"candidates": oops}\r\n\r\n')),
  "reset-midstream": afterTwoEvents((tail, seen) => {
    expect(tail).toBe("");
    expect(seen).toMatchObject({ ended: "reset", complete: false });
  }),
  "close-midstream": afterTwoEvents((tail, seen) => {
    expect(tail).toBe("");
    expect(seen).toMatchObject({ ended: "end", complete: false });
  }),
  "truncated-event": afterTwoEvents((tail, seen) => {
    expect(tail).toStartWith('data: {"candidates"');
    expect(() => JSON.parse(tail.slice(6))).toThrow();
    expect(seen.complete).toBe(true);
  }),
  "no-finish": whole((events) => {
    expect(textOf(events)).toBe(text);
    expect(JSON.stringify(events)).not.toContain("finishReason");
  }),
  "no-final-delimiter": whole((events, seen) => {
    full(events);
    expect(seen.body).toEndWith("}");
  }),
  "empty-200": (seen) => {
    expect(seen).toMatchObject({ status: 200, body: "", complete: true });
    expect(seen.headers).toContain("text/event-stream");
  },
  "html-200": (seen) => {
    expect(seen.status).toBe(200);
    expect(seen.headers).toContain("text/html");
    expect(seen.body).toStartWith("<!DOCTYPE html>");
  },
  "blocked-prompt": whole(([event, ...more]) => {
    expect(more).toEqual([]);
    expect(event).toMatchObject({ promptFeedback: { blockReason: "PROHIBITED_CONTENT" } });
    expect(event?.candidates).toBeUndefined();
    expect(event?.usageMetadata?.promptTokenCount).toBeGreaterThan(0);
  }),
  "safety-no-content": whole((events) => {
    expect(finishOf(events)).toBe("SAFETY");
    expect(events[0]?.candidates?.[0]?.content).toBeUndefined();
  }),
  "recitation-midtext": whole((events) => {
    expect(text.startsWith(textOf(events))).toBe(true);
    expect(textOf(events).length).toBeLessThan(text.length);
    expect(finishOf(events)).toBe("RECITATION");
  }),
  "empty-stop": whole((events) => {
    expect(events).toHaveLength(1);
    expect(events[0]?.candidates?.[0]).toEqual({ content: { role: "model" }, finishReason: "STOP", index: 0 });
  }),
  "max-tokens-no-parts": whole((events) => {
    expect(events[0]?.candidates?.[0]).toEqual({ content: { role: "model" }, finishReason: "MAX_TOKENS", index: 0 });
    expect(events[0]?.usageMetadata).not.toHaveProperty("candidatesTokenCount");
    expect(events[0]?.usageMetadata?.thoughtsTokenCount).toBe(64);
  }),
  "function-call": whole((events) => {
    expect(events).toHaveLength(1);
    expect(events[0]?.candidates?.[0]?.content?.parts).toEqual([
      { functionCall: { name: "look_up", args: { query: "weather" } } },
    ]);
    expect(finishOf(events)).toBe("STOP");
  }),
  "model-armor": whole((events) => {
    expect(events.at(-1)?.candidates?.[0]).toMatchObject({
      finishReason: "MODEL_ARMOR",
      finishMessage: "Blocked by a template.",
    });
  }),
  "account-limited": whole((events) => {
    expect([textOf(events), finishOf(events)]).toEqual(["", "PUP_LIMITED_DISABLED"]);
  }),
  "absurd-usage": whole((events) => {
    full(events);
    expect(events.at(-1)?.usageMetadata).toMatchObject({ promptTokenCount: 2 ** 53 - 1, candidatesTokenCount: 1e300 });
  }),
  "nested-usage": whole((events, seen) => {
    full(events);
    expect(seen.body).toContain("[".repeat(1_000));
  }),
  "long-names": whole((events) => {
    full(events);
    expect(events.at(-1)?.candidates?.[0]).toHaveProperty("finishMessage", "x".repeat(20_000));
    expect(events[0]?.modelVersion).toHaveLength(20_000);
  }),
  "unknown-finish": whole((events) => {
    expect(textOf(events)).toBe(text);
    expect(finishOf(events)).toBe("SOLAR_FLARE");
  }),
  "no-usage": whole((events, seen) => {
    full(events);
    expect(seen.body).not.toContain("usageMetadata");
  }),
  "usage-falls": whole((events) => {
    full(events);
    const totals = events.map((event) => Number(event.usageMetadata?.totalTokenCount));
    expect(totals.at(-1)).toBeLessThan(Math.max(...totals));
    expect(totals.at(-1)).toBe(
      Number(events.at(-1)?.usageMetadata?.promptTokenCount) + Math.ceil(Buffer.byteLength(text) / 4),
    );
  }),
  "early-stop": whole((events) => {
    full(events);
    expect(events.map((event) => event.candidates?.[0]?.finishReason).indexOf("STOP")).toBe(1);
    expect(textOf(events.slice(2)).length).toBeGreaterThan(0);
  }),
  "huge-event": whole((events) => {
    expect(events).toHaveLength(1);
    expect(textOf(events).length).toBe(3 * 1024 * 1024);
  }),
  "many-tiny": whole((events) => {
    expect(events).toHaveLength(2000);
    expect(events.every((event) => textOf([event]).length === 1)).toBe(true);
  }),
  "slow-first-byte": whole(full),
  "other-model": whole((events) => {
    full(events);
    expect(events.every((event) => event.modelVersion === "gemini-3.5-flash-lite")).toBe(true);
  }),
  "unknown-keys": whole((events) => {
    full(events);
    expect(events[0]).toHaveProperty("billablePromptUsage");
    expect(events[0]?.candidates?.[0]).not.toHaveProperty("index");
  }),
  "named-events": (seen) => {
    expect(seen.body).toMatch(/^event: message\r\nid: 0\r\ndata: \{/);
    full(parseEvents(seen.body.replace(/event: message\r\nid: \d+\r\n/g, "")));
  },
  "done-marker": (seen) => {
    expect(seen.body).toEndWith("}\r\n\r\ndata: [DONE]\r\n\r\n");
    full(parseEvents(seen.body.replace("data: [DONE]\r\n\r\n", "")));
  },
  "split-utf8": whole((events, seen) => {
    full(events);
    expect(seen.reads.some((read) => read.toString().endsWith("\ufffd\r\n"))).toBe(true);
  }),
  glued: whole((events, seen) => {
    full(events);
    expect(seen.reads.some((read) => read.toString().split("data: ").length > events.length)).toBe(true);
  }),
  halves: whole((events, seen) => {
    full(events);
    const starts = seen.reads.slice(1).filter((read) => /^[0-9a-f]+\r\ndata: /.test(read.toString()));
    expect(starts).toEqual([]);
  }),
};

for (const [name, look] of Object.entries(sightings) as [FaultName, (seen: Seen) => void][]) {
  test(`${name} on the wire`, async () => {
    const own = name === "many-tiny" ? {} : { text };
    const wait = name === "slow-first-byte" ? { firstByteMs: 40 } : {};
    emulator.play({ fault: name, ...own, ...wait });
    const before = performance.now();
    const seen = await watchCall(emulator.url, "Hello");
    if (name === "slow-first-byte") expect(performance.now() - before).toBeGreaterThan(35);
    look(seen);
    const after = await ask(emulator.url, "And again?");
    expect(after.status).toBe(200);
    await after.text();
  });
}

/** A call from start to end: what was silent before it is silent by its own will. */
async function anotherWholeCall(): Promise<void> {
  const response = await ask(emulator.url, "Are you there?", { model: "gemini-2.5-pro" });
  expect(await response.text()).toContain('"finishReason": "STOP"');
}

test("no-headers: not a byte comes while others are answered, and the client's going is seen", async () => {
  emulator.play({ fault: "no-headers" });
  const wire = openWire(emulator.url, "Hello");
  while (emulator.callCount === 0) await new Promise(setImmediate);
  await anotherWholeCall();
  expect(wire.text()).toBe("");
  expect(wire.socket.closed).toBe(false);
  wire.socket.destroy();
  await emulator.idle();
  expect(emulator.generateCalls()[0]).toMatchObject({ disconnected: true, finished: false, status: 0 });
});

test("stall: some events, then nothing, with the connection open", async () => {
  emulator.play({ fault: "stall", text, after: 3 });
  const wire = openWire(emulator.url, "Hello");
  await wire.until('"responseId"', 3);
  const before = wire.text();
  await anotherWholeCall();
  expect(wire.text()).toBe(before);
  expect(before.match(/data: /g)).toHaveLength(3);
  expect(wire.socket.closed).toBe(false);
  wire.socket.destroy();
  await emulator.idle();
  expect(emulator.generateCalls()[0]).toMatchObject({ disconnected: true, finished: false, status: 200 });
  expect(emulator.generateCalls()[0]?.usage).not.toBeNull();
});

test("slow-drip: it never ends until the client goes", async () => {
  emulator.play({ fault: "slow-drip", text, delayMs: 1 });
  const wire = openWire(emulator.url, "Hello");
  await wire.until('"text": "."', 20);
  expect(wire.text()).not.toContain("finishReason");
  wire.socket.destroy();
  await emulator.idle();
  expect(emulator.generateCalls()[0]).toMatchObject({ disconnected: true, finished: false });
});

test.each(unending.slice(3))("%s: it never ends until the client goes", async (fault) => {
  emulator.play({ fault });
  const wire = openWire(emulator.url, "Hello");
  await wire.until("endless endless", fault === "endless-parts" ? 0 : 40_000);
  if (fault === "endless-parts") await wire.until('"thoughtSignature": "AAAA', 20);
  wire.socket.destroy();
  await emulator.idle();
  expect(emulator.generateCalls()[0]).toMatchObject({ disconnected: true, finished: false });
});

test("every fault in the list is either seen above or one of those without an end, and the guide has its row", () => {
  const seen = [...Object.keys(sightings), ...unending];
  expect(faultNames.map((fault) => fault.name).sort()).toEqual(seen.sort() as FaultName[]);
  const guide = readFileSync(new URL("../emulator/README.md", import.meta.url), "utf8");
  for (const { name, phase, outcome, description } of faultNames) {
    expect(guide.replace(/ +/g, " ")).toContain(`| \`${name}\` | ${phase} | ${outcome} | ${description} |`);
  }
});

test("on a unary call every fault that ends is an error, a broken body or an odd 200, and a refusal is JSON", async () => {
  for (const { name, phase } of faultNames) {
    if (unending.some((one) => one === name)) continue;
    emulator.play({ fault: name, text, bytes: 1000, firstByteMs: 0 });
    const seen = await watchCall(emulator.url, "Hello", { verb: "generateContent" });
    if (phase === "odd-200") expect([name, seen.status, seen.complete]).toEqual([name, 200, true]);
    else
      expect([name, seen.status === 200 && isJson(seen.body) && seen.complete]).toEqual([name, name === "no-finish"]);
    if (seen.status >= 400 && !/html/.test(name))
      expect(seen.headers).toContain("content-type: application/json; charset=utf-8");
  }
});

function isJson(body: string): boolean {
  try {
    JSON.parse(body);
    return true;
  } catch {
    return false;
  }
}
