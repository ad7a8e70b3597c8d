// What a turn's budgets granted it, as it runs: what it says of them, and which of its calls they may be billed for.

import type { Ask, Held } from "../../money/budget.ts";
import { type Attempt, ProviderError } from "../../provider.ts";
import type { Notice } from "../turn.ts";

export function listBudgetNotices({ grant, soft }: Pick<Held, "grant" | "soft">, ask: Ask | undefined): Notice[] {
  const notices: Notice[] = [];
  if (grant && ask && grant.tokens < ask.tokens) {
    const detail = `What is left of the budget allows an answer of ${grant.tokens} tokens at most, instead of ${ask.tokens}.`;
    notices.push({ code: "output_shortened", detail });
  }
  // Without figures: what others have spent of it is not for everybody.
  for (const { scope, window } of soft) {
    const of = window === "total" ? scope : `${scope} for this ${window}`;
    notices.push({ code: "budget_soft_limit", detail: `The budget of ${of} has passed its soft limit.` });
  }
  return notices;
}

/** Whether the vendor may bill a call: not one that it refused with an HTTP error ("you won't be charged", see money/receipt.ts). */
export function isBillable({ errorCode, status }: Pick<Attempt, "errorCode" | "status">): boolean {
  return errorCode === null || status === null || status === 200;
}

/** For a call that broke after it was sent, where the budget does not hold another one. */
export function noMoreCalls(): ProviderError {
  const detail = "The call broke after it was sent, and the budget does not hold another one.";
  return new ProviderError("provider_unavailable", detail);
}
