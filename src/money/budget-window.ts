// The stretches of time that budgets are for, all in UTC: all of it, a day, a week from Monday, a month. Pure.

export const budgetWindows = ["total", "day", "week", "month"] as const;
export type BudgetWindow = (typeof budgetWindows)[number];

const dayMs = 86_400_000;
/** 1970-01-05, the first Monday. */
const firstMonday = 4 * dayMs;

/** When the window that a moment is in began, both in ms since 1970; 0 for all of time. */
export function startOf(window: BudgetWindow, atMs: number): number {
  if (window === "total") return 0;
  if (window === "day") return Math.floor(atMs / dayMs) * dayMs;
  if (window === "week") return Math.floor((atMs - firstMonday) / (7 * dayMs)) * 7 * dayMs + firstMonday;
  const at = new Date(atMs);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth());
}

/** When the next one begins; null: never. */
export function endOf(window: BudgetWindow, startMs: number): number | null {
  if (window === "total") return null;
  if (window === "day") return startMs + dayMs;
  if (window === "week") return startMs + 7 * dayMs;
  const start = new Date(startMs);
  return Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1);
}
