// The stretches of time that budgets are for.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { budgetWindows, endOf, startOf } from "../src/money/budget-window.ts";

test("each moment is in one window of each kind, which begins and ends at a midnight; by another way to compute it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_102_444_800_000 }), fc.constantFrom(...budgetWindows), (moment, window) => {
      const start = startOf(window, moment);
      const end = endOf(window, start);
      if (window === "total") return expect([start, end]).toEqual([0, null]);
      expect(start <= moment && moment < end!).toBe(true);
      const text = new Date(moment).toISOString();
      const days = new Date(moment).getUTCDay();
      if (window === "day") expect(new Date(start).toISOString()).toBe(`${text.slice(0, 10)}T00:00:00.000Z`);
      if (window === "month") expect(new Date(start).toISOString()).toBe(`${text.slice(0, 7)}-01T00:00:00.000Z`);
      if (window === "week") {
        const monday = new Date(`${text.slice(0, 10)}T00:00:00.000Z`);
        monday.setUTCDate(monday.getUTCDate() - ((days + 6) % 7));
        expect(start).toBe(monday.getTime());
      }
      expect(startOf(window, end!)).toBe(end!);
      expect(startOf(window, end! - 1)).toBe(start);
    }),
    { numRuns: 1_000 },
  );
});
