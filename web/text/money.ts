// Money on the page: decimal strings from the server, moved, added and shown, never made into numbers.

import { numberFormat } from "./formats.ts";

const decimals = 12;

/** Picodollars of a decimal string: "0.0000003" -> 300000n. */
function picoOf(amount: string): bigint {
  const [, sign = "", whole = "0", fraction = ""] = /^(-?)(\d+)(?:\.(\d{1,12}))?$/.exec(amount) ?? [];
  return BigInt(`${sign}${whole}${fraction.padEnd(decimals, "0")}`);
}

function print(pico: bigint): string {
  const sign = pico < 0n ? "-" : "";
  const digits = (pico < 0n ? -pico : pico).toString().padStart(decimals + 1, "0");
  const fraction = digits.slice(-decimals).replace(/0+$/, "");
  return `${sign}${digits.slice(0, -decimals)}${fraction === "" ? "" : `.${fraction}`}`;
}

/** The exact sum of two amounts. */
export function addUsd(a: string, b: string): string {
  return print(picoOf(a) + picoOf(b));
}
/** The exact difference. */
export function subtractUsd(a: string, b: string): string {
  return print(picoOf(a) - picoOf(b));
}
/** An amount times a count, exactly: what tokens at a price come to. */
export function multiplyUsd(amount: string, count: number): string {
  return print(picoOf(amount) * BigInt(count));
}
export function isPositive(amount: string): boolean {
  return picoOf(amount) > 0n;
}

/** A decimal string as the locale writes it, with all its digits. Browsers read such a string exactly. */
function printDigits(amount: string, locale: string, options: Intl.NumberFormatOptions): string {
  return numberFormat(locale, options).format(amount as Intl.StringNumericLiteral);
}

/** "0.0004125" -> "$0.0004125", every digit, as the locale writes numbers. */
export function printUsd(amount: string, locale = "en"): string {
  const digits = printDigits(amount.replace(/^-/, ""), locale, {
    maximumFractionDigits: decimals,
    minimumFractionDigits: 2,
  });
  return amount.startsWith("-") ? `−$${digits}` : `$${digits}`;
}

/** A price as price lists print it: two decimals at least, no more than it has. */
export const printPrice = printUsd;

/** An amount for the eye: under one cent in cents, with three digits that count ("0.176 ¢"), from there on in dollars ("$0.0134", "$12.50"). */
export function printShort(amount: string, locale = "en"): string {
  const pico = picoOf(amount);
  const size = pico < 0n ? -pico : pico;
  const sign = pico < 0n ? "−" : "";
  const significant: Intl.NumberFormatOptions = { maximumSignificantDigits: 3 };
  if (size === 0n) return `$${printDigits("0", locale, {})}`;
  if (size < 10n ** 10n) return `${sign}${printDigits(print(size * 100n), locale, significant)}\u00a0¢`;
  if (size < 10n ** 11n) return `${sign}$${printDigits(print(size), locale, significant)}`;
  if (size < 10n ** 12n)
    return `${sign}$${printDigits(print(size), locale, { minimumFractionDigits: 2, maximumFractionDigits: 3 })}`;
  return `${sign}$${printDigits(print(size), locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

/** Prints the amounts of a column: with so many decimals that the smallest shows three digits that count, and all stand under each other on their points. */
export function columnPrinter(amounts: readonly string[], locale: string): (amount: string) => string {
  const needed = amounts.map((amount) => {
    const digits = picoOf(amount).toString();
    return Math.min(print(BigInt(digits)).split(".")[1]?.length ?? 0, decimals + 3 - digits.length);
  });
  const count = Math.min(decimals, Math.max(2, ...needed));
  const options = { minimumFractionDigits: count, maximumFractionDigits: count };
  return (amount) => `$${printDigits(amount, locale, options)}`;
}

/** A decimal string times a million, exactly: "0.0000003" -> "0.3". */
export function timesMillion(amount: string): string {
  return print(picoOf(amount) * 1_000_000n);
}

/** How sure a cost is, as a sign before it: at least so much, about so much. */
export const accuracySigns: Readonly<Record<string, string>> = {
  exact: "",
  partial: "≥\u00a0",
  estimated: "≈\u00a0",
  unknown: "",
};

/** Below, at or above 0, as the first amount is below, equal to or above the second. */
export function compareUsd(a: string, b: string): number {
  const difference = picoOf(a) - picoOf(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** What part of an amount another one is, for the height of a bar: no money comes of it. */
export function shareOf(amount: string, of: string): number {
  const whole = picoOf(of);
  return whole === 0n ? 0 : Number((picoOf(amount) * 10_000n) / whole) / 10_000;
}

/** An amount that was spent in `done` of `all` equal parts, as it would be for all of them: a guess, to the picodollar. */
export function extrapolateUsd(amount: string, done: number, all: number): string {
  return print((picoOf(amount) * BigInt(all)) / BigInt(Math.max(1, done)));
}
