// How a quote's figures are said in full.

import { locale, text } from "../shell/state.ts";
import { printUsd } from "../text/money.ts";
import { fill } from "../text/text.ts";

/** "Likely $0.0003, at most $0.02". */
export function likelyWords(likely: string, worst: string | null): string {
  const most = worst === null ? "—" : printUsd(worst, locale.value);
  return fill(text.value.nextCostMore, { likely: printUsd(likely, locale.value), worst: most });
}
