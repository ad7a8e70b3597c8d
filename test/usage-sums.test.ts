// How the page adds usage up: what is in each sum, in which group and on which day.

import { expect, test } from "bun:test";
import type { UsageRow } from "../web/api/rooms.ts";
import { lastDays, listDays, listGroups, mostColours } from "../web/usage/sums.ts";

const row = (more: Partial<UsageRow>): UsageRow => ({
  ...{ turns: 1, calls: 1, input_tokens: 10, cached_tokens: 3, output_tokens: 5, thinking_tokens: 2, tool_tokens: 0 },
  ...{
    total_tokens: 17,
    cost: "0.000000000001",
    accuracy: "exact",
    unpriced_turns: 0,
    model: "one",
    day: "2026-11-12",
  },
  ...more,
});
const nameOf = ({ model }: UsageRow) => model ?? null;

test("a group has the sum of its rows, thinking with the output, to the picodollar; the most expensive is the first", () => {
  const rows = [row({}), row({ model: "two", cost: "0.3" }), row({ cost: "0.000000000002" }), row({ cost: null })];
  expect(listGroups(rows, nameOf)).toEqual([
    { name: "two", turns: 1, input: 10, output: 7, cost: "0.3", unpriced: false },
    { name: "one", turns: 3, input: 30, output: 21, cost: "0.000000000003", unpriced: true },
  ]);
});

test("a day has each group of a colour by itself and all others together, and days without anything are there", () => {
  const models = Array.from({ length: mostColours + 2 }, (_, index) => `model ${index}`);
  const rows = models.map((model, index) => row({ model, cost: `0.${9 - index}` }));
  const groups = listGroups(rows, nameOf);
  const [empty, full] = listDays([...rows, row({ day: "2026-11-10" })], ["2026-11-11", "2026-11-12"], groups, nameOf);
  expect(empty).toEqual({ day: "2026-11-11", total: "0", parts: Array(mostColours + 1).fill("0") });
  expect(full).toEqual({ day: "2026-11-12", total: "4.2", parts: ["0.9", "0.8", "0.7", "0.6", "0.5", "0.7"] });
});

test("the last days end with today, across the end of a month and of a year", () => {
  expect(lastDays(3, new Date(2026, 0, 2, 23, 59))).toEqual(["2025-12-31", "2026-01-01", "2026-01-02"]);
});
