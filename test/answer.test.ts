// A text in pieces is the text, and has its tokens.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { estimateTokens } from "../src/money/tokens.ts";
import { CountedText } from "../src/turn/answer.ts";

test("pieces of any size and number, asked for at any moment, are the whole text so far and its estimate; what only counts is not in it", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.string({ unit: "binary", size: "medium" }), fc.boolean()), { maxLength: 100 }),
      (pieces) => {
        const growing = new CountedText();
        let whole = "";
        for (const [piece, isAskedFor] of pieces) {
          growing.add(piece);
          whole += piece;
          if (!isAskedFor) continue;
          expect(growing.estimate).toBe(estimateTokens(whole));
          expect(growing.text).toBe(whole);
        }
        expect(growing.text).toBe(whole);
        growing.count("also 7 hidden words");
        expect(growing.text).toBe(whole);
        expect(growing.estimate).toBe(estimateTokens(`${whole}also 7 hidden words`));
      },
    ),
  );
});
