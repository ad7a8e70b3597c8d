// Money as picodollars (10^-12 USD) in bigint: multiply, add, print. No floating point anywhere.

/** An amount of money in picodollars. One USD is 1_000_000_000_000n. */
export type Pico = bigint;

const picoPerUsd = 1_000_000_000_000n;
const decimals = 12;
const zero = "0".charCodeAt(0);

/** Prints an amount as a decimal string in USD: no exponent, at most 12 decimals, no trailing zeros ("0.0004125", "0"). */
export function printUsd(amount: Pico): string {
  if (amount < 0n) return `-${printUsd(-amount)}`;
  const digits = amount.toString().padStart(decimals + 1, "0");
  const point = digits.length - decimals;
  let end = digits.length;
  while (end > point && digits.charCodeAt(end - 1) === zero) end--;
  return digits.slice(0, point) + (end === point ? "" : `.${digits.slice(point, end)}`);
}

/** Reads a decimal string in USD ("0.3", "12", "0.0004125") exactly. Throws RangeError on anything else. */
export function parseUsd(text: string): Pico {
  const match = /^(-?)(\d{1,15})(?:\.(\d{1,12}))?$/.exec(text);
  if (!match) throw new RangeError(`not a decimal amount of USD with at most ${decimals} decimals: ${text}`);
  const [, sign, whole = "0", fraction = ""] = match;
  const amount = BigInt(whole) * picoPerUsd + BigInt(fraction.padEnd(decimals, "0"));
  return sign === "-" ? -amount : amount;
}

/** The price of one token, from the vendor's usual "USD per million tokens" as a decimal string with at most six decimals. */
export function perMillion(usd: string): Pico {
  const amount = parseUsd(usd);
  if (amount % 1_000_000n !== 0n) throw new RangeError(`a price per million tokens has at most six decimals: ${usd}`);
  return amount / 1_000_000n;
}

/** quantity x unit price. The quantity must be a whole number, zero or more: counts come from outside. */
export function multiply(quantity: number, unitPrice: Pico): Pico {
  if (!Number.isSafeInteger(quantity) || quantity < 0) throw new RangeError(`not a count: ${quantity}`);
  return BigInt(quantity) * unitPrice;
}
