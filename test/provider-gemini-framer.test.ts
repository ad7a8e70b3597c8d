// Cutting plain streams is only a saving: what is read is what the general parser of event streams would read.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { ProviderError, type ProviderEvent } from "../src/provider.ts";
import { Answer } from "../src/providers/gemini/answer.ts";
import type { Frame } from "../src/providers/gemini/frame.ts";
import { MixedFramer } from "../src/providers/gemini/mixed.ts";
import { AttemptRecord } from "../src/providers/gemini/record.ts";
import { StreamFramer } from "../src/providers/gemini/stream.ts";
import { streamFixtures } from "./fixtures/gemini/streams.ts";
import { listPieces } from "./read-call.ts";
import { bodyOf, tapes } from "./tapes.ts";

interface Framer {
  push(bytes: Uint8Array): readonly Frame[];
  end(): readonly Frame[];
}

function copyRecord(record: AttemptRecord, events: readonly ProviderEvent[]) {
  const { modelServed, usageRaw, finishReason, finishDetail } = record;
  const text = events.map((event) => (event.type === "text-delta" ? event.text : "")).join("");
  return { modelServed, usageRaw, finishReason, finishDetail, vendorParts: record.printParts(text) };
}

/** Everything a call says of these reads; also the record as it was after each of them, which a crash would keep. */
function read(pieces: Uint8Array[], framer: Framer) {
  const answer = new Answer(new AttemptRecord(0, "gemini-2.5-flash"));
  const events: ProviderEvent[] = [];
  const steps: { count: number; record: object }[] = [];
  const take = (frames: readonly Frame[]) => {
    for (const frame of frames) answer.read(frame, events);
    steps.push({ count: listPieces(events).length, record: copyRecord(answer.record, events) });
  };
  let error: unknown = null;
  try {
    for (const piece of pieces) take(framer.push(piece));
    take(framer.end());
    answer.finish();
  } catch (thrown) {
    if (!(thrown instanceof ProviderError)) throw thrown;
    // For the log only, with blanks wherever the stream and `readWhole` had them.
    error = {
      code: thrown.code,
      message: thrown.message,
      cause: String(thrown.cause).replaceAll(/\s+/g, " ").slice(0, 150),
    };
  }
  const seen = {
    events: listPieces(events),
    record: copyRecord(answer.record, events),
    error,
    usageChanged: answer.takeUsageChange(),
  };
  return { seen, steps };
}

function readFast(pieces: Uint8Array[]) {
  return read(pieces, new StreamFramer());
}

/** The general parser from the first byte on. */
function readWhole(pieces: Uint8Array[]) {
  const decoder = new TextDecoder();
  const mixed = new MixedFramer(true);
  const framer = {
    push: (bytes: Uint8Array) => mixed.read(decoder.decode(bytes, { stream: true })),
    end: () => [...mixed.read(decoder.decode()), ...mixed.end()],
  };
  return read(pieces, framer);
}

function cut(body: string, places: number[]): Uint8Array[] {
  const bytes = new TextEncoder().encode(body);
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, index) => bytes.slice(ends[index - 1] ?? 0, end));
}

/** Reads a body both ways, cut alike. `inStep`: the records must be alike after every single read, too. */
function expectSame(body: string, places: number[], inStep = false): void {
  const pieces = cut(body, places);
  const [fast, whole] = [readFast(pieces), readWhole(pieces)];
  expect(fast.seen).toEqual(whole.seen);
  // A blank line counts once it is whole; the general parser takes its first half for all of it.
  if (pieces.some((piece) => piece.at(-1) === 0x0d)) return;
  if (inStep) expect(fast.steps).toEqual(whole.steps);
  expect(fast.steps.length).toBeLessThanOrEqual(whole.steps.length);
  for (const [index, { count }] of fast.steps.entries()) {
    expect(count).toBeGreaterThanOrEqual(whole.steps[index]!.count);
  }
}

const places = fc.array(fc.nat(6000), { maxLength: 12 });

test("every fixture and every real recording reads as the general parser reads it, however it is cut", () => {
  const bodies = [...streamFixtures.map(({ body }) => body), ...tapes.map(bodyOf)];
  for (const body of bodies) {
    expectSame(body, []);
    fc.assert(
      fc.property(places, (cuts) => expectSame(body, cuts)),
      { numRuns: 20 },
    );
  }
});

const usual = (text: string, usage: string, more = "") =>
  `{"candidates": [{"content": {"parts": [{"text": ${text}${more}}],"role": "model"},"index": 0}],"usageMetadata": ${usage},"modelVersion": "m-1","responseId": "r1"}`;
const totals = fc
  .tuple(fc.nat(20000), fc.nat(900))
  .map(
    ([prompt, out]) =>
      `{"promptTokenCount": ${prompt},"candidatesTokenCount": ${out},"promptTokensDetails": [{"modality": "TEXT","tokenCount": ${prompt}}],"tier": "t2 \\"9"}`,
  );
