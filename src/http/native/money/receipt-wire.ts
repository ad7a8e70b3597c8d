// A turn's receipt on the wire: what it cost, line by line, and each call to the vendor with its own.

import { z } from "@hono/zod-openapi";
import { errorCodes } from "../../../errors.ts";
import { type LedgerEntry, purposes, sumCost } from "../../../money/ledger.ts";
import { printUsd } from "../../../money/money.ts";
import type { Turn } from "../../../turn/turn.ts";
import {
  costSchema,
  count,
  encodeUsage,
  exampleIds,
  exampleUsage,
  idSchema,
  orNull,
  printTime,
  printTotal,
  timeSchema,
  usageSchema,
  usdSchema,
} from "../../wire.ts";

const lineSchema = z.object({
  item: z.string(),
  quantity: count,
  unit: z.enum(["token", "request", "query"]),
  unit_price: usdSchema,
  amount: usdSchema,
});

const priceSchema = z.object({
  id: z.string(),
  effective_from: z.string(),
  source: z.string(),
  read_on: z.string(),
  rates: z
    .record(z.string(), z.unknown())
    .openapi({ description: "The whole price row: USD per million tokens, per thousand searches" }),
});

const attemptShape = {
  at: timeSchema.openapi({ description: "When the call was made: the price that held at this moment is its price" }),
  vendor: z.string().nullable(),
  model_requested: z.string(),
  model_served: z.string().nullable(),
  price: priceSchema.nullable(),
  usage_raw: z.unknown().openapi({ description: "The counts as the vendor sent them; null when it sent none" }),
  counted: z
    .object({
      search: z.object({ prompts: count, queries: count }),
      maps: z.object({ prompts: count }),
      tokens: z.object({ prompt: count, answer: count, thoughts: count }).optional().openapi({
        description: "Our estimates from the text, where the vendor's counts were missing or did not fit each other",
      }),
    })
    .nullable()
    .openapi({ description: "What we counted in the call because no usage does; null for nothing" }),
  usage: orNull(usageSchema),
  lines: z.array(lineSchema),
  total: usdSchema.nullable(),
  currency: z.literal("USD"),
  accuracy: costSchema.shape.accuracy,
  balanced: z
    .boolean()
    .openapi({ description: "Whether the vendor's counts fit each other: the total is the sum of the parts" }),
};

const exampleAttempt = {
  at: "2026-11-23T09:30:04.512Z",
  vendor: "example",
  model_requested: "swift-2",
  model_served: "swift-2",
  price: {
    id: "example/swift-2@2026-01-01#0123abcd",
    effective_from: "2026-01-01",
    source: "the vendor's pricing page",
    read_on: "2026-10-07",
    rates: { input: "0.30", cached: "0.03", output: "2.50" },
  },
  usage_raw: { promptTokenCount: 12, candidatesTokenCount: 40, thoughtsTokenCount: 120, totalTokenCount: 172 },
  counted: null,
  usage: exampleUsage,
  lines: [
    { item: "input_text", quantity: 12, unit: "token" as const, unit_price: "0.0000003", amount: "0.0000036" },
    { item: "output_text", quantity: 40, unit: "token" as const, unit_price: "0.0000025", amount: "0.0001" },
    { item: "thinking", quantity: 120, unit: "token" as const, unit_price: "0.0000025", amount: "0.0003" },
  ],
  total: "0.0004036",
  currency: "USD" as const,
  accuracy: "exact" as const,
  balanced: true,
};

/** One call to the vendor, as a receipt lists it. */
export const callSchema = z.object({
  attempt: z.int().min(1),
  purpose: z.enum(purposes).openapi({
    description: "What the call was made for: the answer, or a title of its session. More will come",
  }),
  outcome: z.enum(["finished", "broken", "refused"]).nullable().openapi({
    description:
      "finished: the whole answer came; refused: an error came instead; broken: it was sent, and no whole answer came; null: not known",
  }),
  ...attemptShape,
  error_code: z.enum(errorCodes).nullable(),
});

