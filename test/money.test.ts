// Money: exact in, exact out, and nothing but whole picodollars between.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { multiply, parseUsd, perMillion, printUsd } from "../src/money/money.ts";

const amount = fc.bigInt({ min: -(10n ** 26n), max: 10n ** 26n });

test("what is printed reads back as the same amount", () => {
  fc.assert(
    fc.property(amount, (pico) => {
      expect(parseUsd(printUsd(pico))).toBe(pico);
    }),
    { numRuns: 2000 },
  );
});

test("printed money has no exponent, at most 12 decimals and no trailing zeros", () => {
  fc.assert(
    fc.property(amount, (pico) => {
      const printed = printUsd(pico);
      expect(printed).toMatch(/^-?(0|[1-9]\d*)(\.\d{0,11}[1-9])?$/);
      expect(printed).not.toBe("-0");
    }),
    { numRuns: 2000 },
  );
  expect(printUsd(1n)).toBe("0.000000000001");
  expect(printUsd(412_500_000n)).toBe("0.0004125");
  expect(printUsd(0n)).toBe("0");
});

test("a price per million is read as an exact price of one token", () => {
  expect(perMillion("0.075")).toBe(75_000n);
  expect(perMillion("0.000001")).toBe(1n);
  expect(perMillion("18")).toBe(18_000_000n);
  expect(() => perMillion("0.0000001")).toThrow(RangeError);
});

test("what is not a plain decimal amount is refused, not guessed", () => {
  for (const text of [
    "",
    ".",
    "1.",
    ".5",
    "1e3",
    "0x10",
    "1,5",
    " 1",
    "1 ",
    "+1",
    "--1",
    "NaN",
    "1.0000000000001",
    "١",
  ])
    expect(() => parseUsd(text)).toThrow(RangeError);
});

test("trap: floats — sums and products that doubles get wrong are exact", () => {
  // 0.1 + 0.2 in USD, 3 times 0.1: both are wrong as doubles.
  expect(parseUsd("0.1") + parseUsd("0.2")).toBe(parseUsd("0.3"));
  expect(multiply(3, parseUsd("0.1"))).toBe(parseUsd("0.3"));
  expect(multiply(Number.MAX_SAFE_INTEGER, perMillion("0.000001"))).toBe(9_007_199_254_740_991n);
});

test("a count that is not a whole number of at least zero never becomes money", () => {
  for (const count of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
    expect(() => multiply(count, 1n)).toThrow(RangeError);
});