const oddUsages = fc.constantFrom(
  `{"promptTokenCount": 1.50,"x": -3,"y": 1e5,"z": 0}`,
  `{"promptTokenCount": 016}`,
  `{"promptTokenCount": 1,}`,
  `{"promptTokenCount": }`,
  `{"promptTokenCount": 12345678901234567890}`,
  `{"promptTokenCount": 7}{"promptTokenCount": 8}`,
  `{}`,
  `null`,
  `[1,2]`,
  `"7"`,
  `{"promptTokenCount": 5},"usageMetadata": {"promptTokenCount": 6}`,
);
const words = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }).map((text) => JSON.stringify(text)),
  fc.constantFrom(
    `""`,
    `"привіт 你好 🙂"`,
    `"a\\\\"`,
    `"\\\\\\"quoted\\\\\\""`,
    `"\\u0041\\ud83d\\ude42\\ud83d"`,
    `"line\\r\\n\\r\\ndata: {"`,
    `"\\"}],\\"role\\": \\"model\\""`,
    `"bad \\x escape"`,
    `"raw\ttab"`,
    `"never closed`,
    `"a","text": "b"`,
    `"a","thought": false`,
    `7`,
    `null`,
  ),
);
const usualEvents = fc.tuple(words, totals).map(([text, usage]) => usual(text, usage));
const oddEvents = fc.oneof(
  fc.tuple(words, oddUsages).map(([text, usage]) => usual(text, usage)),
  fc.tuple(words, totals).map(([text, usage]) => usual(text, usage, `,"thought": true`)),
  fc.tuple(words, totals).map(([text, usage]) => usual(text, usage, `,"thoughtSignature": "AA=="`)),
  fc.tuple(words, totals).map(([text, usage]) => usual(text, usage, `},{"text": "second"`)),
  fc.tuple(words, totals).map(([text, usage]) => usual(text, usage).replace(`"r1"`, `"r2"`)),
  fc.tuple(words, totals).map(([text, usage]) => usual(text, usage).replace(`"index": 0`, `"index": 1`)),
  fc.tuple(words, totals).map(([text, usage]) => usual(text, usage).replace(`,"index": 0`, `,"finishReason": "STOP"`)),
  fc.tuple(words, totals).map(([text, usage]) => usual(text, usage).replaceAll(": ", ":")),
  fc.tuple(words, totals).map(([text, usage]) => usual(text, usage).replace(/,"usageMetadata": .*,"m/, `,"m`)),
  fc.tuple(words, totals).map(([text, usage]) => `{"usageMetadata": ${usage},${usual(text, "{}").slice(1)}`),
  fc.tuple(words, totals).map(([text, usage]) => usual(text, usage).replace(/\}$/, `,"extra": {"text": "no"}}`)),
  fc.tuple(words, totals).map(([text, usage]) => usual(text, usage) + usual(text, usage)),
  fc
    .tuple(words, totals)
    .map(([text, usage]) => `${usual(text, usage)}{"error": {"code": 503,"status": "UNAVAILABLE"}}`),
  fc.tuple(words, totals).map(([text, usage]) => `[${usual(text, usage)},${usual(text, usage)}]`),
  fc
    .tuple(words, totals)
    .map(([text, usage]) =>
      usual(text, usage).replace(`,"index"`, `,"groundingMetadata": {"webSearchQueries": ["q"]},"index"`),
    ),
  fc.constantFrom(
    `{"promptFeedback": {"blockReason": "SAFETY"}}`,
    `{"error": {"code": 429,"status": "RESOURCE_EXHAUSTED","message": "slow down"}}`,
    `{"candidates": []}`,
    `{}`,
    `[DONE]`,
    `{"candidates": [{"content": {"role": "model"}}],"usageMetadata": {"promptTokenCount": 3}}`,
  ),
);
const plain = fc
  .constantFrom("\r\n\r\n", "\r\n\r\n", "\r\n\r\n", "\n\n")
  .chain((end) => usualEvents.map((json) => `data: ${json}${end}`));
const oddFrames = fc.oneof(
  fc
    .tuple(oddEvents, fc.constantFrom("\r\n\r\n", "\n\n", "\r\r", "\n\r\n", "\r\n", "\n", "\n\n\n", ""))
    .map(([json, end]) => `data: ${json}${end}`),
  oddEvents.map((json) => `data:${json}\n\n`),
  oddEvents.map((json) => `event: message\nid: 1\ndata: ${json}\n\n`),
  oddEvents.map((json) => `data: ${json.replaceAll(",", ",\ndata: ")}\n\n`),
  usualEvents.map((json) => `data: ${json.replace(",", ",\r")}\r\n\r\n`),
  usualEvents.map((json) => `\ufeffdata: ${json}\r\n\r\n`),
  fc.constantFrom(
    ": keep-alive\n\n",
    "\r\n",
    "\r",
    "<html>",
    '{"error": {"code": 503}}\n',
    '\n{\n "error": {"code": 500}\n}',
  ),
);
const last = `data: ${usual('"."', '{"promptTokenCount": 9,"totalTokenCount": 10}').replace(`,"index"`, `,"finishReason": "STOP","index"`)}\r\n\r\n`;
const odd = oddEvents.map((json) => `data: ${json}\r\n\r\n`);

test("streams of usual events with odd ones among them read as the general parser reads them", () => {
  const streams = fc.array(fc.oneof({ weight: 6, arbitrary: plain }, { weight: 1, arbitrary: odd }), { maxLength: 14 });
  fc.assert(
    fc.property(streams, places, (events, cuts) => expectSame(events.join("") + last, cuts, true)),
    { numRuns: 3000 },
  );
});

test("so do streams with lines, line ends and marks that are not plain", () => {
  const streams = fc.array(
    fc.oneof({ weight: 4, arbitrary: plain }, { weight: 1, arbitrary: odd }, { weight: 1, arbitrary: oddFrames }),
    { maxLength: 10 },
  );
  fc.assert(
    fc.property(streams, places, (events, cuts) => expectSame(events.join("") + last, cuts)),
    { numRuns: 3000 },
  );
});