export const receiptSchema = z
  .object({
    turn_id: idSchema,
    ...attemptShape,
    settled: z
      .boolean()
      .openapi({ description: "False while the turn runs, and while a stopped turn's bill is still being read" }),
    imported: z.boolean().openapi({
      description: "The turn came from a file: this is what it had cost before, and no spend of this server",
    }),
    attempts: z
      .array(callSchema)
      .openapi({ description: "Every call to the vendor; the delivering one is also what stands above" }),
  })
  .openapi("Receipt", {
    description:
      "total and accuracy are the whole turn's; the other fields are those of the call that delivered the answer",
    example: {
      turn_id: exampleIds.turn,
      ...exampleAttempt,
      settled: true,
      imported: false,
      attempts: [
        { attempt: 1, purpose: "chat" as const, outcome: "finished" as const, ...exampleAttempt, error_code: null },
      ],
    },
  });

/** `importedCalls`: what the turn came with from a file. */
export function encodeReceipt(
  turn: Turn,
  entries: readonly LedgerEntry[],
  importedCalls: string | null = null,
): z.infer<typeof receiptSchema> {
  const attempts = joinCalls(importedCalls, entries);
  const answering = attempts.filter(({ purpose }) => purpose === "chat");
  const delivering = answering.findLast(({ error_code }) => error_code === null) ?? answering.at(-1);
  const cost =
    entries.length > 0 && importedCalls === null
      ? sumCost(entries)
      : (turn.cost ?? { total: null, accuracy: "unknown" as const });
  return {
    turn_id: turn.id,
    ...(delivering ? withoutNumber(delivering) : attemptOfNone(turn)),
    total: printTotal(cost),
    accuracy: cost.accuracy,
    settled: turn.settled && turn.status !== "running",
    imported: turn.imported,
    attempts,
  };
}

/** Of a turn that came from a file: its calls of before, and those that were made for it here. */
export function joinCalls(imported: string | null, entries: readonly LedgerEntry[]): z.infer<typeof callSchema>[] {
  const before: z.infer<typeof callSchema>[] = imported === null ? [] : JSON.parse(imported);
  return [...before, ...entries.map((entry) => encodeCall({ ...entry, attempt: before.length + entry.attempt }))];
}

function withoutNumber({ attempt, purpose, outcome, error_code, ...call }: z.infer<typeof callSchema>) {
  return call;
}

function encodeCall(entry: LedgerEntry): z.infer<typeof callSchema> {
  return {
    attempt: entry.attempt,
    purpose: entry.purpose,
    outcome: entry.outcome,
    ...encodeAttempt(entry),
    error_code: entry.errorCode,
  };
}

function encodeAttempt(entry: LedgerEntry) {
  return {
    at: printTime(entry.at),
    vendor: entry.vendor,
    model_requested: entry.modelRequested,
    model_served: entry.modelServed,
    price: entry.price && {
      id: entry.price.id,
      effective_from: entry.price.effectiveFrom,
      source: entry.price.source,
      read_on: entry.price.readOn,
      rates: entry.price.rates,
    },
    usage_raw: entry.usageRaw === null ? null : parseRaw(entry.usageRaw),
    counted: entry.counted,
    usage: entry.usage && encodeUsage(entry.usage),
    lines: entry.lines.map(({ item, quantity, unit, unitPrice, amount }) => ({
      item,
      quantity,
      unit,
      unit_price: printUsd(unitPrice),
      amount: printUsd(amount),
    })),
    total: printTotal(entry),
    currency: "USD" as const,
    accuracy: entry.accuracy,
    balanced: entry.balanced,
  };
}

/** Nothing was sent to the vendor, or nothing is booked yet. */
function attemptOfNone(turn: Turn) {
  return {
    at: printTime(turn.endedAt ?? turn.startedAt),
    vendor: null,
    model_requested: turn.modelRequested,
    model_served: turn.modelServed,
    price: null,
    usage_raw: null,
    counted: null,
    usage: turn.usage && encodeUsage(turn.usage),
    lines: [],
    currency: "USD" as const,
    balanced: true,
  };
}

function parseRaw(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json; // broken as it came; shown as it came
  }
}
