// Limits of a scope, one changed and the others as they are: the API takes all of a scope's at once.

import { type Budget, type Limit, roomApi, type Scoped } from "../api/rooms.ts";
import { subtractUsd } from "../text/money.ts";

/** Which of a scope's limits. */
export type Place = Pick<Budget, "window" | "models">;

const isAt = (place: Place) => (budget: Place) =>
  budget.window === place.window && `${budget.models}` === `${place.models}`;

/** As it was set, without what was added for a time. */
export function limitOf({ window, models, limit, increases }: Budget): Limit {
  const usd = increases.reduce((left, added) => subtractUsd(left, added.usd), limit);
  return { window, usd, ...(models && { models }) };
}

interface Change {
  /** Is taken away. */
  from?: Place | undefined;
  /** Is set, in the place of one for the same window and models. */
  to?: Limit | undefined;
  /** A share of all limits of the scope; undefined: as it was; null: none. */
  soft?: number | null | undefined;
}

/** Resolves with what puts it back as it was. Asks for what there is now, for another may have changed it. */
export async function changeLimits(scoped: Scoped, { from, to, soft }: Change): Promise<() => Promise<void>> {
  const { data } = await roomApi.listBudgets(scoped);
  const gone = [from, to && { window: to.window, models: to.models ?? null }].filter((place) => place !== undefined);
  const others = data.filter((budget) => !gone.some((place) => isAt(place)(budget))).map(limitOf);
  const put = async (limits: Limit[], share: number | null | undefined) => {
    if (limits.length > 0) await roomApi.putBudget(scoped, { limits, ...(share != null && { soft: share }) });
    else await roomApi.deleteBudget(scoped);
  };
  const before = data[0]?.soft;
  await put(to ? [...others, to] : others, soft === undefined ? before : soft);
  return () => put(data.map(limitOf), before);
}
