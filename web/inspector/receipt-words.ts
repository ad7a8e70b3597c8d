// A receipt as words and columns: amounts under each other on their decimal point, what the cache saved, and the whole as text.

import type { Receipt } from "../api/wire.ts";
import { addUsd, isPositive, multiplyUsd, subtractUsd, timesMillion } from "../text/money.ts";
import type { Dictionary, Text } from "../text/text.ts";

/** Decimals of a column: enough for a token of any price of today's lists; longer amounts keep all of theirs. */
const columnDecimals = 7;

/** An amount with as many decimals as its column has, e.g. "0.0001032"; `perMillion`: of a price per token, as price lists print it. */
export function columnOf(amount: string, locale: string, perMillion = false): string {
  const value = (perMillion ? timesMillion(amount) : amount) as Intl.StringNumericLiteral;
  const minimumFractionDigits = perMillion ? 2 : columnDecimals;
  return new Intl.NumberFormat(locale, { minimumFractionDigits, maximumFractionDigits: 12 }).format(value);
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
        `  ${items[line.item] ?? line.item}: ${line.quantity} × $${columnOf(line.unit_price, locale, true)}/M = $${columnOf(line.amount, locale)}`,
    ),
  ]);
  const total = receipt.total === null ? text.costUnknown : `$${columnOf(receipt.total, locale)}`;
  const head = [`${text.receipt} ${receipt.turn_id}`, receipt.at, ...(question === "" ? [] : [question])];
  return [...head, ...lines, `${text.total}: ${total} (${text.accuracy[receipt.accuracy]})`].join("\n");
}
