// Days of a time zone are made of nine sums of hours and of six hours, instead of twenty-four.

import type { Migration } from "../migration.ts";

const sums = ["calls", "turns", "unpriced_turns", "cost_million", "cost_rest"].concat(
  ["input", "cached", "output", "thinking", "tool", "total"].map((name) => `${name}_tokens`),
);

export const usageSixHours: Migration = {
  version: 18,
  statements: () => [
    `INSERT INTO usage_sum (cut, step, project, at, name, vendor, model, purpose, accuracy_rank, ${sums.join(", ")})
     SELECT cut, 360, project, at - at % 21600000, name, vendor, model, purpose, MAX(accuracy_rank),
       ${sums.map((name) => `CAST(SUM(${name}) AS BIGINT)`).join(", ")}
     FROM usage_sum WHERE cut = 'project' AND step = 60 GROUP BY cut, project, at - at % 21600000, name, vendor, model, purpose`,
  ],
};
