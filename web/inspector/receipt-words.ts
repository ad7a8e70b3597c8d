// A receipt as words and columns: amounts under each other on their decimal point, what the cache saved, and the whole as text.

import type { Receipt } from "../api/wire.ts";
import { addUsd, isPositive, multiplyUsd, subtractUsd, timesMillion } from "../text/money.ts";
import type { Dictionary, Text } from "../text/text.ts";

/** Decimals of a column: enough for a token of any price of today's lists; longer amounts keep all of theirs. */
const columnDecimals = 7;

/** How many decimals the column of a receipt's amounts has, so that all stand under each other on their points. */
export function decimalsOf(receipt: Receipt): number {
  const amounts = receipt.attempts.flatMap(({ lines }) => lines.map(({ amount }) => amount));
  return Math.max(columnDecimals, ...amounts.map((amount) => amount.split(".")[1]?.length ?? 0));
}

/** An amount with as many decimals as its column has, e.g. "0.0001032". */
export function columnOf(amount: string, locale: string, decimals = columnDecimals): string {
  const digits = { minimumFractionDigits: decimals, maximumFractionDigits: 12 };
  return new Intl.NumberFormat(locale, digits).format(amount as Intl.StringNumericLiteral);
}

/** A price per token as price lists print it, per million, e.g. "0.30". */
export function perMillionOf(price: string, locale: string): string {
  return columnOf(timesMillion(price), locale, 2);
}

/** What the cached tokens would have cost more at the full price of input; null where nothing was cached or the full price is not known. */
export function savedByCache(receipt: Receipt): string | null {
  let saved = "0";
  for (const { lines } of receipt.attempts) {
    const full = lines.find(({ item }) => item === "input_text");
    for (const line of lines.filter(({ item }) => item === "cached_text"))
      if (full) saved = addUsd(saved, subtractUsd(multiplyUsd(full.unit_price, line.quantity), line.amount));
  }
  return isPositive(saved) ? saved : null;
}

/** The receipt as plain text, every digit in it. */
export function receiptWords(receipt: Receipt, question: string, text: Text, locale: string): string {
  const items: Dictionary = text.items;
  const lines = receipt.attempts.flatMap((attempt) => [
    `${attempt.model_served ?? attempt.model_requested}`,
    ...attempt.lines.map(
      (line) =>
        `  ${items[line.item] ?? line.item}: ${line.quantity} × $${perMillionOf(line.unit_price, locale)}/M = $${columnOf(line.amount, locale)}`,
    ),
  ]);
  const total = receipt.total === null ? text.costUnknown : `$${columnOf(receipt.total, locale)}`;
  const head = [`${text.receipt} ${receipt.turn_id}`, receipt.at, ...(question === "" ? [] : [question])];
  return [...head, ...lines, `${text.total}: ${total} (${text.accuracy[receipt.accuracy]})`].join("\n");
}
