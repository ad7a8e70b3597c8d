// Limits of a scope, one changed and the others as they are: the API takes all of a scope's at once.

import { ApiError } from "../api/api.ts";
import { type Budget, type Limit, roomApi, type Scoped } from "../api/rooms.ts";
import { subtractUsd } from "../text/money.ts";

/** Which of a scope's limits. */
type Place = Pick<Budget, "window" | "models">;

const isAt = (place: Place) => (budget: Place) =>
  budget.window === place.window && `${budget.models}` === `${place.models}`;

/** As it was set, with what was added for a time beside it. */
export function limitOf({ window, models, limit, increases }: Budget): Limit {
  const usd = increases.reduce((left, added) => subtractUsd(left, added.usd), limit);
  return { window, usd, ...(models && { models }), increases };
}

interface Change {
  /** As the reader sees it, or where it is and `was`, its USD (""; none); is taken away. */
  from?: Budget | Place | undefined;
  was?: string | undefined;
  /** Is set. */
  to?: Limit | undefined;
  /** A share of all limits of the scope; undefined: as it is; null: none. */
  soft?: number | null | undefined;
  /** The share where the scope has no limit any more. */
  softOfNone?: number | null;
  /** All limits of the scope as the reader sees them; undefined: perhaps not all. */
  shown?: readonly Budget[] | undefined;
}

const mostTries = 4;

/** Asks for what there is now. Throws version_mismatch where another has changed just that; what else was changed stays as it is. */
export async function changeLimits(scoped: Scoped, change: Change): Promise<void> {
  for (let tries = 1; ; tries++) {
    const { data, etag } = await roomApi.readLimits(scoped);
    if (isOther(data, change)) throw new ApiError(412, "version_mismatch", "");
    const { from, to, soft = data.length > 0 ? data[0]?.soft : change.softOfNone } = change;
    const gone = [from, to && { window: to.window, models: to.models ?? null }].filter((place) => place !== undefined);
    const others = data.filter((budget) => !gone.some((place) => isAt(place)(budget))).map(limitOf);
    const limits = to ? [...others, to] : others;
    try {
      if (limits.length > 0) await roomApi.putBudget(scoped, { limits, ...(soft != null && { soft }) }, etag);
      else if (data.length > 0) await roomApi.deleteBudget(scoped, etag);
      return;
    } catch (error) {
      // Between the two calls; looked at again.
      if (!(error instanceof ApiError) || error.code !== "version_mismatch" || tries === mostTries) throw error;
    }
  }
}

function isOther(data: readonly Budget[], { from, was, to, soft, shown }: Change): boolean {
  const print = (budget: Budget | undefined) => JSON.stringify(budget && [limitOf(budget), budget.soft]);
  const found = from && data.find(isAt(from));
  if (was !== undefined) return (found ? limitOf(found).usd : "") !== was;
  if (from && "limit" in from && print(found) !== print(from)) return true;
  if (!to || !shown) return false;
  const place = { window: to.window, models: to.models ?? null };
  const softIsOther = soft !== undefined && data.length > 0 && shown.length > 0 && data[0]?.soft !== shown[0]?.soft;
  return softIsOther || print(data.find(isAt(place))) !== print(shown.find(isAt(place)));
}
