// Usage on the wire: what may be asked for, and the rows that answer.

import { z } from "@hono/zod-openapi";
import { addDays, Calendar, dayMs, isTimeZone } from "../../../money/calendar.ts";
import { accuracies } from "../../../money/ledger.ts";
import { type UsageGroup, type UsageRow, type UsageSum, usageGroups } from "../../../money/usage-store.ts";
import { invalidRequest } from "../../field-errors.ts";
import { userOutSchema } from "../../user.ts";
import {
  count,
  encodeUsage,
  exampleUsage,
  idSchema,
  printTotal,
  timeSchema,
  usageSchema,
  usdSchema,
} from "../../wire.ts";
import { projectNameSchema } from "../caller/key.ts";

const datePattern = "\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])";
const momentPattern = `^${datePattern}(?:T(?:[01]\\d|2[0-3]):[0-5]\\d(?::[0-5]\\d(?:\\.\\d{1,3})?)?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d))?$`;
const moment = z
  .string()
  .regex(new RegExp(momentPattern), "must be a date such as 2026-11-27, or a time such as 2026-11-27T09:00:00Z");
const groupPattern = `^(?:turn|(?:${usageGroups.join("|")})(?:,(?:${usageGroups.join("|")}))*)$`;

export const usageQuery = z.strictObject({
  from: moment.optional().openapi({
    description:
      "A date (from its beginning) or a time (from then on). Default: 30 days, the last of them that of `to`",
  }),
  to: moment
    .optional()
    .openapi({ description: "A date (to its end) or a time (up to it, and without it). Default: today" }),
  group_by: z
    .string()
    .regex(new RegExp(groupPattern), `must be of ${usageGroups.join(", ")}, with commas between them, or turn alone`)
    .refine((text) => new Set(text.split(",")).size === text.split(",").length, "must name each once")
    .optional()
    .openapi({
      description: `What there is a row for: any of ${usageGroups.join(", ")}, with commas; in CSV also turn, alone. Default: day`,
      example: "day,model",
    }),
  tz: z
    .string()
    .max(64)
    .regex(/^[\w+/-]+$/, "must be the name of a time zone such as Europe/Kyiv")
    .refine(isTimeZone, "must be the name of a time zone such as Europe/Kyiv")
    .optional()
    .openapi({
      maxLength: 64,
      description: "Whose days and dates: an IANA name. Default: UTC",
      example: "Europe/Kyiv",
    }),
  format: z.enum(["json", "csv"]).optional().openapi({
    description:
      "csv: without a limit, the same names as a header line; a name that a spreadsheet would take for a formula begins with an apostrophe",
  }),
  project: projectNameSchema
    .optional()
    .openapi({ description: "For an operator, who else sees all: this project's alone" }),
});
type AskedUsage = Pick<z.output<typeof usageQuery>, "from" | "to" | "tz" | "group_by">;

/** Before it, zones had offsets that no quarter of an hour fits; after it, nobody knows them. */
const [firstYear, lastYear] = [2000, 2199];
const usualDays = 30;
const mostDays = 3_700;

export interface AskedTime {
  calendar: Calendar;
  since: number;
  until: number;
}

/** The stretch of time that is meant. Throws invalid_request. */
export function readTime({ from, to, tz = "UTC", group_by = "day" }: AskedUsage, now: number): AskedTime {
  const calendar = new Calendar(tz);
  const dayAfter = (date: string) => calendar.startOf(addDays(date, 1));
  const until = to === undefined ? dayAfter(calendar.dateAt(now)) : readMoment("to", to, dayAfter);
  const usual = () => calendar.startOf(addDays(calendar.dateAt(until - 1), 1 - usualDays));
  const since = from === undefined ? usual() : readMoment("from", from, (date) => calendar.startOf(date));
  if (since >= until) throw wrong("from", "must be before to");
  if (group_by.includes("day") && until - since > mostDays * dayMs)
    throw wrong("from", `must be at most ${mostDays} days before to, by day`);
  return { calendar, since, until };
}

function readMoment(name: string, text: string, ofDate: (date: string) => number): number {
  const date = text.slice(0, 10);
  const [year, month, day] = date.split("-").map(Number) as [number, number, number];
  const known = year >= firstYear && year <= lastYear && new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day;
  if (!known) throw wrong(name, `must be a day of the years ${firstYear} to ${lastYear}`);
  return text.length === date.length ? ofDate(date) : Date.parse(text);
}

function wrong(name: string, detail: string) {
  return invalidRequest([{ pointer: `?${name}`, detail }]);
}

const sumShape = {
  turns: count.openapi({ description: "Counted where their first call is, so that rows add up" }),
  calls: count.openapi({ description: "Calls to the vendor: entries of the ledger" }),
  ...usageSchema.shape,
  cost: usdSchema.nullable().openapi({ description: "USD. Null: there were calls, and no price for any of them" }),
  accuracy: z.enum(accuracies).openapi({ description: "The worst of any call" }),
  unpriced_turns: count,
};
const nameShape = {
  project: z.string().optional(),
  user: userOutSchema.optional(),
  key_id: idSchema.nullable().optional(),
  session_id: idSchema.optional(),
  day: z
    .string()
    .regex(new RegExp(`^${datePattern}$`))
    .optional(),
  vendor: z.string().optional(),
  model: z.string().optional().openapi({ description: "The one that served; the one asked for where none did" }),
  purpose: z.string().optional().openapi({ description: "What the call was for: chat, title, ..." }),
};
const exampleSum = {
  turns: 3,
  calls: 3,
  ...exampleUsage,
  cost: "0.0004036",
  accuracy: "exact" as const,
  unpriced_turns: 0,
};
const exampleRow = { day: "2026-11-27", model: "swift-2", ...exampleSum };
const rowSchema = z.object({ ...nameShape, ...sumShape }).openapi("UsageRow", { example: exampleRow });
const totalSchema = z.object(sumShape).openapi("UsageTotal", { example: exampleSum });

export const usageListSchema = z
  .object({
    object: z.literal("list"),
    from: timeSchema,
    to: timeSchema.openapi({ description: "Without this moment" }),
    tz: z.string(),
    group_by: z.array(z.enum(usageGroups)),
    currency: z.literal("USD"),
    data: z.array(rowSchema),
    total: totalSchema,
  })
  .openapi("UsageList", {
    example: {
      ...{ object: "list", from: "2026-11-01T00:00:00.000Z", to: "2026-12-01T00:00:00.000Z", tz: "UTC" },
      ...{ group_by: ["day", "model"], currency: "USD", data: [exampleRow], total: exampleSum },
    },
  });

/** The names of the groups as rows have them. */
const wireNames: Partial<Record<UsageGroup, string>> = { key: "key_id", session: "session_id" };
export function wireName(group: UsageGroup): string {
  return wireNames[group] ?? group;
}

export function encodeSum({ turns, calls, usage, cost }: UsageSum): z.infer<typeof totalSchema> {
  return {
    turns,
    calls,
    ...encodeUsage(usage),
    cost: printTotal(cost),
    accuracy: cost.accuracy,
    unpriced_turns: cost.unpricedTurns,
  };
}

/** The grouped names in their order, then the sums. */
export function encodeRow(groups: readonly UsageGroup[], row: UsageRow): z.infer<typeof rowSchema> {
  const names = Object.fromEntries(groups.map((group) => [wireName(group), row[group] ?? null]));
  return { ...names, ...encodeSum(row) };
}
