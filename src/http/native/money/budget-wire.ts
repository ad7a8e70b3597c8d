// Budgets on the wire: limits as they are set, and what is spent and held of them.

import { z } from "@hono/zod-openapi";
import type { Budget, BudgetLimit } from "../../../money/budget.ts";
import { mostIncreases, mostLimits } from "../../../money/budget-store.ts";
import { budgetWindows } from "../../../money/budget-window.ts";
import { parseUsd, printUsd } from "../../../money/money.ts";
import { printTime, printTimeOrNull, timeSchema, usdSchema } from "../../wire.ts";
import { modelSchema } from "../fields.ts";

const mostUsd = 1_000_000;
const usdPattern = /^\d{1,7}(\.\d{1,12})?$/;
const mustBeUsd = `must be an amount of USD as a decimal string such as "2.50": at most 12 decimals, and at most ${mostUsd}`;

/** A number is taken as the decimal text that it is written as. */
const askedUsdSchema = z
  .union([z.string(), z.number()], { error: mustBeUsd })
  .transform(String)
  .refine((text) => usdPattern.test(text) && parseUsd(text) <= parseUsd(`${mostUsd}`), { error: mustBeUsd })
  .openapi({
    type: ["string", "number"],
    pattern: usdPattern.source,
    maximum: mostUsd,
    minimum: 0,
    description: "USD, as a decimal string (a number is read as it is printed)",
    example: "2.50",
  });

const untilSchema = z.iso.datetime({ error: "must be a time such as 2027-01-01T00:00:00Z" });
const addition = z.strictObject({ usd: askedUsdSchema, until: untilSchema });

const limitShape = {
  window: z.enum(budgetWindows).openapi({ description: "UTC; weeks begin on Monday" }),
  usd: askedUsdSchema,
  models: z
    .array(modelSchema)
    .min(1)
    .max(100)
    .optional()
    .openapi({ description: "Counts the calls to these models alone. Default: to all" }),
  increases: z.array(addition).max(mostIncreases).optional().openapi({
    description:
      "What is added to it for a time, in place of what was; what is over is left out. Default: what was, and nothing to a new limit",
  }),
};
export const limitsSchema = z.array(z.strictObject(limitShape).openapi("Limit")).max(mostLimits);

export const putSchema = z
  .strictObject({
    limits: limitsSchema.min(1),
    soft: z.number().min(0).max(1).optional().openapi({
      description:
        "Past this share of a limit whoever asks is told, once in each window, by a notice of the turn; so is the log",
    }),
  })
  .openapi("NewBudget", { example: { limits: [{ window: "day", usd: "2.50" }], soft: 0.8 } });

export const increaseSchema = z
  .strictObject({
    usd: askedUsdSchema,
    until: untilSchema,
  })
  .openapi("Increase", { example: { usd: "1", until: "2026-12-01T00:00:00Z" } });

const exampleBudget = {
  scope: "key:01939c5e-7a00-7b11-8c22-3d4e5f607182",
  window: "day" as const,
  models: null,
  limit: "2.5",
  increases: [{ usd: "0.5", until: "2026-11-24T12:00:00.000Z" }],
  settled: "0.41",
  held: "0.0328",
  left: "2.0572",
  beyond: "0",
  starts_at: "2026-11-23T00:00:00.000Z",
  resets_at: "2026-11-24T00:00:00.000Z",
  soft: 0.8,
};

export const budgetSchema = z
  .object({
    scope: z.string(),
    window: z.enum(budgetWindows),
    models: z.array(z.string()).nullable(),
    limit: usdSchema.openapi({ description: "With what was added for a time" }),
    increases: z
      .array(z.object({ usd: usdSchema, until: timeSchema }))
      .max(mostIncreases)
      .openapi({ description: "What of the limit was added for a time, until when" }),
    settled: usdSchema.openapi({ description: "Spent in this window" }),
    held: usdSchema.openapi({ description: "The worst case of what runs now" }),
    left: usdSchema,
    beyond: usdSchema.openapi({
      description: "Of what is settled: what was billed beyond what had been held for it, the only way past a limit",
    }),
    starts_at: timeSchema.nullable(),
    resets_at: timeSchema.nullable().openapi({ description: "null for the window total" }),
    soft: z.number().nullable(),
  })
  .openapi("Budget", { example: exampleBudget });

export const budgetListSchema = z
  .object({ object: z.literal("list"), data: z.array(budgetSchema), has_more: z.boolean() })
  .openapi("BudgetList", { example: { object: "list", data: [exampleBudget], has_more: false } });

export function encodeBudget(budget: Budget): z.infer<typeof budgetSchema> {
  const { scope, window, models, limit, increases, settled, held, beyond, startsAt, resetsAt, softPpm } = budget;
  const left = limit - settled - held;
  return {
    ...{ scope, window, models: models && [...models] },
    limit: printUsd(limit),
    increases: increases.map(({ pico, until }) => ({ usd: printUsd(pico), until: printTime(until) })),
    settled: printUsd(settled),
    held: printUsd(held),
    left: printUsd(left < 0n ? 0n : left),
    beyond: printUsd(beyond),
    starts_at: printTimeOrNull(startsAt),
    resets_at: printTimeOrNull(resetsAt),
    soft: softPpm === null ? null : softPpm / 1_000_000,
  };
}

export function encodeBudgets(data: readonly Budget[], hasMore: boolean): z.infer<typeof budgetListSchema> {
  return { object: "list", data: data.map(encodeBudget), has_more: hasMore };
}

/** What names a model has: budgets count calls under all of them. */
interface ModelNames {
  nameOf(name: string): string;
  find(name: string): { aliases: readonly string[] } | undefined;
}

/** The limits as they are kept. Of two for the same window and models the last one counts. */
export function readLimits(asked: z.output<typeof limitsSchema>, catalogue: ModelNames): BudgetLimit[] {
  const limits = asked.map(({ window, usd, models, increases }): BudgetLimit => {
    const own = models ? [...new Set(models.map((name) => catalogue.nameOf(name)))].sort() : null;
    const names = own && [...new Set([...own, ...models!, ...own.flatMap((id) => catalogue.find(id)?.aliases ?? [])])];
    const added = increases?.map(({ usd: more, until }) => ({ pico: parseUsd(more), until: Date.parse(until) }));
    return { window, limit: parseUsd(usd), models: own, names, ...(added && { increases: added }) };
  });
  return [...new Map(limits.map((limit) => [`${limit.window} ${limit.models}`, limit])).values()];
}

/** As a key shows its own. */
export function encodeLimits(limits: readonly Pick<BudgetLimit, "window" | "limit" | "models">[]) {
  return limits.map(({ window, limit, models }) => ({
    window,
    usd: printUsd(limit),
    ...(models && { models: [...models] }),
  }));
}

export const keyLimitsSchema = z
  .array(z.object({ window: z.enum(budgetWindows), usd: usdSchema, models: z.array(z.string()).optional() }))
  .openapi({ description: "Its budget: what it may spend; GET /budgets says what is left" });
