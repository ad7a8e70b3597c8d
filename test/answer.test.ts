// A text in pieces is the text.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { GrowingText } from "../src/turn/answer.ts";

test("pieces of any size and number, asked for at any moment, are the whole text so far", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ unit: "binary" }), fc.boolean()), { maxLength: 100 }), (pieces) => {
      const growing = new GrowingText();
      let whole = "";
      for (const [piece, isAskedFor] of pieces) {
        growing.add(piece);
        whole += piece;
        if (isAskedFor) expect(growing.text).toBe(whole);
      }
      expect(growing.text).toBe(whole);
    }),
  );
});
