// A turn's events as text: whatever the model writes, a delta is one event and its text arrives as it was.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { encodeEvents } from "../src/http/native/event-wire.ts";

/** Any 16-bit units, halves of pairs too, and often those that JSON escapes. */
const text = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0x22, 0x5c, 0x0a, 0x0d, 0x1f, 0x7f, 0x2028)))
  .map((units) => String.fromCharCode(...units));

test("a delta is one event whose data is JSON as the language prints it", () => {
  fc.assert(
    fc.property(text, fc.constantFrom("text-delta" as const, "thought-delta" as const), (text, type) => {
      expect(encodeEvents({ first: 7, events: [type === "text-delta" ? text : { type, text }] })).toBe(
        `id: 7\nevent: ${type}\ndata: ${JSON.stringify({ text })}\n\n`,
      );
    }),
    { numRuns: 2000 },
  );
});
