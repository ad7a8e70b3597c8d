// What Gemini streams is read right in every shape, however the network cuts it.

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { ProviderEvent } from "../src/provider.ts";
import { ProviderError } from "../src/provider.ts";
import { Answer } from "../src/providers/gemini/answer.ts";
import { AttemptRecord } from "../src/providers/gemini/record.ts";
import { StreamFramer } from "../src/providers/gemini/stream.ts";
import type { StreamFixture } from "./fixtures/gemini/stream.ts";
import { streamFixtures } from "./fixtures/gemini/streams.ts";

interface Seen {
  text: string;
  thought: string;
  error: string | null;
  answer: Answer;
}

/** Feeds the pieces as network reads. */
function feed(pieces: Uint8Array[]): Seen {
  const answer = new Answer(new AttemptRecord(0, "gemini-2.5-flash"));
  const framer = new StreamFramer();
  const events: ProviderEvent[] = [];
  let error: string | null = null;
  try {
    for (const piece of pieces) for (const frame of framer.push(piece)) answer.read(frame, events);
    for (const frame of framer.end()) answer.read(frame, events);
    answer.finish();
  } catch (thrown) {
    if (!(thrown instanceof ProviderError)) throw thrown;
    error = thrown.code;
  }
  const join = (type: string) =>
    events.map((event) => (event.type === type && "text" in event ? event.text : "")).join("");
  return { text: join("text-delta"), thought: join("thought-delta"), error, answer };
}

function check(seen: Seen, fixture: StreamFixture): void {
  const { record } = seen.answer;
  expect(seen.error).toBe(fixture.error ?? null);
  expect(seen.text).toBe(fixture.text);
  expect(seen.thought).toBe(fixture.thought ?? "");
  expect(record.finishReason).toBe(fixture.finishReason);
  expect(record.finishDetail).toBe(fixture.finishDetail ?? null);
  expect(record.usageRaw === null ? null : JSON.parse(record.usageRaw)).toEqual(fixture.usage);
  if (record.usageRaw !== null) expect(fixture.body).toContain(record.usageRaw); // byte for byte
  expect(record.counted).toEqual(fixture.counted ?? null);
  expect(record.printParts(seen.text)).toBe(fixture.vendorParts ?? null);
  expect(record.notShown).toEqual(fixture.notShown ?? []);
}

function cut(bytes: Uint8Array, places: number[]): Uint8Array[] {
  const ends = [...new Set(places.filter((place) => place < bytes.length))].sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, index) => bytes.slice(ends[index - 1] ?? 0, end));
}

for (const fixture of streamFixtures) {
  const bytes = new TextEncoder().encode(fixture.body);
  test(`${fixture.name}: whole, byte by byte, and cut in two at every byte`, () => {
    check(feed([bytes]), fixture);
    check(feed([...bytes].map((byte) => Uint8Array.of(byte))), fixture);
    for (let at = 1; at < bytes.length; at++) check(feed([bytes.slice(0, at), bytes.slice(at)]), fixture);
  });
}

test("any fixture, cut anywhere into any number of reads, reads the same", () => {
  const streams = fc.constantFrom(...streamFixtures);
  fc.assert(
    fc.property(streams, fc.array(fc.nat(2000), { maxLength: 12 }), (fixture, places) => {
      check(feed(cut(new TextEncoder().encode(fixture.body), places)), fixture);
    }),
    { numRuns: 1500 },
  );
});

test("any answer text survives, and none of it is taken for an error or a line of the stream", () => {
  const tricky = fc.constantFrom(
    '{"error": {"code": 503}}',
    "data: ",
    "\r\n\r\n",
    '\n{"error": {',
    "[DONE]",
    "<html>",
    "\\",
    '"',
    "\u0000",
  );
  const words = fc.array(fc.oneof(fc.string({ unit: "binary" }), tricky), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(words, fc.array(fc.nat(3000), { maxLength: 8 }), (texts, places) => {
      const sent = texts.map((text) => ({ candidates: [{ content: { parts: [{ text }] }, index: 0 }] }));
      const last = { candidates: [{ finishReason: "STOP", index: 0 }] };
      const body = [...sent, last].map((event) => `data: ${JSON.stringify(event)}\r\n\r\n`).join("");
      const seen = feed(cut(new TextEncoder().encode(body), places));
      expect(seen.error).toBeNull();
      expect(seen.text).toBe(texts.join(""));
    }),
    { numRuns: 1000 },
  );
});

test("any bytes at all end in an answer or in a provider_error, never in another kind of failure", () => {
  const junk = fc.oneof(
    fc.string(),
    fc.json().map((json) => `data: ${json}\n\n`),
    fc.json(),
    fc.constantFrom("data: {", "}\n", "[{", '"error": {'),
  );
  fc.assert(
    fc.property(fc.array(junk, { maxLength: 8 }), (pieces) => {
      const seen = feed(pieces.map((piece) => new TextEncoder().encode(piece)));
      expect(seen.error).toBe("provider_error");
    }),
    { numRuns: 2000 },
  );
});

test("a usage nested 50,000 deep ends in an answer or in a provider_error, and never in another failure", () => {
  const deep = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
  const json = `{"candidates": [{"content": {"parts": [{"text": "so"}]},"finishReason": "STOP"}],"usageMetadata": {"promptTokenCount": 1,"deep": ${deep}}}`;
  const seen = feed([new TextEncoder().encode(`data: ${json}\r\n\r\n`)]);
  expect([null, "provider_error"]).toContain(seen.error);
  expect(seen.answer.record.usageRaw?.length ?? 0).toBeLessThan(20_000);
});

test("whatever never ends is cut at its limit, with what came before it kept in bounds", () => {
  const piece = "слово ".repeat(10_000);
  const part = (json: string) => `data: {"candidates": [{"content": {"parts": [${json}]}}]}\r\n\r\n`;
  for (const json of [
    `{"text": "${piece}"}`,
    `{"text": "${piece}","thought": true}`,
    `{"text": "","thoughtSignature": "${piece}"}`,
    `{"text": "."}`,
    `{"text": "","thoughtSignature": "A"}`,
  ]) {
    const bytes = new TextEncoder().encode(part(json).repeat(Math.ceil(1_000_000 / json.length)));
    const seen = feed(Array.from({ length: 40 }, () => bytes));
    const { record } = seen.answer;
    expect(seen.error).toBe("provider_error");
    expect(Buffer.byteLength(seen.text + seen.thought)).toBeLessThan(4_200_000);
    expect(record.printParts(seen.text)?.length ?? 0).toBeLessThan(4_200_000);
  }
});
