// Turns: their state, their events live or afterwards, stopping them, and their receipt.

import { z } from "@hono/zod-openapi";
import { notFound } from "../../errors.ts";
import type { Turn } from "../../turn/turn.ts";
import type { AppDeps } from "../deps.ts";
import type { Exchange } from "../exchange.ts";
import { invalidRequest } from "../field-errors.ts";
import { answerJson, jsonAnswer, type Route, route } from "../route.ts";
import type { Streams } from "../sse.ts";
import { eventStreamAnswer } from "./event-schema.ts";
import { encodeEvents } from "./event-wire.ts";
import { encodeReceipt, receiptSchema } from "./money/receipt-wire.ts";
import { encodeTurn, turnSchema } from "./turn-wire.ts";

const eventNumber = /^\d{1,9}$/;
const mustBeNumber = "must be the number of an event: a whole number, 0 or more";
const eventsQuery = z.strictObject({
  after: z.string().regex(eventNumber, mustBeNumber).transform(Number).optional().openapi({
    type: "integer",
    minimum: 0,
    maximum: 999_999_999,
    description: "Begin after this event; Last-Event-ID wins over it",
  }),
});
const stopSchema = z
  .strictObject({
    hard: z.boolean().optional().openapi({
      description:
        "true: cut the line to the vendor at once; the bill is then not exact. Default: read it on, unseen, for its bill",
    }),
  })
  .openapi("Stop", { example: { hard: false } });

const following = ": following\n\n";

export function turnRoutes({ store, turns }: AppDeps, streams: Streams): Route[] {
  async function getTurn(exchange: Exchange, id: string): Promise<Turn> {
    const turn = await store.getTurn(exchange.owner, id);
    exchange.sessionId = turn.sessionId;
    return turn;
  }

  return [
    route({
      method: "get",
      path: "/turns/{id}",
      scope: "read",
      operationId: "getTurn",
      tag: "Turns",
      summary: "Read a turn's state",
      description: "404 once it was deleted, with a version of what was said; then its receipt is all there is of it.",
      params: { id: "turn" },
      responses: { 200: jsonAnswer("The turn", turnSchema) },
      errors: ["not_found", "storage_unavailable"],
      async handler({ exchange, id }) {
        return answerJson(200, encodeTurn(await getTurn(exchange, id)));
      },
    }),
    route({
      method: "get",
      path: "/turns/{id}/events",
      scope: "read",
      operationId: "followTurn",
      tag: "Turns",
      summary: "Follow a turn's events, from the start or from where you left",
      params: { id: "turn" },
      headers: { "Last-Event-ID": "The number of the last event you have" },
      query: eventsQuery,
      responses: {
        200: eventStreamAnswer,
        204: { description: "The turn is over, and you have all of it: an EventSource stops connecting again" },
      },
      errors: ["not_found", "invalid_request", "storage_unavailable"],
      async handler({ exchange, id, query }) {
        const after = readLastEventId(exchange) ?? query.after ?? 0;
        const isOver = (await getTurn(exchange, id)).status !== "running";
        const groups = (await turns.follow(exchange.owner, id)).read(after);
        if (!isOver || after === 0) return streams.answer(exchange, { head: following, begun: true, groups });
        const { value: first } = await groups.next();
        if (!first) return { status: 204, headers: { "cache-control": "no-store" }, body: null };
        return streams.answer(exchange, { head: following + encodeEvents(first), begun: true, groups });
      },
    }),
    route({
      method: "post",
      path: "/turns/{id}/stop",
      scope: "chat",
      operationId: "stopTurn",
      tag: "Turns",
      summary: "Stop a turn",
      description: "Readers get `turn-end` at once. Stopping what is over changes nothing and answers with the turn.",
      params: { id: "turn" },
      body: stopSchema,
      bodyOptional: true,
      responses: { 200: jsonAnswer("The turn as it is now", turnSchema) },
      errors: [
        "malformed_json",
        "not_found",
        "conflict",
        "too_large",
        "unsupported_media_type",
        "invalid_request",
        "storage_unavailable",
      ],
      async handler({ exchange, id, body }) {
        return answerJson(200, encodeTurn(await turns.stop(exchange.owner, id, body.hard ?? false)));
      },
    }),
    route({
      method: "get",
      path: "/turns/{id}/receipt",
      scope: "read",
      operationId: "getReceipt",
      tag: "Turns",
      summary: "Read what a turn cost, line by line",
      description:
        "The receipt alone is enough to compute the total again: counts as the vendor sent them, and the whole price row.",
      params: { id: "turn" },
      responses: { 200: jsonAnswer("The receipt", receiptSchema) },
      errors: ["not_found", "storage_unavailable"],
      async handler({ exchange, id }) {
        const turn = await store.findTurn(exchange.owner, id);
        if (!turn) throw notFound("turn");
        exchange.sessionId = turn.sessionId;
        const calls = turn.imported ? ((await store.findImportedCalls(exchange.owner, id)) ?? null) : null;
        return answerJson(200, encodeReceipt(turn, await store.listEntries(exchange.owner, id), calls));
      },
    }),
  ];
}

function readLastEventId(exchange: Exchange): number | undefined {
  const value = exchange.header("last-event-id");
  if (value === undefined || value === "") return undefined;
  if (!eventNumber.test(value)) throw invalidRequest([{ pointer: "Last-Event-ID", detail: mustBeNumber }]);
  return Number(value);
}
