// A session's history: a page of it, or the whole path as one JSON text written in constant memory.

import { z } from "@hono/zod-openapi";
import type { Message } from "../../conversation/message.ts";
import type { Session } from "../../conversation/session.ts";
import { notFound } from "../../errors.ts";
import type { HiddenTurns } from "../../store.ts";
import { type HttpAnswer, inPieces } from "../answer.ts";
import type { AppDeps } from "../deps.ts";
import type { Exchange } from "../exchange.ts";
import { invalidRequest } from "../field-errors.ts";
import { answerJson, jsonAnswer, jsonHeaders, type Route, route } from "../route.ts";
import {
  askedIdSchema,
  costSchema,
  count,
  encodeCost,
  encodeList,
  exampleCost,
  exampleUsage,
  listSchema,
  orNull,
  usageSchema,
} from "../wire.ts";
import { cursorFields } from "./fields.ts";
import { encodeMessage, exampleMessages, messageSchema } from "./message-wire.ts";
import { refuseTwoCursors } from "./page.ts";
import { encodeSession, exampleSession, sessionSchema } from "./session-wire.ts";

const nothing = { ...exampleCost, total: "0" };
const historySchema = listSchema(messageSchema, {
  session: sessionSchema,
  usage: usageSchema,
  cost: costSchema,
  hidden: orNull(
    z.object({ turns: count, cost: costSchema }).openapi("HiddenTurns", { example: { turns: 0, cost: nothing } }),
  ).openapi({
    description:
      "The turns that are not on this path: with its messages they are all of the session's. Null on a page that a cursor asks for",
  }),
}).openapi("History", {
  example: {
    session: exampleSession,
    usage: exampleUsage,
    cost: exampleCost,
    hidden: { turns: 0, cost: nothing },
    ...encodeList([exampleMessages.user, exampleMessages.reply], false),
  },
});

const historyQuery = z.strictObject({
  ...cursorFields,
  tip: askedIdSchema.optional().openapi({
    description: "The path to this message, on any branch. Default: to the newest message of the current branch",
  }),
  order: z.enum(["asc", "desc"]).optional().openapi({ description: "asc (default): oldest first" }),
});

export function historyRoutes({ store }: AppDeps): Route[] {
  return [
    route({
      method: "get",
      path: "/sessions/{id}/history",
      scope: "read",
      operationId: "readHistory",
      tag: "Messages",
      summary: "Read every message of a session, with its accumulated cost and usage",
      description: "Without `limit` the whole path; with it a page of that path.",
      params: { id: "session" },
      query: historyQuery,
      responses: { 200: jsonAnswer("The messages, in order", historySchema) },
      errors: ["not_found", "invalid_request", "storage_unavailable"],
      async handler({ exchange, id, query: { limit, after, before, order, tip } }) {
        refuseTwoCursors(after, before);
        if (limit === undefined && (after ?? before ?? order) !== undefined)
          throw invalidRequest([{ pointer: "?limit", detail: "is required with after, before and order" }]);
        const session = await store.findSession(exchange.owner, id);
        if (!session) throw notFound("session");
        const hidden = (after ?? before) === undefined ? await store.sumHidden(exchange.owner, id, tip) : null;
        const head = headOf(session, hidden);
        if (limit === undefined)
          return answerWhole(exchange, head, store.readHistory(exchange.owner, id, tip)[Symbol.asyncIterator]());
        const page = await store.listMessages(exchange.owner, id, { limit, after, before, tip, order: order ?? "asc" });
        return answerJson(200, { ...head, ...encodeList(page.data.map(encodeMessage), page.hasMore) });
      },
    }),
  ];
}

type Head = ReturnType<typeof headOf>;

function headOf(session: Session, hidden: HiddenTurns | null) {
  const encoded = encodeSession(session);
  const { usage, cost } = encoded;
  return { session: encoded, usage, cost, hidden: hidden && { ...hidden, cost: encodeCost(hidden.cost) } };
}

type Batches = AsyncIterator<Message[], void>;

/** A short history is one text; from two batches on it is written as the reader takes it. */
async function answerWhole(exchange: Exchange, head: Head, batches: Batches): Promise<HttpAnswer> {
  const first = await batches.next();
  const second = first.done ? first : await batches.next();
  const messages = first.done ? [] : first.value.map(encodeMessage);
  if (second.done) return answerJson(200, { ...head, ...encodeList(messages, false) });
  const known = (first.done ? [] : first.value).concat(second.value);
  const texts = printHistory(head, known, batches);
  const start = await texts.next();
  return { status: 200, headers: jsonHeaders, body: inPieces(exchange, texts, start.value ?? "") };
}

async function* printHistory(head: Head, known: Message[], batches: Batches): AsyncGenerator<string, void, void> {
  try {
    const start = JSON.stringify({ ...head, object: "list", first_id: known[0]?.id ?? null });
    yield `${start.slice(0, -1)},"data":[${printMessages(known)}`;
    let lastId = known.at(-1)?.id ?? null;
    for (let next = await batches.next(); !next.done; next = await batches.next()) {
      lastId = next.value.at(-1)?.id ?? lastId;
      yield `,${printMessages(next.value)}`;
    }
    yield `],"last_id":${JSON.stringify(lastId)},"has_more":false}`;
  } finally {
    await batches.return?.();
  }
}

function printMessages(messages: readonly Message[]): string {
  return messages.map((message) => JSON.stringify(encodeMessage(message))).join(",");
}
