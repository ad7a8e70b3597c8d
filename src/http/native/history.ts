// A session's history: a page of it, or the whole path as one JSON text written in constant memory.

import { z } from "@hono/zod-openapi";
import type { Message } from "../../conversation/message.ts";
import type { Session } from "../../conversation/session.ts";
import { notFound } from "../../errors.ts";
import type { HttpAnswer } from "../answer.ts";
import type { AppDeps } from "../deps.ts";
import type { Exchange } from "../exchange.ts";
import { invalidRequest } from "../field-errors.ts";
import { answerJson, jsonHeaders, type Route, route } from "../route.ts";
import { costSchema, encodeList, exampleCost, exampleUsage, listSchema, usageSchema } from "../wire.ts";
import { cursorFields } from "./fields.ts";
import { encodeMessage, exampleMessages, messageSchema } from "./message-wire.ts";
import { encodeSession, exampleSession, sessionSchema } from "./session-wire.ts";

const historySchema = listSchema(messageSchema, {
  session: sessionSchema,
  usage: usageSchema,
  cost: costSchema,
}).openapi("History", {
  example: {
    session: exampleSession,
    usage: exampleUsage,
    cost: exampleCost,
    ...encodeList([exampleMessages.user, exampleMessages.reply], false),
  },
});

const historyQuery = z.strictObject({
  ...cursorFields,
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
      description: "Without `limit` the whole path to the newest message; with it a page of that path.",
      params: { id: "session" },
      query: historyQuery,
      responses: {
        200: { description: "The messages, in order", content: { "application/json": { schema: historySchema } } },
      },
      errors: ["not_found", "invalid_request", "storage_unavailable"],
      async handler({ exchange, id, query: { limit, after, before, order } }) {
        if (after !== undefined && before !== undefined)
          throw invalidRequest([{ pointer: "?before", detail: "cannot go with after" }]);
        if (limit === undefined && (after ?? before ?? order) !== undefined)
          throw invalidRequest([{ pointer: "?limit", detail: "is required with after, before and order" }]);
        const session = await store.findSession(exchange.owner, id);
        if (!session) throw notFound("session");
        if (limit === undefined)
          return answerWhole(exchange, session, store.readHistory(exchange.owner, id)[Symbol.asyncIterator]());
        const page = await store.listMessages(exchange.owner, id, { limit, after, before, order: order ?? "asc" });
        return answerJson(200, { ...headOf(session), ...encodeList(page.data.map(encodeMessage), page.hasMore) });
      },
    }),
  ];
}

function headOf(session: Session) {
  const encoded = encodeSession(session);
  return { session: encoded, usage: encoded.usage, cost: encoded.cost };
}

type Batches = AsyncIterator<Message[]>;

/** A short history is one text; from two batches on it is written as the reader takes it. */
async function answerWhole(exchange: Exchange, session: Session, batches: Batches): Promise<HttpAnswer> {
  const first = await batches.next();
  const second = first.done ? first : await batches.next();
  const messages = first.done ? [] : first.value.map(encodeMessage);
  if (second.done) return answerJson(200, { ...headOf(session), ...encodeList(messages, false) });
  const known = (first.done ? [] : first.value).concat(second.value);
  return { status: 200, headers: { ...jsonHeaders }, body: streamHistory(exchange, session, known, batches) };
}

const utf8 = new TextEncoder();

/** A failure in the middle cuts the line: what has arrived is then no JSON, and nobody takes it for the whole. */
function streamHistory(
  exchange: Exchange,
  session: Session,
  known: Message[],
  batches: Batches,
): ReadableStream<Uint8Array> {
  let lastId = known.at(-1)?.id ?? null;
  let next: Message[] | undefined = known;
  let text = `${JSON.stringify({ ...headOf(session), object: "list", first_id: known[0]?.id ?? null }).slice(0, -1)},"data":[`;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          if (next === undefined) {
            const { done, value } = await batches.next();
            if (done) {
              controller.enqueue(utf8.encode(`],"last_id":${JSON.stringify(lastId)},"has_more":false}`));
              controller.close();
              return;
            }
            next = value;
            text = ",";
          }
          lastId = next.at(-1)?.id ?? lastId;
          controller.enqueue(
            utf8.encode(text + next.map((message) => JSON.stringify(encodeMessage(message))).join(",")),
          );
          next = undefined;
        } catch (cause) {
          exchange.logUnforeseen(cause);
          controller.error();
        }
      },
      async cancel() {
        await batches.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
